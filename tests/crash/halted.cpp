// Interleavings that take a process halted between two instructions: whoever is to wake somebody there must do it. The
// re-check would hide it if nobody did, so these tests say most without it (tests/support/recheck.cpp).
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "carom/carom.hpp"
#include "crash/death.hpp"
#include "memory/waiting.hpp"
#include "support/printing.hpp"

namespace {

using namespace carom;
using crash::DiesAt;
using crash::HaltsAt;
using support::code_of;
using support::Forked;
using support::wait_until;

constexpr std::size_t kSeats = 4;

struct Board {
  Lock lock;
  Lock other;
  SharedLock shared;
  Condition condition{lock};
};

class Halted : public testing::Test {
 protected:
  Halted() = default;
  ~Halted() override { Segment::remove(board.segment().name()); }

  Forked holder_of(std::function<void()> take) {
    support::Plain<std::atomic<bool>> held;
    Forked holder([&] {
      take();
      *held = true;
      pause();
    });
    wait_until([&] { return held->load(); });
    return holder;
  }
  /// In a child, where a look of its own would come before what the test does.
  static void sleep_until_woken() { memory::Waiting::set_recheck(std::chrono::hours(1)); }

  /// Somebody new in the segment, who lives.
  Forked newcomer() {
    return holder_of([this] { board.segment().join(); });
  }

