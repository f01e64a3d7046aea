// The judge must be able to say both: of each kind a history that can be, and one that cannot.
#include "histories/judge.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "carom/barrier.hpp"
#include "carom/latch.hpp"
#include "carom/outcome.hpp"

using namespace histories;

namespace {

constexpr int kAcquired = carom::Acquisition::acquired;
constexpr int kOwnerDied = carom::Acquisition::acquired_owner_died;
constexpr int kTimedOut = carom::Acquisition::timed_out;
constexpr int kReleased = static_cast<int>(carom::Release::released);
constexpr int kTooMany = static_cast<int>(carom::Release::too_many);
constexpr int kPartyDied = kBroken + static_cast<int>(carom::BarrierBreak::party_died);

/// Times are any numbers: only their order counts. Calls of a player are told in their order.
class Told {
 public:
  explicit Told(Kind kind, int size = 1) {
    history_->kind = kind;
    history_->size = size;
  }
  Told& call(int player, What what, int argument, int result, int began, int ended) {
    Player& of = history_->players[static_cast<std::size_t>(player)];
    Call& call = of.calls[static_cast<std::size_t>(of.count.load())];
    ++of.count;
    call.what = what;
    call.argument = static_cast<std::int16_t>(argument);
    call.result = static_cast<std::int16_t>(result);
    call.began_ns = began;
    call.ended_ns = ended;
    return *this;
  }
  Told& cut_off(int player, What what, int argument, int began) {
    return call(player, what, argument, 0, began, 0);
  }
  Told& dies(int player, int killed, int dead) {
    Player& of = history_->players[static_cast<std::size_t>(player)];
    of.kill_ns = killed;
    of.dead_ns = dead;
    return *this;
  }
  Verdict judged() const { return judge(*history_); }

 private:
  std::shared_ptr<History> history_ = std::make_shared<History>();
};

void expect_right(const Told& told) {
  EXPECT_EQ(told.judged(), Verdict::explained);
}
void expect_wrong(const Told& told) {
  EXPECT_EQ(told.judged(), Verdict::violation);
}

}  // namespace

TEST(Judge, a_lock_has_one_owner) {
  expect_right(
      Told(Kind::lock).call(0, What::acquire, 0, kAcquired, 1, 5).call(1, What::acquire, 0, kTimedOut, 2, 3));
  expect_right(Told(Kind::lock)
                   .call(0, What::acquire, 0, kAcquired, 1, 2)
                   .call(0, What::release, 0, kReleased, 3, 6)
                   .call(1, What::acquire, 9, kAcquired, 4, 5));
  expect_wrong(
      Told(Kind::lock).call(0, What::acquire, 0, kAcquired, 1, 5).call(1, What::acquire, 0, kAcquired, 2, 3));
  expect_wrong(Told(Kind::lock).call(0, What::acquire, 0, kTimedOut, 1, 5));
}

TEST(Judge, whoever_takes_a_lock_from_the_dead_is_told) {
  const auto until_death = [](int killed, int dead) {
    return Told(Kind::lock).call(0, What::acquire, 0, kAcquired, 1, 2).dies(0, killed, dead);
  };
  expect_right(until_death(3, 4).call(1, What::acquire, 0, kOwnerDied, 5, 6));
  expect_right(until_death(3, 9).call(1, What::acquire, 0, kOwnerDied, 5, 6));
  expect_right(until_death(3, 9).call(1, What::acquire, 0, kTimedOut, 5, 6));
  expect_wrong(until_death(3, 4).call(1, What::acquire, 0, kAcquired, 5, 6));
  expect_wrong(until_death(3, 4).call(1, What::acquire, 0, kTimedOut, 5, 6));
  expect_wrong(until_death(7, 8).call(1, What::acquire, 0, kOwnerDied, 5, 6));
}

TEST(Judge, a_call_that_was_cut_off_took_effect_or_not) {
  const auto cut_off = [] { return Told(Kind::lock).cut_off(0, What::acquire, 0, 1).dies(0, 2, 3); };
  expect_right(cut_off().call(1, What::acquire, 0, kOwnerDied, 4, 5));
  expect_right(cut_off().call(1, What::acquire, 0, kAcquired, 4, 5));
}

TEST(Judge, a_line_refuses_only_beside_another) {
  const auto free_one = [] { return Told(Kind::fifo_lock).call(0, What::acquire, 0, kTimedOut, 4, 5); };
  expect_wrong(free_one());
  expect_right(free_one().call(1, What::acquire, 9, kAcquired, 3, 6));
}

TEST(Judge, an_rlock_counts_its_depth) {
  const auto twice = [] {
    return Told(Kind::rlock)
        .call(0, What::acquire, 0, kAcquired, 1, 2)
        .call(0, What::acquire, 0, kAcquired, 3, 4)
        .call(0, What::release, 0, kReleased, 5, 6);
  };
  expect_right(twice().call(1, What::acquire, 0, kTimedOut, 7, 8));
  expect_wrong(twice().call(1, What::acquire, 0, kAcquired, 7, 8));
}

