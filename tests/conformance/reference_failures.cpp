// What wedges or misleads the users of multiprocessing and billiard, each scenario once: here nobody is wedged.
#include <signal.h>
#include <sys/wait.h>

#include <mutex>

#include "conformance/primitives.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Barrier;
using carom::BrokenBarrierError;
using carom::Condition;
using carom::Event;
using carom::Lock;
using carom::Release;
using carom::RLock;
using carom::Semaphore;

namespace {

constexpr auto kLong = 20s;

struct Desk {
  Lock lock;
  RLock rlock;
  Condition condition;
  Event event;
  Barrier barrier{3};
  Semaphore permits{2};
  std::atomic<int> notified{0};
  std::atomic<int> interrupts{0};
  std::atomic<bool> stop{false};
  bool waits = false;
};
using SharedDesk = carom::Shared<Desk>;

Party party_at_condition(const SharedDesk& desk) {
  return Party([&desk] {
    const std::scoped_lock hold(desk->condition);
    return desk->condition.wait().notified();
  });
}

}  // namespace

TEST(ReferenceFailures, lock_holder_sigkilled) {
  const SharedDesk desk;
  party_that_holds(desk->lock).die();
  EXPECT_EQ(desk->lock.acquire(kLong), Acquisition::acquired_owner_died);
}

TEST(ReferenceFailures, rlock_holder_sigkilled) {
  const SharedDesk desk;
  Party holder([&desk] {
    for (int i = 0; i < 3; ++i) desk->rlock.lock();
  });
  holder.wait_until_done();
  holder.die();
  EXPECT_EQ(desk->rlock.acquire(kLong), Acquisition::acquired_owner_died);
  EXPECT_EQ(desk->rlock.depth(), 1u);
}

TEST(ReferenceFailures, sleeper_in_condition_sigkilled_then_notify) {
  const SharedDesk desk;
  Party sleeper = party_at_condition(desk);
  wait_for_sleeper(desk->condition, sleeper);
  sleeper.die();
  const std::scoped_lock hold(desk->condition);
  desk->condition.notify();
  EXPECT_FALSE(desk->condition.wait(1ms));
}

TEST(ReferenceFailures, sleeper_in_condition_sigkilled_then_notify_all) {
  const SharedDesk desk;
  std::vector<Party> sleepers;
  for (int i = 0; i < 3; ++i) sleepers.push_back(party_at_condition(desk));
  wait_for_sleepers(desk->condition, sleepers, 3);
  sleepers[1].die();
  {
    const std::scoped_lock hold(desk->condition);
    desk->condition.notify_all();
  }
  EXPECT_EQ(sleepers[0].leave(), 1);
  EXPECT_EQ(sleepers[2].leave(), 1);
}

TEST(ReferenceFailures, waiter_in_event_sigkilled_then_set) {
  const SharedDesk desk;
  Party waiter([&desk] { return desk->event.wait(); });
  wait_for_sleeper(desk->event, waiter);
  waiter.die();
  desk->event.set();
  EXPECT_TRUE(desk->event.is_set());
  EXPECT_TRUE(desk->event.wait(1s));
}

TEST(ReferenceFailures, one_of_two_barrier_waiters_sigkilled) {
  const SharedDesk desk;
  std::vector<Party> waiters;
  for (int i = 0; i < 2; ++i) {
    waiters.emplace_back([&desk] {
      try {
        return desk->barrier.wait();
      } catch (const BrokenBarrierError&) {
        return -1;
      }
    });
  }
  wait_for_sleepers(desk->barrier, waiters, 2);
  waiters[0].die();
  EXPECT_THROW(desk->barrier.wait(2s), BrokenBarrierError);
  EXPECT_EQ(waiters[1].leave(), -1);
  EXPECT_EQ(desk->barrier.n_waiting(), 0u);
  desk->barrier.abort();
  desk->barrier.reset();
  EXPECT_FALSE(desk->barrier.broken());
}

