// The rows of the DEATH tables of SharedLock and Condition.
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <thread>

#include "carom/carom.hpp"
#include "crash/death.hpp"
#include "memory/waiting.hpp"

namespace {

using namespace carom;
using crash::dies_at;
using crash::DiesAt;
using support::Forked;
using support::wait_until;

struct Board {
  SharedLock shared;
  Lock lock;
  Condition condition;
  std::atomic<int> notified{0};
};

class SharedDeath : public testing::Test {
 protected:
  void expect_in_order() {
    EXPECT_EQ(board->shared.acquire_shared(), Acquisition::acquired);
    EXPECT_EQ(board->shared.release_shared(), Release::released);
    EXPECT_EQ(board->shared.acquire(), Acquisition::acquired);
    EXPECT_EQ(board->shared.release(), Release::released);
  }
  /// Readers are told until a writer has been there.
  void expect_tainted() {
    for (int reader = 0; reader < 2; ++reader) {
      EXPECT_EQ(board->shared.acquire_shared(), Acquisition::acquired_owner_died);
      EXPECT_EQ(board->shared.release_shared(), Release::released);
    }
    EXPECT_EQ(board->shared.acquire(), Acquisition::acquired_owner_died);
    EXPECT_EQ(board->shared.release(), Release::released);
    expect_in_order();
  }
  void read_once() {
    board->shared.lock_shared();
    board->shared.unlock_shared();
  }
  Forked asleep(const std::function<void()>& body) {
    Forked sleeper(body);
    wait_until([&] { return board->shared.waiters() != 0 && support::sleeps(sleeper.pid()); });
    return sleeper;
  }

  Shared<Board> board;
};

TEST_F(SharedDeath, shared_counted) {
  dies_at("shared_counted", [&] { read_once(); });
  EXPECT_EQ(board->shared.reader_count(), 0u);
  expect_in_order();
}

TEST_F(SharedDeath, shared_withdrawn) {
  board->shared.lock();
  dies_at("shared_withdrawn", [&] { read_once(); });
  board->shared.unlock();
  expect_in_order();
}

TEST_F(SharedDeath, shared_marked) {
  board->shared.lock();
  dies_at("shared_marked", [&] { read_once(); });
  EXPECT_EQ(board->shared.waiters(), 0u);
  board->shared.unlock();
  expect_in_order();
}

TEST_F(SharedDeath, shared_left) {
  support::Plain<std::atomic<bool>> leave;
  DiesAt reader("shared_left", [&] {
    board->shared.lock_shared();
    wait_until([&] { return leave->load(); });
    board->shared.unlock_shared();
  });
  wait_until([&] { return board->shared.reader_count() == 1; });
  Forked writer = asleep([&] { _exit(board->shared.acquire().kind()); });
  *leave = true;
  reader.wait();
  EXPECT_EQ(writer.wait(), Acquisition::acquired);
}

TEST_F(SharedDeath, shared_passed_on) {
  dies_at("shared_passed_on", [&] { read_once(); });
  expect_in_order();
}

TEST_F(SharedDeath, writer_taken) {
  dies_at("writer_taken", [&] { board->shared.lock(); });
  expect_tainted();
}

TEST_F(SharedDeath, writer_draining) {
  board->shared.lock_shared();
  dies_at("writer_draining", [&] { board->shared.lock(); });
  EXPECT_EQ(Forked([&] { _exit(board->shared.acquire_shared().kind()); }).wait(), Acquisition::acquired);
  board->shared.unlock_shared();
  expect_in_order();
}

TEST_F(SharedDeath, writer_inside) {
  dies_at("writer_inside", [&] { board->shared.lock(); });
  expect_tainted();
}

TEST_F(SharedDeath, writer_released) {
  support::Plain<std::atomic<bool>> release;
  DiesAt writer("writer_released", [&] {
    board->shared.lock();
    wait_until([&] { return release->load(); });
    board->shared.unlock();
  });
  wait_until([&] { return board->shared.locked(); });
  Forked reader = asleep([&] { _exit(board->shared.acquire_shared().kind()); });
  *release = true;
  writer.wait();
  EXPECT_EQ(reader.wait(), Acquisition::acquired) << "the writer had released before it died";
  expect_in_order();
}

TEST_F(SharedDeath, writer_gave_up) {
  board->shared.lock_shared();
  dies_at("writer_gave_up", [&] { static_cast<void>(board->shared.acquire(std::chrono::milliseconds(1))); });
  board->shared.unlock_shared();
  expect_in_order();
}

TEST_F(SharedDeath, shared_tainted) {
  dies_at("writer_inside", [&] { board->shared.lock(); });
  dies_at("shared_tainted", [&] { read_once(); });
  expect_tainted();
}

class TurnDeath : public testing::Test {
 protected:
  void wait_for_turn() {
    std::unique_lock hold(board->lock);
    board->condition.wait(hold);
    ++board->notified;
  }
  void sleep_until(std::size_t waiters, const Forked& sleeper) {
    wait_until([&] { return board->condition.waiters() == waiters && support::sleeps(sleeper.pid()); });
  }
  Forked asleep(std::size_t with_it = 1) {
    Forked sleeper([&] { wait_for_turn(); });
    sleep_until(with_it, sleeper);
    return sleeper;
  }
  void notify(std::uint32_t n = 1) {
    std::scoped_lock hold(board->lock);
    board->condition.notify(n);
  }
  /// Of a waiter that died nothing is left: the next is notified, and only it.
  void expect_forgotten() {
    Forked other = asleep();
    notify();
    EXPECT_EQ(other.wait(), 0);
    EXPECT_EQ(board->notified, 1);
  }
  /// The first of two is notified and dies at the step. The second is notified in its place, and nobody else.
  void expect_passed_on_after_death_at(const char* step) {
    DiesAt first(step, [&] { wait_for_turn(); });
    wait_until([&] { return board->condition.waiters() == 1 && first.sleeps(); });
    Forked second = asleep(2);
    notify();
    first.wait();
    EXPECT_EQ(second.wait(), 0);
    EXPECT_EQ(board->notified, 1);
  }

