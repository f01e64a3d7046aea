// What Condition promises, over every lock it can have.
#include <signal.h>

#include <array>
#include <mutex>
#include <thread>

#include "conformance/primitives.hpp"
#include "support/old_kernel.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Condition;
using carom::Errc;
using carom::Lock;
using carom::RLock;
using support::code_of;

namespace {

struct Desk {
  Lock lock;
  RLock rlock;
  Condition over_lock{lock};
  Condition over_rlock{rlock};
  Condition own;
  int value = 0;  ///< under the lock
  std::array<int, 8> order{};
  std::size_t came = 0;
  std::atomic<bool> stop{false};
  std::atomic<int> notified{0};
  bool waits = false;
};
using SharedDesk = carom::Shared<Desk>;

/// A party that waits, over the condition's lock, and says whether it was notified.
Party party_that_waits(Condition& condition) {
  return Party([&condition] {
    const std::scoped_lock hold(condition);
    return condition.wait().notified();
  });
}

std::vector<Party> parties_that_wait(Condition& condition, std::size_t count) {
  std::vector<Party> parties;
  for (std::size_t i = 0; i < count; ++i) parties.push_back(party_that_waits(condition));
  wait_for_sleepers(condition, parties, count);
  return parties;
}

void notify(Condition& condition, std::uint32_t n = 1) {
  const std::scoped_lock hold(condition);
  condition.notify(n);
}

void notify_all(Condition& condition) {
  const std::scoped_lock hold(condition);
  condition.notify_all();
}

}  // namespace

TEST(CAROM_SUITE(Condition), notifies_over_every_kind_of_lock) {
  const SharedDesk desk;
  for (Condition* condition : {&desk->over_lock, &desk->over_rlock, &desk->own}) {
    std::vector<Party> parties = parties_that_wait(*condition, 1);
    EXPECT_EQ(condition->waiting()[0].tid, static_cast<std::uint32_t>(parties[0].tid()));
    notify(*condition);
    EXPECT_EQ(parties[0].leave(), 1);
    EXPECT_EQ(condition->waiters(), 0u);
  }
}

TEST(CAROM_SUITE(Condition), a_timeout_leaves_the_lock_held) {
  const SharedDesk desk;
  for (Condition* condition : {&desk->over_lock, &desk->over_rlock, &desk->own}) {
    const std::scoped_lock hold(*condition);
    const std::int64_t start = carom::Deadline::now_ns();
    EXPECT_FALSE(condition->wait(20ms).notified());
    EXPECT_GE(carom::Deadline::now_ns() - start, 20'000'000);
    EXPECT_FALSE(condition->wait(0s));
    EXPECT_FALSE(condition->wait(-1s));
    EXPECT_TRUE(condition->owned());
  }
}

TEST(CAROM_SUITE(Condition), who_does_not_hold_the_lock_cannot_wait) {
  const SharedDesk desk;
  EXPECT_EQ(code_of([&] { return desk->own.wait(0s); }), Errc::not_owner);
  EXPECT_EQ(code_of([&] { return desk->over_lock.wait(0s); }), Errc::not_owner);
  EXPECT_EQ(code_of([&] { return desk->own.wait(desk->lock, 0s); }), Errc::not_owner);
  EXPECT_EQ(code_of([&] { return desk->own.wait(desk->rlock, 0s); }), Errc::not_owner);
  std::unique_lock hold(desk->lock, std::defer_lock);
  EXPECT_EQ(code_of([&] { desk->own.wait(hold); }), Errc::not_owner);
  Party holder([&desk] { desk->lock.lock(); });
  holder.wait_until_done();
  EXPECT_EQ(code_of([&] { return desk->over_lock.wait(0s); }), Errc::not_owner);
}

TEST(CAROM_SUITE(Condition), gives_back_a_recursive_lock_at_any_depth_and_restores_it) {
  const SharedDesk desk;
  Party sleeper([&desk] {
    for (int i = 0; i < 3; ++i) desk->rlock.lock();
    const bool notified = desk->over_rlock.wait().notified();
    return notified && desk->rlock.owned() ? static_cast<int>(desk->rlock.depth()) : -1;
  });
  wait_for_sleeper(desk->over_rlock, sleeper);
  EXPECT_FALSE(desk->rlock.locked());
  notify(desk->over_rlock);
  EXPECT_EQ(sleeper.leave(), 3);
}