TEST(Judge, a_shared_lock_has_readers_or_a_writer) {
  const auto read = [] { return Told(Kind::shared_lock).call(0, What::acquire_shared, 0, kAcquired, 1, 2); };
  expect_right(read().call(1, What::acquire_shared, 0, kAcquired, 3, 4));
  expect_wrong(read().call(1, What::acquire, 0, kAcquired, 3, 4));
  expect_right(read().dies(0, 3, 4).call(1, What::acquire, 0, kAcquired, 5, 6));
  expect_wrong(read().dies(0, 3, 4).call(1, What::acquire, 0, kOwnerDied, 5, 6));
}

TEST(Judge, a_permit_is_given_once_and_comes_back_from_the_dead_once) {
  const auto taken = [] { return Told(Kind::scoped_semaphore, 1).call(0, What::lock, 0, 1, 1, 2); };
  expect_wrong(taken().call(1, What::acquire, 0, kAcquired, 3, 4));
  const auto dead = [&] { return taken().dies(0, 3, 4).call(1, What::lock, 0, 1, 5, 6); };
  expect_right(dead().call(1, What::value, 0, 0, 7, 8));
  expect_wrong(dead().call(1, What::value, 0, 1, 7, 8));
  expect_wrong(taken().dies(0, 3, 4).call(1, What::lock, 0, 0, 5, 6));
  expect_right(Told(Kind::semaphore, 1)
                   .call(0, What::acquire, 0, kAcquired, 1, 2)
                   .dies(0, 3, 4)
                   .call(1, What::value, 0, 0, 5, 6));
}

TEST(Judge, a_bounded_semaphore_has_a_bound) {
  expect_right(Told(Kind::bounded_semaphore, 2).call(0, What::release, 1, kTooMany, 1, 2));
  expect_wrong(Told(Kind::bounded_semaphore, 2).call(0, What::release, 1, kReleased, 1, 2));
}

TEST(Judge, an_event_is_seen_after_it_was_set) {
  expect_right(Told(Kind::event).call(0, What::set, 0, 0, 1, 4).call(1, What::wait, 0, 1, 2, 3));
  expect_wrong(Told(Kind::event).call(0, What::set, 0, 0, 3, 4).call(1, What::wait, 0, 1, 1, 2));
  expect_wrong(Told(Kind::event).call(0, What::set, 0, 0, 1, 2).call(1, What::is_set, 0, 0, 3, 4));
}

TEST(Judge, a_condition_notifies_one_that_waits) {
  const auto two_wait = [](int notified, int second) {
    return Told(Kind::condition)
        .call(0, What::acquire, 0, kAcquired, 1, 2)
        .call(0, What::wait, 9, 1, 3, 30)
        .call(1, What::acquire, 9, kAcquired, 4, 5)
        .call(1, What::wait, 9, second, 6, 40)
        .call(2, What::acquire, 9, kAcquired, 7, 8)
        .call(2, What::notify, notified, 0, 9, 10)
        .call(2, What::release, 0, kReleased, 11, 12)
        .call(0, What::release, 0, kReleased, 31, 32);
  };
  expect_right(two_wait(1, 0));
  expect_right(two_wait(2, 1));
  expect_wrong(two_wait(0, 0));
  expect_wrong(two_wait(1, 1));
}

TEST(Judge, a_barrier_lets_all_go_or_none) {
  expect_right(Told(Kind::barrier, 2).call(0, What::wait, 9, 0, 1, 4).call(1, What::wait, 9, 1, 2, 3));
  expect_wrong(Told(Kind::barrier, 2).call(0, What::wait, 9, 0, 1, 4).call(1, What::wait, 9, 0, 2, 3));
  expect_wrong(Told(Kind::barrier, 2).call(0, What::wait, 9, 0, 1, 2).call(1, What::wait, 9, 1, 3, 4));
  const auto enrolled = [] { return Told(Kind::barrier, 2).call(0, What::enrol, 0, 0, 1, 2).dies(0, 3, 4); };
  expect_right(enrolled().call(1, What::wait, 9, kPartyDied, 5, 6));
  expect_wrong(enrolled().call(1, What::reset, 0, 0, 5, 6).call(1, What::wait, 9, kPartyDied, 7, 8));
}

TEST(Judge, a_latch_opens_once_it_is_counted_down) {
  expect_right(Told(Kind::latch, 1)
                   .call(0, What::count_down, 1, 0, 1, 4)
                   .call(1, What::wait, 9, carom::LatchWait::open, 2, 3));
  expect_wrong(Told(Kind::latch, 2)
                   .call(0, What::count_down, 1, 0, 1, 2)
                   .call(1, What::wait, 9, carom::LatchWait::open, 3, 4));
  const auto promised = [] { return Told(Kind::latch, 1).call(0, What::promise, 1, 0, 1, 2).dies(0, 3, 4); };
  expect_right(promised().call(1, What::wait, 0, carom::LatchWait::forsaken, 5, 6));
  expect_wrong(promised().call(1, What::wait, 0, carom::LatchWait::timed_out, 5, 6));
}
