// A lock whose word changes whenever a waiter is about to fall asleep. The changes are made at the waiter's own steps,
// so that none comes too early or too late.
#include <gtest/gtest.h>

#include <atomic>
#include <carom/detail/lock_word.hpp>
#include <carom/detail/step.hpp>
#include <carom/lock.hpp>
#include <carom/shared.hpp>
#include <chrono>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "memory/waiting.hpp"
#include "platform/futex.hpp"
#include "support/party.hpp"

using namespace std::chrono_literals;
using carom::detail::LockWord;

namespace {

using Clock = std::chrono::steady_clock;

class HotLock : public testing::Test {
 protected:
  HotLock() {
    owner.wait_until_done();
    current = this;
  }
  ~HotLock() override {
    carom::detail::at_step = nullptr;
    current = nullptr;
  }

  /// As the owner that gives the lock back and takes it again at once.
  void change() { word.store(LockWord(word.load()).owner()); }
  void set_free() { word.store(LockWord::kFree); }

  /// Reacts to the steps of the waiter, the only ones from now on.
  void at_steps(std::function<void(std::string_view)> react) {
    reaction = std::move(react);
    carom::detail::at_step = [](const char* name) noexcept { current->at_step(name); };
  }
  void at_step(std::string_view name) {
    if (name == "lock_marked") marks.push_back(Clock::now());
    if (name == "about_to_sleep") ++sleeps_begun;
    reaction(name);
  }

  carom::Shared<carom::Lock> lock;
  carom::platform::Word& word = *reinterpret_cast<carom::platform::Word*>(&*lock);  // tests/layout holds it
  support::ThreadParty owner{[this] { lock->lock(); }};
  std::vector<Clock::time_point> marks;
  std::atomic<int> sleeps_begun = 0;

 private:
  std::function<void(std::string_view)> reaction;
  static inline HotLock* current = nullptr;
};

}  // namespace

TEST_F(HotLock, a_refused_sleeper_rests_between_its_marks_and_looks_on_before_it_tries_to_sleep_again) {
  at_steps([this](std::string_view step) {
    if (step == "about_to_sleep") change();
    if (step != "lock_marked" || marks.size() == 1) return;
    if (marks.size() == 5) {
      set_free();
    } else {
      change();
    }
  });
  lock->lock();
  EXPECT_EQ(marks.size(), 5u);
  EXPECT_EQ(sleeps_begun, 1);
  for (std::size_t i = 1; i < marks.size(); ++i) EXPECT_GE(marks[i] - marks[i - 1], carom::memory::kRest);
  lock->unlock();
}

TEST_F(HotLock, a_refused_sleeper_gives_up_in_time) {
  at_steps([this](std::string_view step) {
    if (step == "about_to_sleep" || marks.size() > 1) change();
  });
  const auto begin = Clock::now();
  EXPECT_FALSE(lock->try_lock_for(5ms));
  EXPECT_GE(Clock::now() - begin, 5ms);
}

TEST_F(HotLock, a_refused_sleeper_falls_asleep_once_the_word_stays_the_same) {
  at_steps([this](std::string_view step) {
    if (step == "about_to_sleep" && sleeps_begun == 1) change();
  });
  support::ThreadParty waiter([this] { lock->lock(); });
  support::wait_until([&] { return sleeps_begun >= 2 && waiter.sleeps(); });
  lock->unlock();
  waiter.wait_until_done();
  EXPECT_TRUE(LockWord(word).contended());
}
