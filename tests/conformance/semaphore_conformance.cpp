// What Semaphore promises: permits from anybody to anybody, and permits with a holder, which come back.
#include <array>
#include <cmath>
#include <limits>
#include <mutex>

#include "conformance/primitives.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Errc;
using carom::Holders;
using carom::Release;
using carom::Semaphore;
using support::code_of;

namespace {

using Seconds = std::chrono::duration<double>;

carom::Shared<Semaphore> make(std::int64_t value, Holders holders = Holders::of_scopes) {
  return carom::Shared<Semaphore>(std::in_place, value, holders);
}

/// A party that has taken one permit, in a scope, by the time this returns.
Party party_that_has_one(Semaphore& permits) {
  Party party([&permits] { permits.lock(); });
  party.wait_until_done();
  return party;
}

}  // namespace

TEST(CAROM_SUITE(Semaphore), begins_with_the_value_it_was_made_with) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{7}, std::int64_t{0x7fff'ffff}}) {
    const auto permits = make(value);
    EXPECT_EQ(permits->get_value(), value);
    EXPECT_EQ(permits->locked(), value == 0);
    EXPECT_FALSE(permits->tracked());
  }
  EXPECT_EQ(carom::Shared<Semaphore>()->get_value(), 1u);
}

TEST(CAROM_SUITE(Semaphore), cannot_begin_with_less_than_nothing_or_more_than_it_can_count) {
  EXPECT_EQ(code_of([] { make(-1); }), Errc::bad_value);
  EXPECT_EQ(code_of([] { make(std::int64_t{1} << 31); }), Errc::bad_value);
  EXPECT_EQ(code_of([] { make(std::numeric_limits<std::int64_t>::min()); }), Errc::bad_value);
}

TEST(CAROM_SUITE(Semaphore), lies_in_a_segment_or_nowhere) {
  EXPECT_EQ(code_of([] { static_cast<void>(Semaphore(1)); }), Errc::outside_segment);
}

