// The rows of the DEATH tables of Event, Latch and Barrier.
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "carom/carom.hpp"
#include "crash/death.hpp"

namespace {

using namespace carom;
using crash::dies_at;
using support::Forked;
using support::wait_until;

struct Board {
  Event event;
  Latch latch{2};
  Barrier barrier{2};
};

class WaitingDeath : public testing::Test {
 protected:
  template <class Object>
  static Forked asleep_at(Object& object, const std::function<void()>& body) {
    Forked sleeper(body);
    wait_until([&] { return object.waiters() == 1 && support::sleeps(sleeper.pid()); });
    return sleeper;
  }

  Shared<Board> board;
};

class EventDeath : public WaitingDeath {};
class LatchDeath : public WaitingDeath {};
class BarrierDeath : public WaitingDeath {
 protected:
  static constexpr int kBroken = 100;

  int meet() const {
    try {
      return board->barrier.wait();
    } catch (const BrokenBarrierError& e) {
      return kBroken + static_cast<int>(e.why());
    }
  }
  Forked party_asleep() {
    return asleep_at(board->barrier, [this] { _exit(meet()); });
  }
  /// One party sleeps, the other dies at the step; the first is told that it died.
  void expect_broken_by_death_at(const char* step, const std::function<void()>& body) {
    Forked first = party_asleep();
    dies_at(step, body);
    EXPECT_EQ(first.wait(), kBroken + static_cast<int>(BarrierBreak::party_died));
    EXPECT_TRUE(board->barrier.broken());
    board->barrier.reset();
    Forked second = party_asleep();
    EXPECT_EQ(meet(), 1);
    EXPECT_EQ(second.wait(), 0);
  }
};

TEST_F(EventDeath, event_marked) {
  dies_at("event_marked", [&] { board->event.wait(); });
  board->event.set();
  EXPECT_TRUE(board->event.wait());
}

TEST_F(EventDeath, event_set) {
  Forked sleeper = asleep_at(board->event, [&] { _exit(board->event.wait() ? 0 : 1); });
  dies_at("event_set", [&] { board->event.set(); });
  EXPECT_EQ(sleeper.wait(), 0);
  EXPECT_TRUE(board->event.is_set());
}

TEST_F(EventDeath, event_cleared) {
  board->event.set();
  dies_at("event_cleared", [&] { board->event.clear(); });
  EXPECT_FALSE(board->event.is_set());
}

TEST_F(LatchDeath, latch_counted) {
  Forked sleeper = asleep_at(board->latch, [&] { _exit(board->latch.wait().kind()); });
  dies_at("latch_counted", [&] {
    board->latch.promise();
    board->latch.count_down();
  });
  EXPECT_EQ(sleeper.wait(), LatchWait::forsaken);
  EXPECT_EQ(board->latch.left(), 1u);
  board->latch.count_down();
  EXPECT_EQ(board->latch.wait(), LatchWait::open);
}

TEST_F(LatchDeath, latch_opened) {
  Forked sleeper = asleep_at(board->latch, [&] { _exit(board->latch.wait().kind()); });
  dies_at("latch_opened", [&] { board->latch.count_down(2); });
  EXPECT_EQ(sleeper.wait(), LatchWait::open);
}

TEST_F(LatchDeath, latch_promised) {
  Forked sleeper = asleep_at(board->latch, [&] { _exit(board->latch.wait().kind()); });
  dies_at("latch_promised", [&] { board->latch.promise(2); });
  EXPECT_EQ(sleeper.wait(), LatchWait::forsaken);
}

TEST_F(LatchDeath, latch_marked) {
  dies_at("latch_marked", [&] { static_cast<void>(board->latch.wait()); });
  EXPECT_EQ(board->latch.waiters(), 0u);
  board->latch.count_down(2);
  EXPECT_EQ(board->latch.wait(), LatchWait::open);
}

// One that promised is dead; who finds that, and says so in the word, dies before it has woken the others.
TEST_F(LatchDeath, latch_forsaken) {
  Forked promiser([&] {
    board->latch.promise();
    pause();
  });
  wait_until([&] { return board->latch.promised().size() == 1; });
  promiser.signal(SIGSTOP);
  Forked sleeper = asleep_at(board->latch, [&] { _exit(board->latch.wait().kind()); });
  sleeper.signal(SIGSTOP);
  promiser.kill();
  dies_at("latch_forsaken", [&] { static_cast<void>(board->latch.wait()); });
  sleeper.signal(SIGCONT);
  EXPECT_EQ(sleeper.wait(), LatchWait::forsaken);
}

TEST_F(BarrierDeath, barrier_marked) {
  dies_at("barrier_marked", [&] { board->barrier.wait(); });
  EXPECT_EQ(meet(), kBroken + static_cast<int>(BarrierBreak::party_died));
}

TEST_F(BarrierDeath, barrier_noted) {
  expect_broken_by_death_at("barrier_noted", [&] { board->barrier.wait(); });
}

TEST_F(BarrierDeath, barrier_arrived) {
  dies_at("barrier_arrived", [&] { board->barrier.wait(); });
  EXPECT_EQ(meet(), kBroken + static_cast<int>(BarrierBreak::party_died));
}

TEST_F(BarrierDeath, barrier_acting) {
  expect_broken_by_death_at("barrier_acting", [&] { board->barrier.wait(Deadline::never(), [] {}); });
}

TEST_F(BarrierDeath, barrier_completed) {
  Forked first = party_asleep();
  dies_at("barrier_completed", [&] { board->barrier.wait(); });
  EXPECT_EQ(first.wait(), 0) << "all had arrived when the last one died";
  EXPECT_FALSE(board->barrier.broken());
}

TEST_F(BarrierDeath, barrier_broken) {
  Forked first = party_asleep();
  dies_at("barrier_broken", [&] { board->barrier.abort(); });
  EXPECT_EQ(first.wait(), kBroken + static_cast<int>(BarrierBreak::aborted));
}

TEST_F(BarrierDeath, barrier_reset) {
  Forked first = party_asleep();
  dies_at("barrier_reset", [&] { board->barrier.reset(); });
  EXPECT_EQ(first.wait(), kBroken + static_cast<int>(BarrierBreak::reset));
  EXPECT_FALSE(board->barrier.broken());
}

TEST_F(BarrierDeath, barrier_enrolled) {
  expect_broken_by_death_at("barrier_enrolled", [&] { board->barrier.enrol(); });
}

}  // namespace
