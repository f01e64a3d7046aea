// A word that no lock ever stores is reported, never believed.
#include <cstring>

#include "conformance/lockable.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Errc;
using support::code_of;

template <class L>
class LockableCorrupted : public testing::Test {
 protected:
  /// What somebody wrote over the lock.
  void scribble(std::uint32_t bits) {
    std::memcpy(static_cast<void*>(&board_->lock), &bits, sizeof bits);  // tests/layout holds it
  }
  void expect_corrupted() {
    auto& lock = board_->lock;
    EXPECT_EQ(lock.acquire(), Acquisition::corrupted);
    EXPECT_EQ(lock.acquire(false), Acquisition::corrupted);
    EXPECT_EQ(lock.acquire(1h), Acquisition::corrupted);
    EXPECT_FALSE(lock.acquire(false));
    EXPECT_EQ(code_of([&] { lock.lock(); }), Errc::corrupted);
    EXPECT_EQ(code_of([&] { return lock.try_lock(); }), Errc::corrupted);
    EXPECT_EQ(code_of([&] { return lock.try_lock_for(1h); }), Errc::corrupted);
    EXPECT_TRUE(lock.locked());
    EXPECT_FALSE(lock.owned());
    EXPECT_FALSE(lock.make_consistent());
    if (lock.owner()) {
      EXPECT_FALSE(lock.owner()->alive);
    }
  }

  carom::Shared<Board<L>> board_ = make_board<L>();
  const std::uint32_t self_ = board_.segment().join().id;
};
TYPED_TEST_SUITE(LockableCorrupted, Lockables, LockableNames);

TYPED_TEST(LockableCorrupted, an_owner_from_a_generation_to_come) {
  this->scribble(this->self_ + 1024);
  this->expect_corrupted();
}

TYPED_TEST(LockableCorrupted, an_owner_in_a_slot_that_was_never_used) {
  this->scribble(this->self_ + 700);
  this->expect_corrupted();
}

TYPED_TEST(LockableCorrupted, an_owner_from_before_the_first_generation) {
  this->scribble(2);
  this->expect_corrupted();
}

TYPED_TEST(LockableCorrupted, all_bits_set) {
  this->scribble(0xffff'ffff);
  this->expect_corrupted();
}

TYPED_TEST(LockableCorrupted, a_flag_without_an_owner) {
  for (const std::uint32_t flags : {0x4000'0000u, 0xc000'0000u}) {  // contended alone is kept, and so free
    this->scribble(flags);
    this->expect_corrupted();
  }
}

TYPED_TEST(LockableCorrupted, a_flag_without_an_owner_when_the_first_slot_is_vacant) {
  support::ThreadParty second([this] { return this->board_.segment().join().id; });
  EXPECT_NE(second.result(), 0);
  this->board_.segment().leave();  // from the slot that an id of 0 would name
  int outcome = -1;
  support::ThreadParty third([&] {
    this->scribble(0x4000'0000);
    outcome = this->board_->lock.acquire(false).kind();
  });
  third.leave();
  EXPECT_EQ(outcome, Acquisition::corrupted);
}

TYPED_TEST(LockableCorrupted, a_sleeper_whose_lock_is_overwritten_comes_back_with_the_reason) {
  auto& lock = this->board_->lock;
  lock.lock();
  std::vector<Party> sleepers;
  sleepers.emplace_back([&lock] { return lock.acquire().kind(); });
  wait_for_sleepers(lock, sleepers, 1);
  this->scribble(this->self_ + 2048);
  EXPECT_EQ(sleepers[0].leave(), Acquisition::corrupted);
}

TYPED_TEST(LockableCorrupted, a_lock_that_says_it_lies_elsewhere_is_refused) {
  auto& lock = this->board_->lock;
  constexpr std::size_t kHomeAt = std::is_same_v<TypeParam, carom::FifoLock> ? 8 : 4;
  constexpr std::uint32_t kFarBelow = 0xffff'fff0;
  std::memcpy(reinterpret_cast<std::byte*>(&lock) + kHomeAt, &kFarBelow, sizeof kFarBelow);
  EXPECT_EQ(code_of([&] { return lock.acquire(); }), Errc::corrupted);
  EXPECT_EQ(code_of([&] { return lock.owned(); }), Errc::corrupted);
}

TYPED_TEST(LockableCorrupted, a_lock_outside_of_any_segment_cannot_be_made) {
  EXPECT_EQ(code_of([] { TypeParam lock; }), Errc::outside_segment);
}
