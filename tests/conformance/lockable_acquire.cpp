// Every way to acquire: waiting, trying, with a bound, and through the guards of the standard library.
#include <chrono>
#include <mutex>

#include "conformance/lockable.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Deadline;
using carom::Release;
using Clock = std::chrono::steady_clock;

template <class L>
class LockableAcquire : public testing::Test {
 protected:
  carom::Shared<Board<L>> board_ = make_board<L>();
  L& lock_ = board_->lock;
};
TYPED_TEST_SUITE(LockableAcquire, Lockables, LockableNames);

TYPED_TEST(LockableAcquire, a_free_lock_is_acquired_and_released_again_and_again) {
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(this->lock_.acquire(), Acquisition::acquired);
    ASSERT_EQ(this->lock_.release(), Release::released);
  }
  EXPECT_FALSE(this->lock_.locked());
}

TYPED_TEST(LockableAcquire, a_free_lock_is_acquired_in_every_spelling) {
  auto& lock = this->lock_;
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.acquire(true), Acquisition::acquired);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.acquire(false), Acquisition::acquired);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.acquire(true, 1s), Acquisition::acquired);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.acquire(false, 1s), Acquisition::acquired);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.acquire(Deadline::never()), Acquisition::acquired);
  EXPECT_EQ(lock.release(), Release::released);
  lock.lock();
  lock.unlock();
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock_for(1ms));
  lock.unlock();
  EXPECT_TRUE(lock.try_lock_until(std::chrono::system_clock::now()));
  lock.unlock();
}

TYPED_TEST(LockableAcquire, one_try_at_a_free_lock_succeeds_whatever_the_deadline) {
  auto& lock = this->lock_;
  for (const Deadline deadline : {Deadline(0ms), Deadline(-5s), Deadline::passed()}) {
    EXPECT_EQ(lock.acquire(deadline), Acquisition::acquired);
    EXPECT_EQ(lock.release(), Release::released);
  }
}

TYPED_TEST(LockableAcquire, one_try_at_a_held_lock_fails_in_every_spelling) {
  auto& lock = this->lock_;
  Party holder = party_that_holds(lock);
  EXPECT_EQ(lock.acquire(false), Acquisition::timed_out);
  EXPECT_EQ(lock.acquire(false, 1h), Acquisition::timed_out);
  EXPECT_EQ(lock.acquire(0s), Acquisition::timed_out);
  EXPECT_EQ(lock.acquire(-1h), Acquisition::timed_out);
  EXPECT_EQ(lock.acquire(Deadline::passed()), Acquisition::timed_out);
  EXPECT_FALSE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock_for(0ms));
  EXPECT_FALSE(lock.try_lock_for(-1ms));
  EXPECT_FALSE(lock.try_lock_until(Clock::now() - 1s));
  EXPECT_FALSE(lock.try_lock_until(std::chrono::system_clock::now() - 1s));
  EXPECT_FALSE(lock.owned());
}

TYPED_TEST(LockableAcquire, a_bounded_acquire_of_a_held_lock_waits_at_least_that_long) {
  auto& lock = this->lock_;
  Party holder = party_that_holds(lock);
  const auto takes_at_least_30_ms = [&](auto attempt) {
    const auto begin = Clock::now();
    EXPECT_FALSE(attempt());
    EXPECT_GE(Clock::now() - begin, 30ms);
  };
  takes_at_least_30_ms([&] { return static_cast<bool>(lock.acquire(30ms)); });
  takes_at_least_30_ms([&] { return static_cast<bool>(lock.acquire(true, 30ms)); });
  takes_at_least_30_ms([&] { return lock.try_lock_for(30ms); });
  takes_at_least_30_ms([&] { return lock.try_lock_until(Clock::now() + 30ms); });
  takes_at_least_30_ms([&] { return lock.try_lock_for(std::chrono::duration<double>(0.03)); });
}

TYPED_TEST(LockableAcquire, signals_do_not_end_a_wait_early) {
  struct sigaction ignore {};
  ignore.sa_handler = [](int) {};  // without SA_RESTART
  sigaction(SIGUSR1, &ignore, nullptr);
  auto& lock = this->lock_;
  Party holder = party_that_holds(lock);
  std::vector<Party> waiters;
  waiters.emplace_back([&lock] {
    const auto begin = Clock::now();
    const Acquisition outcome = lock.acquire(120ms);
    return outcome == Acquisition::timed_out && Clock::now() - begin >= 120ms;
  });
  wait_for_sleepers(lock, waiters, 1);
  support::wait_until([&] {
    waiters[0].signal(SIGUSR1);  // not without pause: then it might get to nothing but its handler
    return waiters[0].done();
  });
  EXPECT_TRUE(waiters[0].result());
}

TYPED_TEST(LockableAcquire, a_sleeper_gets_the_lock_when_it_is_released) {
  auto& lock = this->lock_;
  for (const Deadline deadline : {Deadline::never(), Deadline(1h)}) {
    lock.lock();
    std::vector<Party> sleepers;
    sleepers.emplace_back([&lock, deadline] {
      const Acquisition outcome = lock.acquire(deadline);
      lock.unlock();
      return outcome.kind();
    });
    wait_for_sleepers(lock, sleepers, 1);
    EXPECT_EQ(lock.release(), Release::released);
    EXPECT_EQ(sleepers[0].leave(), Acquisition::acquired);
  }
}

TYPED_TEST(LockableAcquire, the_guards_of_the_standard_library_hold_it_for_their_scope) {
  auto& lock = this->lock_;
  {
    const std::lock_guard hold(lock);
    EXPECT_TRUE(lock.owned());
  }
  EXPECT_FALSE(lock.locked());
  {
    const std::scoped_lock hold(lock, this->board_->other);
    EXPECT_TRUE(lock.owned());
    EXPECT_TRUE(this->board_->other.owned());
  }
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(this->board_->other.locked());
}

TYPED_TEST(LockableAcquire, unique_lock_defers_tries_and_gives_up) {
  auto& lock = this->lock_;
  {
    std::unique_lock hold(lock, std::defer_lock);
    EXPECT_FALSE(lock.locked());
    EXPECT_TRUE(hold.try_lock_for(1ms));
    hold.unlock();
    EXPECT_TRUE(hold.try_lock_until(Clock::now() + 1ms));
  }
  EXPECT_FALSE(lock.locked());
  const Party holder = party_that_holds(lock);
  const std::unique_lock turned_away(lock, std::try_to_lock);
  EXPECT_FALSE(turned_away.owns_lock());
  const std::unique_lock timed_out(lock, 1ms);
  EXPECT_FALSE(timed_out.owns_lock());
}

TYPED_TEST(LockableAcquire, std_lock_takes_two_in_either_order_without_deadlock) {
  constexpr int kRounds = 500;
  Board<TypeParam>& board = *this->board_;
  const auto run = [&board](auto& first, auto& second) {
    for (int i = 0; i < kRounds; ++i) {
      std::lock(first, second);
      ++board.count;
      first.unlock();
      second.unlock();
    }
  };
  std::vector<Party> parties;
  parties.emplace_back([&] { run(board.lock, board.other); });
  parties.emplace_back([&] { run(board.other, board.lock); });
  for (Party& party : parties) party.leave();
  EXPECT_EQ(board.count, 2 * kRounds);
}
