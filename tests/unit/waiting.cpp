// The one sleep: what ends it.
#include "memory/waiting.hpp"

#include <gtest/gtest.h>

#include <carom/detail/seat.hpp>
#include <carom/shared.hpp>
#include <chrono>
#include <thread>

#include "memory/mapped_segment.hpp"
#include "support/old_kernel.hpp"
#include "support/party.hpp"

using carom::Deadline;
using carom::memory::MappedSegment;
using carom::memory::Waiting;
using carom::platform::kEverybody;
using carom::platform::wake;
using carom::platform::Word;
using support::ProcessParty;

namespace {

struct Words {
  Word own{0};
  Word common{7};
  Word came{0};
};

class WaitingTest : public testing::Test {
 protected:
  /// A sleep on both words, in which nothing but a wake helps.
  void sleep(std::uint32_t expected) {
    Waiting::set_recheck(std::chrono::hours(1));
    MappedSegment& segment = *MappedSegment::containing(&*words_);
    carom::memory::Roster roster = segment.roster();
    Waiting waiting(roster, carom::detail::seat_in(&segment.header()), 1);
    waiting.sleep(words_->own, expected, {}, Deadline::never(), &words_->common);
  }

  carom::Shared<Words> words_;
};

}  // namespace

TEST_F(WaitingTest, a_wake_of_the_common_word_misses_nobody_whose_own_has_changed) {
  constexpr std::uint32_t kRounds = 20'000;
  ProcessParty sleeper([this] {
    for (std::uint32_t round = 1; round <= kRounds; ++round) {
      words_->came.store(round);
      while (words_->own != round) sleep(round - 1);
    }
    return 1;
  });
  for (std::uint32_t round = 1; round <= kRounds; ++round) {
    while (words_->came != round) std::this_thread::yield();
    // On its way to sleep, or asleep.
    for (std::uint32_t i = 0; i < round * 37 % 4096; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    words_->own.store(round);
    wake(words_->common, kEverybody);
  }
  EXPECT_EQ(sleeper.leave(), 1);
}

TEST_F(WaitingTest, an_old_kernel_watches_the_sleepers_own_word) {
  const support::OldKernel kernel;
  ProcessParty sleeper([this] {
    while (words_->came == 0) sleep(0);
    return 1;
  });
  while (wake(words_->own, 1) == 0) std::this_thread::yield();
  words_->came.store(1);
  EXPECT_EQ(sleeper.leave(), 1);
}