TEST(CAROM_SUITE(Condition), waits_over_any_lock_it_is_given) {
  const SharedDesk desk;
  Party sleeper([&desk] {
    std::unique_lock hold(desk->lock);
    desk->own.wait(hold, [&] { return desk->value == 2; });
    return desk->value;
  });
  for (int value = 1; value <= 2; ++value) {
    wait_for_sleeper(desk->own, sleeper);
    const std::scoped_lock hold(desk->lock);
    desk->value = value;
    desk->own.notify_one();
  }
  EXPECT_EQ(sleeper.leave(), 2);
}

TEST(CAROM_SUITE(Condition), says_what_the_standards_conditions_say) {
  const SharedDesk desk;
  std::unique_lock hold(desk->lock);
  const auto soon = [] { return std::chrono::steady_clock::now() + 5ms; };
  EXPECT_EQ(desk->own.wait_for(hold, 5ms), std::cv_status::timeout);
  EXPECT_EQ(desk->own.wait_until(hold, soon()), std::cv_status::timeout);
  EXPECT_FALSE(desk->own.wait_for(hold, 5ms, [] { return false; }));
  EXPECT_FALSE(desk->own.wait_until(hold, soon(), [] { return false; }));
  EXPECT_TRUE(desk->own.wait_for(hold, 0ms, [] { return true; }));
  EXPECT_TRUE(desk->own.wait_until(hold, soon(), [] { return true; }));
  EXPECT_TRUE(hold.owns_lock() && desk->lock.owned());
  Party notifier([&desk] {
    const std::scoped_lock inside(desk->lock);
    desk->own.notify_all();
  });
  EXPECT_EQ(desk->own.wait_for(hold, 1h), std::cv_status::no_timeout);
}

TEST(CAROM_SUITE(Condition), waits_for_a_predicate_and_returns_its_value) {
  const SharedDesk desk;
  EXPECT_EQ(desk->own.wait_for([] { return 7; }), 7);  // nobody holds the lock
  {
    const std::scoped_lock hold(desk->own);
    EXPECT_EQ(desk->own.wait_for([] { return 0; }, 5ms), 0);
  }
  Party sleeper([&desk] {
    const std::scoped_lock hold(desk->own);
    return desk->own.wait_for([&desk] { return desk->value; });
  });
  wait_for_sleeper(desk->own, sleeper);
  {
    const std::scoped_lock hold(desk->own);
    desk->value = 42;
    desk->own.notify();
  }
  EXPECT_EQ(sleeper.leave(), 42);
}

TEST(CAROM_SUITE(Condition), a_stop_ends_the_wait) {
  const SharedDesk desk;
  for (int round = 0; round < 10; ++round) {
    std::stop_source source;
    std::thread stopper([&desk, &source] {
      support::wait_until([&desk] { return desk->own.waiters() == 1; });
      source.request_stop();
    });
    std::unique_lock hold(desk->rlock);
    EXPECT_FALSE(desk->own.wait(hold, source.get_token(), [] { return false; }));
    EXPECT_TRUE(desk->rlock.owned());
    stopper.join();
    EXPECT_TRUE(desk->own.wait(hold, source.get_token(), [] { return true; }));
  }
}

TEST(CAROM_SUITE(Condition), notifies_as_many_as_it_is_told) {
  const SharedDesk desk;
  std::vector<Party> parties = parties_that_wait(desk->over_lock, 5);
  const auto through = [&] {
    std::size_t count = 0;
    for (const Party& party : parties) count += party.done() ? 1u : 0u;
    return count;
  };
  notify(desk->over_lock, 0);
  EXPECT_EQ(desk->over_lock.waiters(), 5u);
  notify(desk->over_lock, 2);
  support::wait_until([&] { return through() == 2; });
  EXPECT_EQ(desk->over_lock.waiters(), 3u);
  notify(desk->over_lock, 100);
  for (Party& party : parties) EXPECT_EQ(party.leave(), 1);
  notify(desk->over_lock, 100);
  desk->over_lock.notify_all();  // nobody waits, and nobody holds the lock
}

