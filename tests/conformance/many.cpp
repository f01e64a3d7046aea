// The number of objects is bounded by memory alone.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "conformance/primitives.hpp"

using carom::Acquisition;
using carom::Lock;

namespace {

struct Million {
  static constexpr std::size_t kCount = 1'000'000;

  Lock locks[kCount];
};

/// The places of a thousand, scattered, all different: the multiplier has no factor in common with their number.
std::size_t scattered(std::size_t i) {
  return (i * 999'983 + 17) % Million::kCount;
}

}  // namespace

TEST(Many, a_million_locks_in_one_segment) {
  const carom::Shared<Million> board;
  for (const Lock& lock : board->locks) ASSERT_FALSE(lock.locked());
  Party victim([&board] {
    for (std::size_t i = 0; i < 1000; ++i) board->locks[scattered(i)].lock();
  });
  EXPECT_EQ(victim.result(), 0);
  victim.die();
  for (std::size_t i = 0; i < 1000; ++i) {
    Lock& lock = board->locks[scattered(i)];
    ASSERT_EQ(lock.acquire(), Acquisition::acquired_owner_died) << i;
    ASSERT_EQ(lock.release(), carom::Release::released);
  }
  EXPECT_EQ(board.segment().takeovers(), 1000u);
  for (Lock& lock : board->locks) ASSERT_EQ(lock.acquire(false), Acquisition::acquired);
  for (Lock& lock : board->locks) ASSERT_EQ(lock.release(), carom::Release::released);
}