TEST(CAROM_SUITE(Semaphore), a_release_beyond_what_it_can_count_adds_nothing) {
  const auto permits = make(0x7fff'ffff - 1);
  EXPECT_EQ(permits->release(2), Release::too_many);
  EXPECT_EQ(permits->get_value(), 0x7fff'fffeu);
  EXPECT_EQ(permits->release(), Release::released);
  EXPECT_EQ(permits->release(), Release::too_many);
  EXPECT_EQ(permits->release(UINT32_MAX), Release::too_many);
  EXPECT_EQ(permits->get_value(), 0x7fff'ffffu);
}

TEST(CAROM_SUITE(Semaphore), releasing_none_changes_nothing) {
  const auto permits = make(3);
  EXPECT_EQ(permits->release(0), Release::released);
  EXPECT_EQ(permits->get_value(), 3u);
}

TEST(CAROM_SUITE(Semaphore), takes_and_gives_one_at_a_time) {
  const auto permits = make(2);
  EXPECT_EQ(permits->acquire(), Acquisition::acquired);
  EXPECT_EQ(permits->acquire(false), Acquisition::acquired);
  EXPECT_TRUE(permits->locked());
  EXPECT_EQ(permits->acquire(false), Acquisition::timed_out);
  EXPECT_EQ(permits->acquire(false, 1h), Acquisition::timed_out);
  EXPECT_EQ(permits->release(), Release::released);
  EXPECT_TRUE(permits->try_acquire());
  EXPECT_FALSE(permits->try_acquire());
}

TEST(CAROM_SUITE(Semaphore), zero_and_negative_timeouts_are_one_try) {
  const auto permits = make(1);
  EXPECT_EQ(permits->acquire(0s), Acquisition::acquired);
  EXPECT_EQ(permits->acquire(0s), Acquisition::timed_out);
  EXPECT_EQ(permits->acquire(-1h), Acquisition::timed_out);
  EXPECT_EQ(permits->release(), Release::released);
  EXPECT_EQ(permits->acquire(-1h), Acquisition::acquired);
}

TEST(CAROM_SUITE(Semaphore), a_timeout_is_waited_for_in_full) {
  const auto permits = make(0);
  const std::int64_t start = carom::Deadline::now_ns();
  EXPECT_EQ(permits->acquire(30ms), Acquisition::timed_out);
  EXPECT_FALSE(permits->try_acquire_for(30ms));
  EXPECT_FALSE(permits->try_acquire_until(std::chrono::steady_clock::now() + 30ms));
  EXPECT_GE(carom::Deadline::now_ns() - start, 90'000'000);
  EXPECT_EQ(permits->waiters(), 0u);
}

TEST(CAROM_SUITE(Semaphore), a_timeout_that_is_no_number_is_an_error) {
  const auto permits = make(1);
  EXPECT_EQ(code_of([&] { return permits->acquire(Seconds(std::nan(""))); }), Errc::bad_timeout);
  EXPECT_EQ(permits->get_value(), 1u);
}

TEST(CAROM_SUITE(Semaphore), an_infinite_timeout_lasts_until_a_release) {
  const auto permits = make(0);
  std::vector<Party> sleepers;
  sleepers.emplace_back(
      [&permits] { return permits->acquire(Seconds(std::numeric_limits<double>::infinity())).kind(); });
  sleepers.emplace_back([&permits] { return permits->acquire(Seconds(1e30)).kind(); });
  wait_for_sleepers(*permits, sleepers, 2);
  EXPECT_EQ(permits->waiting().size(), 2u);
  EXPECT_EQ(permits->release(2), Release::released);
  for (Party& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), Acquisition::acquired);
}

TEST(CAROM_SUITE(Semaphore), a_release_of_n_lets_n_through) {
  const auto permits = make(0);
  std::vector<Party> sleepers;
  for (int i = 0; i < 5; ++i) sleepers.emplace_back([&permits] { return permits->acquire().kind(); });
  wait_for_sleepers(*permits, sleepers, 5);
  EXPECT_EQ(permits->release(3), Release::released);
  wait_for_sleepers(*permits, sleepers, 2);
  EXPECT_EQ(permits->get_value(), 0u);
  EXPECT_EQ(permits->release(2), Release::released);
  for (Party& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), Acquisition::acquired);
}

TEST(CAROM_SUITE(Semaphore), anybody_may_release_what_somebody_else_acquired) {
  const auto permits = make(1);
  Party taker([&permits] { return permits->acquire().kind(); });
  EXPECT_EQ(taker.result(), Acquisition::acquired);
  Party giver([&permits] { return permits->release() == Release::released; });
  EXPECT_EQ(giver.leave(), 1);
  EXPECT_EQ(permits->acquire(false), Acquisition::acquired);
  taker.die();
  EXPECT_EQ(permits->get_value(), 0u);
}

TEST(CAROM_SUITE(Semaphore), a_permit_taken_in_a_scope_comes_back_once_and_the_next_is_told) {
  const auto permits = make(2);
  Party holder = party_that_has_one(*permits);
  EXPECT_EQ(permits->get_value(), 1u);
  EXPECT_EQ(permits->acquire(), Acquisition::acquired);
  holder.die();
  EXPECT_EQ(permits->acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(permits->acquire(false), Acquisition::timed_out);
  EXPECT_EQ(permits->get_value(), 0u);
  EXPECT_EQ(permits.segment().takeovers(), 1u);
}

TEST(CAROM_SUITE(Semaphore), the_death_of_a_holder_wakes_a_sleeper) {
  const auto permits = make(1);
  Party holder = party_that_has_one(*permits);
  Party sleeper([&permits] { return permits->acquire().kind(); });
  wait_for_sleeper(*permits, sleeper);
  holder.die();
  EXPECT_EQ(sleeper.leave(), Acquisition::acquired_owner_died);
}

TEST(CAROM_SUITE(Semaphore), many_permits_of_one_holder_all_come_back) {
  const auto permits = make(10);
  Party holder([&permits] {
    for (int i = 0; i < 7; ++i) permits->lock();
    permits->unlock();
    return permits->held();
  });
  EXPECT_EQ(holder.result(), 6);
  holder.die();
  EXPECT_EQ(permits->get_value(), 10u);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(permits->acquire(false));
  EXPECT_EQ(permits->acquire(false), Acquisition::timed_out);
}

TEST(CAROM_SUITE(Semaphore), a_signal_consumed_bare_does_not_come_back) {
  const auto permits = make(1);
  Party taker([&permits] { return permits->acquire().kind(); });
  EXPECT_EQ(taker.result(), Acquisition::acquired);
  taker.die();
  EXPECT_EQ(permits->acquire(120ms), Acquisition::timed_out);
  EXPECT_EQ(permits->get_value(), 0u);
}

TEST(CAROM_SUITE(Semaphore), tracked_a_release_of_too_many_gives_back_none) {
  const auto permits = make(5, Holders::tracked);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(permits->acquire());
  EXPECT_EQ(permits->release(Semaphore::kMaxValue), Release::too_many);
  EXPECT_EQ(permits->held(), 3u);
  EXPECT_EQ(permits->get_value(), 2u);
}

TEST(CAROM_SUITE(Semaphore), tracked_what_acquire_takes_comes_back) {
  const auto permits = make(1, Holders::tracked);
  EXPECT_TRUE(permits->tracked());
  Party taker([&permits] { return permits->acquire().kind(); });
  EXPECT_EQ(taker.result(), Acquisition::acquired);
  EXPECT_EQ(permits->holders().size(), 1u);
  taker.die();
  EXPECT_EQ(permits->acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(permits->held(), 1u);
  EXPECT_EQ(permits->release(3), Release::released);  // one of its own, two bare
  EXPECT_EQ(permits->held(), 0u);
  EXPECT_EQ(permits->get_value(), 3u);
}

TEST(CAROM_SUITE(Semaphore), who_unlocks_without_holding_is_told) {
  const auto permits = make(1);
  EXPECT_EQ(code_of([&] { permits->unlock(); }), Errc::not_held);
  EXPECT_EQ(permits->acquire(), Acquisition::acquired);
  EXPECT_EQ(code_of([&] { permits->unlock(); }), Errc::not_held);
  EXPECT_EQ(permits->get_value(), 0u);
}

TEST(CAROM_SUITE(Semaphore), another_party_holds_none_of_its_makers_permits) {
  const auto permits = make(2);
  const std::scoped_lock hold(*permits);
  EXPECT_EQ(permits->held(), 1u);
  Party child(
      [&permits] { return permits->held() == 0 && code_of([&] { permits->unlock(); }) == Errc::not_held; });
  EXPECT_EQ(child.result(), 1);
  child.die();
  EXPECT_EQ(permits->get_value(), 1u);
  EXPECT_EQ(permits->held(), 1u);
}

TEST(CAROM_SUITE(Semaphore), the_standard_names_hold_permits) {
  const auto permits = make(3);
  {
    const std::scoped_lock one(*permits);
    const std::unique_lock two(*permits, std::try_to_lock);
    const std::unique_lock three(*permits, 1s);
    const std::unique_lock none(*permits, 1ms);
    EXPECT_TRUE(two.owns_lock() && three.owns_lock());
    EXPECT_FALSE(none.owns_lock());
    EXPECT_EQ(permits->held(), 3u);
  }
  EXPECT_EQ(permits->held(), 0u);
  EXPECT_EQ(permits->get_value(), 3u);
}

TEST(CAROM_SUITE(Semaphore), names_its_holders_and_those_who_wait) {
  const auto permits = make(1);
  EXPECT_TRUE(permits->holders().empty());
  Party holder = party_that_has_one(*permits);
  Party sleeper([&permits] { return permits->acquire().kind(); });
  wait_for_sleeper(*permits, sleeper);
  ASSERT_EQ(permits->holders().size(), 1u);
  EXPECT_EQ(permits->holders()[0].tid, static_cast<std::uint32_t>(holder.tid()));
  ASSERT_EQ(permits->waiting().size(), 1u);
  EXPECT_EQ(permits->waiting()[0].tid, static_cast<std::uint32_t>(sleeper.tid()));
  EXPECT_EQ(permits->release(), Release::released);
  EXPECT_EQ(sleeper.leave(), Acquisition::acquired);
}

namespace {
struct Thousands {
  std::array<Semaphore, 3000> each;
};
}  // namespace

TEST(CAROM_SUITE(Semaphore), one_may_hold_permits_of_thousands_and_each_comes_back) {
  const auto board = carom::Shared<Thousands>::anonymous({.participants = 4096});
  Party holder([&board] {
    for (Semaphore& permits : board->each) permits.lock();
    return board->each[2999].held();
  });
  EXPECT_EQ(holder.result(), 1);
  for (const Semaphore& permits : board->each) ASSERT_TRUE(permits.locked());
  holder.die();
  for (Semaphore& permits : board->each) {
    ASSERT_TRUE(permits.acquire());
    ASSERT_TRUE(permits.locked());
  }
}

TEST(CAROM_SUITE(Semaphore), taken_by_turns_with_many_others_each_knows_what_is_held_of_it) {
  const auto board = carom::Shared<Thousands>::anonymous({.participants = 4096});
  const auto at = [&board](std::size_t i) -> Semaphore& { return board->each[i * 7 % 100]; };
  Party holder([at] {
    for (std::size_t i = 0; i < 2000; ++i) {
      at(i).lock();
      if (i >= 10)
        at(i - 10).unlock();  // ten at a time, and each place of the seat is another's again and again
    }
    return true;
  });
  EXPECT_TRUE(holder.result());
  for (std::size_t i = 1900; i < 1990; ++i) EXPECT_FALSE(at(i).locked()) << i;
  for (std::size_t i = 1990; i < 2000; ++i) EXPECT_TRUE(at(i).locked()) << i;
  holder.die();
  for (Semaphore& permits : board->each) {
    ASSERT_EQ(permits.get_value(), 1u);
    ASSERT_TRUE(permits.holders().empty());
  }
}

TEST(CAROM_SUITE(Semaphore), each_is_known_to_its_holder_whichever_were_held_before) {
  const carom::Shared<std::array<Semaphore, 24>> board;
  for (Semaphore& held : *board) {
    for (Semaphore& first : *board) {
      for (Semaphore& second : *board) {
        if (&held == &first || &held == &second || &first == &second) continue;
        const std::scoped_lock hold(held);
        first.lock();
        first.unlock();
        const std::scoped_lock both(second, first);
        ASSERT_EQ(first.held(), 1u);
        ASSERT_EQ(second.held(), 1u);
        ASSERT_EQ(first.holders().size(), 1u);
        ASSERT_EQ(second.holders().size(), 1u);
      }
    }
  }
}

TEST(CAROM_SUITE(Semaphore), where_a_bounded_one_was_has_permits_of_its_own) {
  union Place {
    Place() {}
    Semaphore counting;
    carom::BoundedSemaphore bounded;
  };
  const carom::Shared<Place> place;
  Party holder([&place] {
    new (&place->bounded) carom::BoundedSemaphore(2);
    place->bounded.lock();
    place->bounded.unlock();
    new (&place->counting) Semaphore(2);
    place->counting.lock();
    return place->counting.held();
  });
  EXPECT_EQ(holder.result(), 1);
  EXPECT_EQ(place->counting.holders().size(), 1u);
  holder.die();
  EXPECT_EQ(place->counting.get_value(), 2u);
}

#ifndef CAROM_PARTIES_ARE_THREADS
TEST(CAROM_SUITE(Semaphore), a_waiter_that_is_killed_is_forgotten) {
  const auto permits = make(0);
  Party sleeper([&permits] { return permits->acquire().kind(); });
  wait_for_sleeper(*permits, sleeper);
  sleeper.die();
  EXPECT_EQ(permits->waiters(), 0u);
  EXPECT_EQ(permits->release(), Release::released);
  EXPECT_TRUE(permits->acquire(false));
}

TEST(CAROM_SUITE(Semaphore), a_waiter_that_is_killed_when_woken_swallows_nothing) {
  for (int round = 0; round < 60; ++round) {
    const auto permits = make(0);
    std::vector<Party> sleepers;
    for (int i = 0; i < 2; ++i) {
      sleepers.emplace_back([&permits] {
        permits->lock();
        return true;
      });
    }
    wait_for_sleepers(*permits, sleepers, 2);
    ASSERT_EQ(permits->release(), Release::released);
    const std::size_t victim = round % 2 == 0 ? 0 : 1;
    sleepers[victim].die();
    ASSERT_TRUE(sleepers[1 - victim].done() || sleepers[1 - victim].result());
    sleepers[1 - victim].die();
    ASSERT_EQ(permits->get_value(), 1u);
  }
}
#endif