TEST(ReferenceFailures, semaphore_holder_sigkilled) {
  const SharedDesk desk;
  Party holder([&desk] { desk->permits.lock(); });
  holder.wait_until_done();
  holder.die();
  EXPECT_TRUE(desk->permits.acquire(kLong));
  EXPECT_TRUE(desk->permits.acquire(kLong));
  EXPECT_FALSE(desk->permits.acquire(false));
}

namespace {
Desk* desk_of_handler = nullptr;
void set_event(int) {
  desk_of_handler->event.set();
}
void count_it(int) {
  ++desk_of_handler->interrupts;
}
}  // namespace

TEST(ReferenceFailures, event_set_in_a_handler_of_the_thread_that_waits) {
  const SharedDesk desk;
  desk_of_handler = desk.get();
  Party waiter([&desk] {
    signal(SIGUSR1, set_event);
    return desk->event.wait();
  });
  wait_for_sleeper(desk->event, waiter);
  waiter.signal(SIGUSR1);
  EXPECT_EQ(waiter.leave(), 1);
}

TEST(ReferenceFailures, thousands_of_interrupts_during_event_wait) {
  const SharedDesk desk;
  desk_of_handler = desk.get();
  Party waiter([&desk] {
    signal(SIGUSR1, count_it);
    while (!desk->stop) static_cast<void>(desk->event.wait(200us));
    return !desk->event.is_set();
  });
  support::wait_until([&] { return desk->event.waiters() == 1; });
  for (int sent = 0; desk->interrupts < 2000; ++sent) waiter.signal(SIGUSR1);
  desk->stop = true;
  EXPECT_EQ(waiter.result(), 1);
  EXPECT_EQ(desk->event.waiters(), 0u);
  desk->event.set();
  EXPECT_TRUE(desk->event.wait(0s));
}

TEST(ReferenceFailures, notify_with_one_certain_sleeper_and_others_timing_out) {
  const SharedDesk desk;
  Party certain([&desk] {
    const std::scoped_lock hold(desk->condition);
    while (!desk->stop) {
      desk->waits = true;
      if (desk->condition.wait() && !desk->stop) ++desk->notified;
      desk->waits = false;
    }
  });
  std::vector<Party> hasty;
  for (int i = 0; i < 3; ++i) {
    hasty.emplace_back([&desk, i] {
      const std::scoped_lock hold(desk->condition);
      for (int turn = 0; !desk->stop; ++turn) {
        if (desk->condition.wait(std::chrono::microseconds(20 + 41 * (i + turn % 7))) && !desk->stop)
          ++desk->notified;
      }
    });
  }
  for (int sent = 1; sent <= 1000; ++sent) {
    support::wait_until([&] {
      const std::scoped_lock hold(desk->condition);
      if (desk->waits) desk->condition.notify();
      return desk->waits;
    });
    support::wait_until([&] { return desk->notified >= sent; });
    ASSERT_EQ(desk->notified, sent);
  }
  const std::scoped_lock hold(desk->condition);
  desk->stop = true;
  desk->condition.notify_all();
}

TEST(ReferenceFailures, set_then_clear_with_three_sleepers) {
  const SharedDesk desk;
  for (int round = 0; round < 40; ++round) {
    std::vector<Party> sleepers;
    for (int i = 0; i < 3; ++i) sleepers.emplace_back([&desk] { return desk->event.wait(kLong); });
    wait_for_sleepers(desk->event, sleepers, 3);
    desk->event.set();
    desk->event.clear();
    for (Party& sleeper : sleepers) ASSERT_EQ(sleeper.leave(), 1);
  }
}

TEST(ReferenceFailures, fork_with_a_held_rlock) {
  const SharedDesk desk;
  for (int i = 0; i < 2; ++i) desk->rlock.lock();
  const pid_t child = fork();
  if (child == 0) {
    const bool right = !desk->rlock.owned() && desk->rlock.release() == Release::not_owner &&
                       !desk->rlock.acquire(false) && !desk->rlock.acquire(5ms);
    _exit(right ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(desk->rlock.depth(), 2u);
  EXPECT_EQ(desk->rlock.release(), Release::released);
  EXPECT_EQ(desk->rlock.release(), Release::released);
  EXPECT_EQ(desk->rlock.release(), Release::not_owner);
}
