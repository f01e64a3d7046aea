// The futex calls: who is woken by what, and that no deadline is missed by being early.
#include "platform/futex.hpp"

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "support/old_kernel.hpp"
#include "support/party.hpp"

using namespace std::chrono_literals;
using carom::Deadline;
using carom::platform::kEverybody;
using carom::platform::Wait;
using carom::platform::wait;
using carom::platform::wait_any;
using carom::platform::wake;
using carom::platform::Watch;
using carom::platform::Word;
using support::Plain;
using support::ProcessParty;
using support::wait_until;
using Clock = std::chrono::steady_clock;

namespace {

struct Words {
  Word first{1};
  Word second{2};
  Word third{3};
};

class Futex : public testing::Test {
 protected:
  Plain<Words> words_;
};

/// Both ways in which a kernel may offer to wait for several words.
class FutexAny : public Futex, public testing::WithParamInterface<bool> {
 protected:
  Wait wait_unless_changed(std::uint32_t first, std::uint32_t second, std::uint32_t third,
                           Deadline deadline) {
    const Watch watches[] = {{&words_->first, first}, {&words_->second, second}, {&words_->third, third}};
    return wait_any(watches, deadline);
  }

  /// Waits like a caller does: again and again, until something happened.
  int wait_for_change() {
    while (words_->first == 1 && words_->second == 2 && words_->third == 3) {
      wait_unless_changed(1, 2, 3, Deadline::never());
    }
    return 1;
  }

 private:
  support::OldKernel kernel_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Kernel, FutexAny, testing::Values(false, true),
                         [](const auto& given) { return given.param ? "old" : "new"; });

using FutexAnyOfOld = FutexAny;
INSTANTIATE_TEST_SUITE_P(Kernel, FutexAnyOfOld, testing::Values(true), [](const auto&) { return "old"; });

}  // namespace

TEST_F(Futex, a_changed_word_is_not_slept_on) {
  EXPECT_EQ(wait({&words_->first, 0}, Deadline::never()), Wait::changed);
}

TEST_F(Futex, a_deadline_ends_the_wait_and_not_before) {
  const auto begin = Clock::now();
  EXPECT_EQ(wait({&words_->first, 1}, 20ms), Wait::timed_out);
  EXPECT_GE(Clock::now() - begin, 20ms);
  EXPECT_EQ(wait({&words_->first, 1}, Deadline::passed()), Wait::timed_out);
}

TEST_F(Futex, a_wake_reaches_another_process) {
  ProcessParty sleeper([this] { return wait({&words_->first, 1}, Deadline::never()) == Wait::woken; });
  wait_until([&] { return sleeper.sleeps(); });
  EXPECT_EQ(wake(words_->first, kEverybody), 1);
  EXPECT_EQ(sleeper.leave(), 1);
}

TEST_F(Futex, a_wake_reaches_no_more_than_it_is_meant_for) {
  std::vector<ProcessParty> sleepers;
  for (int i = 0; i < 3; ++i) {
    sleepers.emplace_back([this] { return wait({&words_->first, 1}, Deadline::never()) == Wait::woken; });
  }
  for (const ProcessParty& sleeper : sleepers) wait_until([&] { return sleeper.sleeps(); });
  EXPECT_EQ(wake(words_->second, kEverybody), 0);
  EXPECT_EQ(wake(words_->first, 1), 1);
  EXPECT_EQ(wake(words_->first, kEverybody), 2);
  EXPECT_EQ(wake(words_->first, kEverybody), 0);
  for (ProcessParty& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), 1);
}

TEST_F(Futex, a_signal_is_told_from_a_wake) {
  struct sigaction ignore {};
  ignore.sa_handler = [](int) {};
  sigaction(SIGUSR1, &ignore, nullptr);
  ProcessParty sleeper([this] { return wait({&words_->first, 1}, Deadline::never()) == Wait::interrupted; });
  wait_until([&] { return sleeper.sleeps(); });
  sleeper.signal(SIGUSR1);
  EXPECT_EQ(sleeper.leave(), 1);
}

TEST_F(Futex, a_stranger_who_waits_as_for_a_priority_inheriting_mutex_does_the_waker_no_harm) {
  const auto self = static_cast<std::uint32_t>(syscall(SYS_gettid));
  words_->first = self;
  ProcessParty stranger(
      [this] { return syscall(SYS_futex, &words_->first, FUTEX_LOCK_PI, 0, nullptr, nullptr, 0) == 0; });
  wait_until([&] { return stranger.sleeps(); });
  words_->first = 1;
  errno = EDOM;
  EXPECT_EQ(wake(words_->first, kEverybody), 0);
  EXPECT_EQ(errno, EDOM);
}

TEST_F(Futex, waking_leaves_errno_alone) {
  errno = 77;
  wake(words_->first, 1);
  EXPECT_EQ(errno, 77);
}

TEST_P(FutexAny, a_change_of_any_word_is_not_slept_on) {
  EXPECT_EQ(wait_unless_changed(0, 2, 3, Deadline::never()), Wait::changed);
  EXPECT_EQ(wait_unless_changed(1, 0, 3, Deadline::never()), Wait::changed);
  EXPECT_EQ(wait_unless_changed(1, 2, 0, Deadline::never()), Wait::changed);
}

TEST_P(FutexAny, a_deadline_ends_the_wait_and_not_before) {
  const Deadline deadline = 20ms;
  while (wait_unless_changed(1, 2, 3, deadline) != Wait::timed_out || !deadline.expired()) {
  }
  EXPECT_GE(Deadline::now_ns(), deadline.ns());
}

TEST_P(FutexAny, a_wake_of_any_word_ends_it) {
  for (Word* const word : {&words_->first, &words_->second, &words_->third}) {
    ProcessParty sleeper([this] { return wait_for_change(); });
    wait_until([&] { return sleeper.sleeps(); });
    const std::uint32_t before = word->exchange(9);
    wake(*word, 1);
    EXPECT_EQ(sleeper.leave(), 1);
    *word = before;
  }
}

TEST_P(FutexAny, one_word_alone_will_do) {
  const Watch watches[] = {{&words_->first, 1}};
  EXPECT_EQ(wait_any(watches, Deadline::passed()), Wait::timed_out);
  const Watch changed[] = {{&words_->first, 0}};
  EXPECT_EQ(wait_any(changed, Deadline::never()), Wait::changed);
}

TEST_P(FutexAnyOfOld, a_change_is_noticed_though_nobody_wakes) {
  for (Word* const word : {&words_->second, &words_->third}) {
    ProcessParty sleeper([this] { return wait_for_change(); });
    wait_until([&] { return sleeper.sleeps(); });
    const std::uint32_t before = word->exchange(9);
    EXPECT_EQ(sleeper.leave(), 1);
    *word = before;
  }
}
