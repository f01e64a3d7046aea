// Looking again before a sleep ends, and depends on how many processors there are.
#include "sync/spin.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <carom/lock.hpp>
#include <carom/shared.hpp>
#include <chrono>
#include <limits>
#include <thread>

#include "platform/futex.hpp"
#include "platform/process_identity.hpp"
#include "support/party.hpp"

using carom::sync::Awaited;
using carom::sync::Spin;

namespace {

/// How often a waiter looks that waits in vain.
int looks(Awaited awaited) {
  Spin spin(awaited);
  int number = 0;
  while (spin.again()) ++number;
  EXPECT_FALSE(spin.again());
  return number;
}

void use_one_processor() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
}

/// Each with a thread of its own, which has learnt nothing yet.
template <class Body>
void in_a_thread(Body body) {
  std::thread(body).join();
}

}  // namespace

TEST(Spin, looking_in_vain_is_learnt_and_tried_again_now_and_then) {
  in_a_thread([] {
    const int first = looks(Awaited::release);
    int most = 0;
    int least = first;
    for (int i = 0; i < 100; ++i) {
      const int number = looks(Awaited::release);
      most = std::max(most, number);
      least = std::min(least, number);
    }
    const bool alone = carom::platform::usable_processors() == 1;
    EXPECT_EQ(first == 0, alone);
    EXPECT_EQ(least < first, !alone);
    EXPECT_EQ(most, first);
  });
}

TEST(Spin, on_one_processor_nobody_keeps_it_for_a_release) {
  in_a_thread([] {
    use_one_processor();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(looks(Awaited::release), 0);
  });
}

TEST(Spin, on_one_processor_others_are_let_have_it_for_a_signal) {
  in_a_thread([] {
    use_one_processor();
    EXPECT_GT(looks(Awaited::signal), 0);  // at least once, however long that takes
  });
}

TEST(Spin, bound_to_one_processor_later_it_stops_after_the_next_sleep) {
  in_a_thread([] {
    EXPECT_EQ(looks(Awaited::release) == 0, carom::platform::usable_processors() == 1);
    use_one_processor();
    static_cast<void>(looks(Awaited::release));
    EXPECT_EQ(looks(Awaited::release), 0);
  });
}

TEST(Spin, a_lock_found_taken_after_a_sleep_is_looked_at_again_before_the_next) {
  support::ProcessParty alone_with_its_choice_of_rounds([] {
    const carom::Shared<carom::Lock> lock;
    lock->lock();
    Spin::set_rounds(0);
    support::ThreadParty waiter([&lock] {
      lock->lock();
      lock->unlock();
    });
    support::wait_until([&] { return lock->waiters() == 1 && waiter.sleeps(); });
    Spin::set_rounds(std::numeric_limits<int>::max());
    const auto& word = *reinterpret_cast<const carom::platform::Word*>(&*lock);  // tests/layout holds it
    bool looks_again = carom::platform::wake(word, 1) == 1;
    for (int i = 0; i < 100; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      looks_again = looks_again && !waiter.sleeps();
    }
    lock->unlock();
    waiter.leave();
    return looks_again;
  });
  EXPECT_EQ(alone_with_its_choice_of_rounds.leave(), 1);
}
