// The rows of the DEATH table of FifoLock.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <functional>

#include "carom/carom.hpp"
#include "crash/death.hpp"

namespace {

using namespace carom;
using crash::dies_at;
using crash::DiesAt;
using support::Forked;
using support::wait_until;

class FifoDeath : public testing::Test {
 protected:
  void expect_in_order() {
    EXPECT_EQ(lock.waiters(), 0u);
    EXPECT_EQ(lock.acquire(), Acquisition::acquired);
    EXPECT_FALSE(lock.inherited());
    EXPECT_EQ(lock.release(), Release::released);
    EXPECT_FALSE(lock.locked());
  }
  void expect_told_once() {
    EXPECT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
    EXPECT_TRUE(lock.inherited());
    EXPECT_EQ(lock.release(), Release::released);
    expect_in_order();
  }
  /// One that sleeps in line, as the `number`th, and is not to be told of any death.
  Forked in_line(std::size_t number) {
    Forked waiter([&] {
      _exit(lock.acquire() == Acquisition::acquired && lock.release() == Release::released ? 0 : 1);
    });
    wait_until([&] { return lock.waiters() == number && support::sleeps(waiter.pid()); });
    return waiter;
  }
  void expect_the_next_gets_it_after_death_of_the_owner_at(const char* step) {
    support::Plain<std::atomic<bool>> held;
    support::Plain<std::atomic<bool>> release;
    DiesAt owner(step, [&] {
      lock.lock();
      *held = true;
      wait_until([&] { return release->load(); });
      lock.unlock();
    });
    wait_until([&] { return held->load(); });
    Forked first = in_line(1);
    Forked second = in_line(2);
    *release = true;
    owner.wait();
    EXPECT_EQ(first.wait(), 0);
    EXPECT_EQ(second.wait(), 0);
    expect_in_order();
  }
  void expect_one_in_line_is_passed_over_after_death_at(const char* step) {
    lock.lock();
    dies_at(step, [&] { lock.lock(); });
    EXPECT_EQ(lock.waiters(), 0u);
    Forked next = in_line(1);
    lock.unlock();
    EXPECT_EQ(next.wait(), 0);
    expect_in_order();
  }

  Shared<FifoLock> shared;
  FifoLock& lock = *shared;
};

TEST_F(FifoDeath, fifo_taken) {
  dies_at("fifo_taken", [&] { lock.lock(); });
  expect_told_once();
}

TEST_F(FifoDeath, fifo_taken_by_one_that_had_waited) {
  lock.lock();
  DiesAt first("fifo_taken", [&] { lock.lock(); });
  wait_until([&] { return lock.waiters() == 1 && first.sleeps(); });
  lock.unlock();
  first.wait();
  expect_told_once();
}

TEST_F(FifoDeath, fifo_taken_over) {
  dies_at("fifo_taken", [&] { lock.lock(); });
  dies_at("fifo_taken_over", [&] { lock.lock(); });
  expect_told_once();
}

TEST_F(FifoDeath, fifo_announced) {
  expect_one_in_line_is_passed_over_after_death_at("fifo_announced");
}

TEST_F(FifoDeath, fifo_queued) {
  expect_one_in_line_is_passed_over_after_death_at("fifo_queued");
}

TEST_F(FifoDeath, fifo_to_sleep) {
  expect_one_in_line_is_passed_over_after_death_at("fifo_to_sleep");
}

// One comes upon the lock free, with another before it, and is to sleep. By then the other has had the lock and given it
// back, so the word is what it was, and nobody else is left to wake the one.
TEST_F(FifoDeath, one_that_is_to_sleep_sees_that_it_has_come_to_be_the_first) {
  lock.lock();
  Forked first = in_line(1);
  first.signal(SIGSTOP);
  lock.unlock();
  EXPECT_FALSE(lock.locked());
  crash::HaltsAt second("fifo_to_sleep", [&] {
    memory::Waiting::set_recheck(std::chrono::hours(1));
    lock.lock();
    lock.unlock();
  });
  second.wait_until_there();
  first.signal(SIGCONT);
  EXPECT_EQ(first.wait(), 0);
  second.let_go();
  EXPECT_EQ(second.wait(), 0);
  expect_in_order();
}

TEST_F(FifoDeath, about_to_sleep) {
  expect_one_in_line_is_passed_over_after_death_at("about_to_sleep");
}

TEST_F(FifoDeath, fifo_released) {
  expect_the_next_gets_it_after_death_of_the_owner_at("fifo_released");
}

TEST_F(FifoDeath, fifo_poked) {
  expect_the_next_gets_it_after_death_of_the_owner_at("fifo_poked");
}

TEST_F(FifoDeath, woken) {
  lock.lock();
  DiesAt first("woken", [&] { lock.lock(); });
  wait_until([&] { return lock.waiters() == 1 && first.sleeps(); });
  Forked second = in_line(2);
  Forked third = in_line(3);
  lock.unlock();
  first.wait();
  EXPECT_EQ(second.wait(), 0);
  EXPECT_EQ(third.wait(), 0);
  expect_in_order();
}

TEST_F(FifoDeath, fifo_leaving) {
  lock.lock();
  dies_at("fifo_leaving", [&] { static_cast<void>(lock.acquire(std::chrono::milliseconds(20))); });
  Forked next = in_line(1);
  lock.unlock();
  EXPECT_EQ(next.wait(), 0);
  expect_in_order();
}

// The first in line gives up. Before it is out of line the lock is given back, for it.
TEST_F(FifoDeath, one_that_gives_up_when_it_is_to_have_it_wakes_the_next) {
  lock.lock();
  crash::HaltsAt first("fifo_leaving", [&] {
    static_cast<void>(lock.acquire(std::chrono::milliseconds(20)));
    pause();  // its end would wake the next too
  });
  wait_until([&] { return lock.waiters() == 1; });
  Forked second([&] {
    memory::Waiting::set_recheck(std::chrono::hours(1));
    lock.lock();
    lock.unlock();
  });
  wait_until([&] { return lock.waiters() == 2 && support::sleeps(second.pid()); });
  first.wait_until_there();
  lock.unlock();
  first.let_go();
  EXPECT_EQ(second.wait(), 0);
  expect_in_order();
}

// The first in line gives up, and dies when it is out of line and has not looked at the word again. It may have been for
// that one that the lock was given back.
TEST_F(FifoDeath, fifo_left) {
  lock.lock();
  crash::HaltsAt first("fifo_left", [&] { static_cast<void>(lock.acquire(std::chrono::milliseconds(20))); });
  wait_until([&] { return lock.waiters() == 1; });
  Forked second = in_line(2);
  first.wait_until_there();
  lock.unlock();
  first.kill();
  EXPECT_EQ(second.wait(), 0);
  expect_in_order();
}

TEST_F(FifoDeath, fifo_adopted) {
  Forked owner([&] {
    lock.lock();
    dies_at("fifo_adopted", [&] { lock.adopt(); });
  });
  EXPECT_EQ(owner.wait(), 0);
  expect_told_once();
}

TEST_F(FifoDeath, fifo_handed_over) {
  dies_at("fifo_handed_over", [&] {
    lock.lock();
    lock.hand_over();
  });
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.owner());
  EXPECT_EQ(lock.acquire(false), Acquisition::timed_out);
  EXPECT_EQ(lock.release(), Release::released);
  expect_in_order();
}

}  // namespace