  Shared<Board> board;
};

TEST_F(TurnDeath, ticket_drawn) {
  dies_at("ticket_drawn", [&] { wait_for_turn(); });
  EXPECT_EQ(board->lock.acquire(), Acquisition::acquired_owner_died);
  static_cast<void>(board->lock.release());
  board->condition.notify_one();
  expect_forgotten();
}

TEST_F(TurnDeath, turn_waiting) {
  dies_at("turn_waiting", [&] { wait_for_turn(); });
  EXPECT_EQ(board->lock.acquire(), Acquisition::acquired_owner_died);
  static_cast<void>(board->lock.release());
  expect_forgotten();
}

TEST_F(TurnDeath, condition_unlocked) {
  dies_at("condition_unlocked", [&] { wait_for_turn(); });
  EXPECT_EQ(board->lock.acquire(), Acquisition::acquired);
  static_cast<void>(board->lock.release());
  expect_forgotten();
}

TEST_F(TurnDeath, turn_notified) {
  Forked sleeper = asleep();
  dies_at("turn_notified", [&] { board->condition.notify_one(); });
  EXPECT_EQ(sleeper.wait(), 0);
  EXPECT_EQ(board->notified, 1);
  // On its way to notify all, too: one is notified then and nobody woken, and the other waits on.
  Forked one = asleep();
  Forked other = asleep(2);
  dies_at("turn_notified", [&] { board->condition.notify_all(); });
  wait_until([&] { return board->notified == 2; });
  EXPECT_EQ(board->condition.waiters(), 1u);
  notify();
  EXPECT_EQ(one.wait() + other.wait(), 0);
  EXPECT_EQ(board->notified, 3);
}

TEST_F(TurnDeath, turn_taken) {
  expect_passed_on_after_death_at("turn_taken");
}

// The first dies with its turn; the second, who is to grant it to itself or the third, dies having granted it.
TEST_F(TurnDeath, turn_granted) {
  DiesAt first("turn_taken", [&] { wait_for_turn(); });
  wait_until([&] { return board->condition.waiters() == 1 && first.sleeps(); });
  DiesAt second("turn_granted", [&] { wait_for_turn(); });
  wait_until([&] { return board->condition.waiters() == 2 && second.sleeps(); });
  notify();
  first.wait();
  second.wait();
  // Nobody waited then who lives: a later waiter gets no turn of theirs.
  expect_forgotten();
}

TEST_F(TurnDeath, turn_adopted) {
  DiesAt first("turn_taken", [&] { wait_for_turn(); });
  wait_until([&] { return board->condition.waiters() == 1 && first.sleeps(); });
  DiesAt second("turn_adopted", [&] { wait_for_turn(); });
  wait_until([&] { return board->condition.waiters() == 2 && second.sleeps(); });
  Forked third = asleep(3);
  notify();
  first.wait();
  second.wait();
  EXPECT_EQ(third.wait(), 0);
  EXPECT_EQ(board->notified, 1);
  board->notified = 0;
  expect_forgotten();
}

TEST_F(TurnDeath, turn_left) {
  DiesAt first("turn_left", [&] { wait_for_turn(); });
  wait_until([&] { return board->condition.waiters() == 1 && first.sleeps(); });
  Forked second = asleep(2);
  Forked third = asleep(3);
  notify(2);
  first.wait();
  EXPECT_EQ(second.wait(), 0);
  // The third has looked at the dead by then, and there is no turn to pass on to it.
  std::this_thread::sleep_for(2 * carom::memory::kRecheck);
  EXPECT_EQ(board->condition.waiters(), 1u);
  notify();
  EXPECT_EQ(third.wait(), 0);
  EXPECT_EQ(board->notified, 2);
}

}  // namespace