TEST(CAROM_SUITE(Condition), notifies_in_the_order_they_came) {
  const SharedDesk desk;
  std::vector<Party> parties;
  for (int i = 0; i < 5; ++i) {
    parties.emplace_back([&desk, i] {
      const std::scoped_lock hold(desk->lock);
      static_cast<void>(desk->over_lock.wait());
      desk->order[desk->came++] = i;
    });
    wait_for_sleepers(desk->over_lock, parties, static_cast<std::size_t>(i) + 1);
  }
  for (std::size_t i = 0; i < parties.size(); ++i) {
    notify(desk->over_lock);
    EXPECT_EQ(parties[i].leave(), 0);
    EXPECT_EQ(desk->order[i], static_cast<int>(i));
  }
}

TEST(CAROM_SUITE(Condition), no_notification_is_lost_to_those_who_time_out) {
  const SharedDesk desk;
  Party certain([&desk] {
    const std::scoped_lock hold(desk->lock);
    while (!desk->stop) {
      desk->waits = true;
      if (desk->over_lock.wait() && !desk->stop) ++desk->notified;
      desk->waits = false;
    }
  });
  std::vector<Party> hasty;
  for (int i = 0; i < 3; ++i) {
    hasty.emplace_back([&desk, i] {
      const std::scoped_lock hold(desk->lock);
      for (int turn = 0; !desk->stop; ++turn) {
        if (desk->over_lock.wait(std::chrono::microseconds(37 * (i + turn % 9))) && !desk->stop)
          ++desk->notified;
      }
    });
  }
  for (int sent = 1; sent <= 400; ++sent) {
    support::wait_until([&] {
      const std::scoped_lock hold(desk->lock);
      if (desk->waits) desk->over_lock.notify();
      return desk->waits;
    });
    support::wait_until([&] { return desk->notified >= sent; });
    ASSERT_EQ(desk->notified, sent);
  }
  desk->stop = true;
  notify(desk->over_lock, 10);
  EXPECT_EQ(certain.leave(), 0);
  for (Party& party : hasty) EXPECT_EQ(party.leave(), 0);
}

TEST(CAROM_SUITE(Condition), its_lock_lies_in_its_own_segment) {
  const SharedDesk desk;
  EXPECT_EQ(code_of([&] { carom::Shared<Condition>(std::in_place, desk->lock); }), Errc::outside_segment);
  EXPECT_EQ(code_of([&] { carom::Shared<Condition>(std::in_place, desk->rlock); }), Errc::outside_segment);
  EXPECT_EQ(code_of([] { Condition().notify(); }), Errc::outside_segment);
}

TEST(CAROM_SUITE(Condition), who_waits_is_told_that_the_lock_was_a_dead_ones) {
  const SharedDesk desk;
  Party sleeper([&desk] {
    const std::scoped_lock hold(desk->lock);
    const carom::ConditionWait outcome = desk->over_lock.wait();
    return outcome.notified() && outcome.owner_died() && desk->lock.inherited();
  });
  wait_for_sleeper(desk->over_lock, sleeper);
  Party notifier([&desk] {
    desk->lock.lock();
    desk->over_lock.notify();
  });
  notifier.wait_until_done();
  notifier.die();
  EXPECT_EQ(sleeper.leave(), 1);
}

// Also those that are on their way to sleep at that moment: nobody rescues one that is missed, where nobody looks again.
TEST(CAROM_SUITE(Condition), notify_all_misses_nobody) {
  constexpr int kParties = 3;
  constexpr int kRounds = 3000;
  const SharedDesk desk;
  std::vector<Party> parties;
  for (int i = 0; i < kParties; ++i) {
    parties.emplace_back([&desk] {
      const std::scoped_lock hold(desk->lock);
      int rounds = 0;
      for (; rounds < kRounds; ++rounds) {
        ++desk->notified;  // who sees that, and takes the lock, finds it waiting
        if (!desk->over_lock.wait().notified()) break;
      }
      return rounds == kRounds ? 0 : 1;
    });
  }
  for (int round = 1; round <= kRounds; ++round) {
    while (desk->notified != round * kParties) std::this_thread::yield();
    notify_all(desk->over_lock);
  }
  for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
}