  Shared<Board> board = Shared<Board>::create(support::unique_name("halted"), {.participants = kSeats});
};

class HaltedRoster : public Halted {};
class HaltedLock : public Halted {};
class HaltedSharedLock : public Halted {};
class HaltedCondition : public Halted {
 protected:
  int wait_for_turn(Deadline deadline = Deadline::never()) {
    const std::scoped_lock hold(board->condition);
    return board->condition.wait(deadline).notified() ? 1 : 0;
  }
  /// Comes after whoever was notified, so that the turns of the dead are not for it, and sees to them.
  void look_in() { EXPECT_EQ(wait_for_turn(std::chrono::milliseconds(1)), 0) << "a turn of before it came"; }
  Forked asleep(std::size_t with_it) {
    Forked sleeper([this] {
      sleep_until_woken();
      _exit(wait_for_turn());
    });
    wait_until([&] { return board->condition.waiters() == with_it && support::sleeps(sleeper.pid()); });
    return sleeper;
  }
  void notify() {
    const std::scoped_lock hold(board->condition);
    board->condition.notify();
  }
  /// It sleeps on, for it was another's turn; and the next one is its own.
  void expect_still_to_be_notified(Forked& last) {
    EXPECT_EQ(wait_for_turn(std::chrono::milliseconds(30)), 0);
    EXPECT_EQ(board->condition.waiters(), 1u) << "one notification, and two were notified";
    notify();
    EXPECT_EQ(last.wait(), 1);
  }
  /// One that has the first ticket, and whom nobody watches, since it has not begun to sleep.
  std::unique_ptr<HaltsAt> first_in_line() {
    auto first = std::make_unique<HaltsAt>("condition_unlocked", [this] { wait_for_turn(); });
    first->wait_until_there();
    return first;
  }
};

// The next to join does not get the slot of one that has just died, since two before it joined at one time.
TEST_F(HaltedRoster, what_is_known_about_the_dead_outlives_those_who_join_at_one_time) {
  HaltsAt early("id_published", [this] { board.segment().join(); });
  early.wait_until_there();
  Forked owner = holder_of([this] { board->lock.lock(); });
  early.let_go();
  ASSERT_EQ(early.wait(), 0);
  const auto dead = static_cast<std::uint32_t>(owner.pid());
  owner.kill();
  ASSERT_EQ(board->lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(last_takeover()->from.pid, dead);
}

// Between the look at the owner and the sleep the owner dies and another thread gets its slot: the sleeper arms the
// life word of that one.
TEST_F(HaltedLock, who_is_on_its_way_to_sleep_notices_that_the_owners_slot_has_changed_hands) {
  std::vector<Forked> others;
  for (std::size_t i = 0; i + 2 < kSeats; ++i) others.push_back(newcomer());
  Forked owner = holder_of([this] { board->lock.lock(); });
  HaltsAt heir("lock_marked", [this] { _exit(board->lock.acquire().kind()); });
  heir.wait_until_there();
  owner.kill();
  const Forked successor = newcomer();
  heir.let_go();
  EXPECT_EQ(heir.wait(), Acquisition::acquired_owner_died);
}

// The kernel wakes one of those who sleep on the dead one's life. That one dies before it has passed it on.
TEST_F(HaltedLock, who_gets_the_slot_of_the_dead_wakes_those_whom_nobody_has) {
  Forked owner = holder_of([this] {
    board->lock.lock();
    board->other.lock();
  });
  DiesAt first("woken", [this] { board->lock.lock(); });
  wait_until([&] { return board->lock.waiters() == 1 && first.sleeps(); });
  Forked second([this] { _exit(board->other.acquire().kind()); });
  wait_until([&] { return board->other.waiters() == 1 && support::sleeps(second.pid()); });
  owner.kill();
  first.wait();
  std::vector<Forked> newcomers;
  while (newcomers.size() + 1 < kSeats)
    newcomers.push_back(newcomer());  // all slots but the second sleeper's
  EXPECT_EQ(second.wait(), Acquisition::acquired_owner_died);
}

TEST_F(HaltedSharedLock, a_reader_that_gives_way_wakes_the_writer_that_sleeps_on_its_count) {
  board->shared.lock();
  HaltsAt reader("shared_counted", [this] { _exit(board->shared.acquire_shared().kind()); });
  reader.wait_until_there();
  board->shared.unlock();
  Forked writer([this] {
    board->shared.lock();
    board->shared.unlock();
  });
  wait_until([&] { return board->shared.locked() && support::sleeps(writer.pid()); });
  reader.let_go();
  EXPECT_EQ(writer.wait(), 0);
  EXPECT_EQ(reader.wait(), Acquisition::acquired);
}

// Counted first, looked second: whoever writes sees the one that has not looked yet.
TEST_F(HaltedSharedLock, a_reader_that_has_not_looked_yet_keeps_a_writer_out) {
  HaltsAt reader("shared_counted", [this] { _exit(board->shared.acquire_shared().kind()); });
  reader.wait_until_there();
  EXPECT_FALSE(board->shared.try_lock());
  reader.let_go();
  EXPECT_EQ(reader.wait(), Acquisition::acquired);
}

// The first to sleep is woken, and a writer comes in before it gets there. The second never watched that one.
TEST_F(HaltedSharedLock, a_reader_that_finds_a_writer_dead_wakes_who_did_not_watch_it) {
  board->shared.lock();
  HaltsAt first("woken", [this] { board->shared.lock_shared(); });
  wait_until([&] { return board->shared.waiters() == 1 && first.sleeps(); });
  Forked second([this] {
    sleep_until_woken();
    _exit(board->shared.acquire_shared().kind());
  });
  wait_until([&] { return board->shared.waiters() == 2 && support::sleeps(second.pid()); });
  board->shared.unlock();
  first.wait_until_there();
  Forked writer = holder_of([this] { board->shared.lock(); });
  writer.kill();
  EXPECT_EQ(board->shared.acquire_shared(), Acquisition::acquired_owner_died);
  EXPECT_EQ(second.wait(), Acquisition::acquired_owner_died);
}

// Who would join in the slot of the dead grants its turn to another first, and looks at it no second time.
TEST_F(HaltedCondition, who_is_granted_the_turn_of_the_dead_is_woken) {
  const std::unique_ptr<HaltsAt> first = first_in_line();
  Forked second = asleep(1);
  notify();
  first->kill();
  const Forked other = newcomer();
  // There is no other slot, unless the second is woken, and gone, at once.
  Forked late([this] { static_cast<void>(code_of([this] { board.segment().join(); })); });
  EXPECT_EQ(late.wait(), 0);
  EXPECT_EQ(second.wait(), 1);
}

TEST_F(HaltedCondition, who_is_granted_a_turn_by_one_that_dies_is_woken_by_the_next) {
  const std::unique_ptr<HaltsAt> first = first_in_line();
  Forked second = asleep(1);
  notify();
  first->kill();
  crash::dies_at("turn_granted", [this] { wait_for_turn(std::chrono::milliseconds(1)); });
  look_in();
  EXPECT_EQ(second.wait(), 1);
}

TEST_F(HaltedCondition, a_turn_that_was_adopted_and_left_is_nobodys) {
  const std::unique_ptr<HaltsAt> first = first_in_line();
  Forked second = asleep(1);
  Forked third = asleep(2);
  notify();
  first->kill();
  look_in();
  EXPECT_EQ(second.wait(), 1);
  expect_still_to_be_notified(third);
}

// The second has adopted the turn of the first, and not yet cleared where it came from.
TEST_F(HaltedCondition, a_turn_that_was_adopted_is_not_granted_again) {
  const std::unique_ptr<HaltsAt> first = first_in_line();
  HaltsAt second("turn_adopted", [this] { _exit(wait_for_turn()); });
  wait_until([&] { return board->condition.waiters() == 1 && second.sleeps(); });
  Forked third = asleep(2);
  notify();
  first->kill();
  look_in();
  second.wait_until_there();
  EXPECT_EQ(wait_for_turn(std::chrono::milliseconds(1)), 0);
  second.let_go();
  EXPECT_EQ(second.wait(), 1);
  expect_still_to_be_notified(third);
}

// The second is granted the turn of the first, and stopped before it has seen that.
TEST_F(HaltedCondition, who_is_stopped_passes_on_the_turn_that_it_was_granted) {
  const std::unique_ptr<HaltsAt> first = first_in_line();
  support::Plain<std::atomic<bool>> stop;
  HaltsAt second("woken", [this, &stop] {
    std::stop_source source;
    const std::thread stopper([&] {
      wait_until([&] { return stop->load(); });
      source.request_stop();
      crash::halt->over = true;
    });
    {
      std::unique_lock hold(board->condition);
      board->condition.wait(hold, source.get_token(), [] { return false; });
    }
    pause();  // its end would wake the third
  });
  wait_until([&] { return board->condition.waiters() == 1 && second.sleeps(); });
  Forked third = asleep(2);
  notify();
  first->kill();
  look_in();
  second.wait_until_there();
  *stop = true;
  EXPECT_EQ(third.wait(), 1);
}

// Whoever notifies without the lock finds nobody while one is about to wait. That one is not forgotten for it.
TEST_F(HaltedCondition, a_waiter_that_has_drawn_its_ticket_is_found_by_the_next_though_not_by_this_one) {
  HaltsAt waiter("ticket_drawn", [this] { _exit(wait_for_turn()); });
  waiter.wait_until_there();
  board->condition.notify();
  waiter.let_go();
  wait_until([&] { return board->condition.waiters() == 1; });
  notify();
  EXPECT_EQ(waiter.wait(), 1);
}

}  // namespace
