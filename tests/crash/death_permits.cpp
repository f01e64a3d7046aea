// The rows of the DEATH table of permits, for a semaphore with scopes and for a bounded one.
#include <gtest/gtest.h>

#include <mutex>

#include "carom/carom.hpp"
#include "crash/death.hpp"

namespace {

using namespace carom;
using crash::dies_at;
using crash::DiesAt;
using support::Forked;
using support::wait_until;

struct Board {
  Semaphore scoped{2};
  BoundedSemaphore bounded{2};
  Semaphore signals{0};
};

class PermitDeath : public testing::Test {
 protected:
  template <class S>
  static void take_two_and_give_one(S& semaphore) {
    semaphore.lock();
    semaphore.lock();
    semaphore.unlock();
  }

  /// All permits are there, once, and whoever takes them all is told of a death or not.
  template <class S>
  static void expect_all(S& semaphore) {
    EXPECT_TRUE(semaphore.try_lock());
    EXPECT_TRUE(semaphore.try_lock());
    EXPECT_FALSE(semaphore.try_lock());
    semaphore.unlock();
    semaphore.unlock();
    EXPECT_EQ(semaphore.get_value(), 2u);
  }

  void expect_all_after_death_at(const char* step) {
    dies_at(step, [&] { take_two_and_give_one(board->scoped); });
    expect_all(board->scoped);
    dies_at(step, [&] { take_two_and_give_one(board->bounded); });
    expect_all(board->bounded);
    EXPECT_EQ(board->bounded.release(), Release::too_many);
  }

  /// Somebody dies with both permits, and who finds that dies at the step.
  void expect_all_after_second_death_at(const char* step) {
    dies_at("permit_returned", [&] { take_two_and_give_one(board->bounded); });
    dies_at("permit_returned", [&] { take_two_and_give_one(board->scoped); });
    support::Plain<std::atomic<bool>> held;
    Forked first([&] {
      std::scoped_lock all(board->bounded, board->scoped);
      *held = true;
      pause();
    });
    wait_until([&] { return held->load(); });
    first.kill();
    dies_at(step, [&] { board->bounded.get_value(); });
    dies_at(step, [&] { board->scoped.get_value(); });
    expect_all(board->bounded);
    expect_all(board->scoped);
  }

  Shared<Board> board;
};

TEST_F(PermitDeath, permit_taken) {
  expect_all_after_death_at("permit_taken");
}

TEST_F(PermitDeath, permit_returned) {
  expect_all_after_death_at("permit_returned");
}

TEST_F(PermitDeath, permit_adopted) {
  Forked holder([&] {
    if (!board->bounded.acquire()) _exit(1);
    dies_at("permit_adopted", [&] { board->bounded.adopt(); });
  });
  EXPECT_EQ(holder.wait(), 0);
  expect_all(board->bounded);
}

TEST_F(PermitDeath, permit_marked) {
  dies_at("permit_marked", [&] { static_cast<void>(board->signals.acquire()); });
  EXPECT_EQ(board->signals.waiters(), 0u);
  EXPECT_EQ(board->signals.release(), Release::released);
  EXPECT_EQ(board->signals.get_value(), 1u);
}

TEST_F(PermitDeath, permit_given) {
  Forked sleeper([&] { _exit(board->signals.acquire() ? 0 : 1); });
  wait_until([&] { return board->signals.waiters() == 1 && support::sleeps(sleeper.pid()); });
  dies_at("permit_given", [&] { static_cast<void>(board->signals.release()); });
  EXPECT_EQ(sleeper.wait(), 0);
  EXPECT_EQ(board->signals.get_value(), 0u);
}

TEST_F(PermitDeath, estate_given) {
  expect_all_after_second_death_at("estate_given");
}

// Its stamp is the last, and its slot knows nothing of it: who writes over the one sees to the other.
TEST_F(PermitDeath, what_the_dead_took_last_is_noted_by_who_gives_next) {
  take_two_and_give_one(board->scoped);  // the next time the way to its slot is known
  dies_at("permit_taken", [&] { board->scoped.lock(); });
  board->scoped.unlock();
  expect_all(board->scoped);
  take_two_and_give_one(board->bounded);
  dies_at("permit_taken", [&] { board->bounded.lock(); });
  EXPECT_EQ(board->bounded.release(), Release::released);
  expect_all(board->bounded);
}

}  // namespace