TEST(CAROM_SUITE(Condition), an_old_kernel_delivers_notifications_to_one_and_to_all) {
  const SharedDesk desk;
  const support::OldKernel kernel;
  std::vector<Party> one = parties_that_wait(desk->over_lock, 1);
  notify(desk->over_lock);
  EXPECT_EQ(one[0].leave(), 1);
  std::vector<Party> all = parties_that_wait(desk->over_lock, 3);
  notify_all(desk->over_lock);
  for (Party& party : all) EXPECT_EQ(party.leave(), 1);
}

#ifndef CAROM_PARTIES_ARE_THREADS
TEST(CAROM_SUITE(Condition), a_stopped_waiter_holds_up_nobody) {
  const SharedDesk desk;
  std::vector<Party> parties = parties_that_wait(desk->over_lock, 2);
  parties[0].signal(SIGSTOP);
  notify(desk->over_lock, 2);
  EXPECT_EQ(parties[1].leave(), 1);
  notify(desk->over_lock);
  parties[0].signal(SIGCONT);
  EXPECT_EQ(parties[0].leave(), 1);
}

TEST(CAROM_SUITE(Condition), a_stopped_waiter_holds_up_none_of_all) {
  const SharedDesk desk;
  std::vector<Party> parties = parties_that_wait(desk->over_lock, 8);
  parties[0].signal(SIGSTOP);
  notify_all(desk->over_lock);
  for (std::size_t i = 1; i < parties.size(); ++i) EXPECT_EQ(parties[i].leave(), 1);
  parties[0].signal(SIGCONT);
  EXPECT_EQ(parties[0].leave(), 1);
}

TEST(CAROM_SUITE(Condition), a_killed_waiter_gets_no_notification) {
  const SharedDesk desk;
  for (Condition* condition : {&desk->over_lock, &desk->own}) {
    std::vector<Party> parties = parties_that_wait(*condition, 3);
    parties[0].die();
    parties[2].die();
    EXPECT_EQ(condition->waiters(), 1u);
    notify(*condition);
    EXPECT_EQ(parties[1].leave(), 1);
    notify(*condition, 3);
  }
}

TEST(CAROM_SUITE(Condition), one_killed_between_its_notification_and_its_lock_passes_it_on) {
  const SharedDesk desk;
  for (int round = 0; round < 10; ++round) {
    std::vector<Party> parties;
    parties.push_back(party_that_waits(desk->over_lock));
    wait_for_sleepers(desk->over_lock, parties, 1);
    parties.push_back(party_that_waits(desk->over_lock));
    wait_for_sleepers(desk->over_lock, parties, 2);
    desk->lock.lock();
    desk->over_lock.notify();
    if (round % 2 == 0) wait_for_sleeper(desk->lock, parties[0]);
    parties[0].die();
    desk->lock.unlock();
    ASSERT_EQ(parties[1].leave(), 1);
  }
}

TEST(CAROM_SUITE(Condition), one_killed_with_its_lock_has_had_its_notification) {
  const SharedDesk desk;
  std::vector<Party> parties;
  parties.emplace_back([&desk] {
    desk->lock.lock();
    return desk->over_lock.wait().notified();
  });
  wait_for_sleepers(desk->over_lock, parties, 1);
  parties.push_back(party_that_waits(desk->over_lock));
  wait_for_sleepers(desk->over_lock, parties, 2);
  notify(desk->over_lock);
  EXPECT_EQ(parties[0].result(), 1);
  parties[0].die();
  EXPECT_EQ(desk->lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(desk->over_lock.waiters(), 1u);
  desk->over_lock.notify();
  desk->lock.unlock();
  EXPECT_EQ(parties[1].leave(), 1);
}
#endif
