// What Barrier promises: all meet, or all are told why not.
#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

#include "conformance/primitives.hpp"

using namespace std::chrono_literals;
using carom::Barrier;
using carom::BarrierBreak;
using carom::BrokenBarrierError;
using carom::Errc;
using support::code_of;

namespace {

carom::Shared<Barrier> make(std::int64_t parties) {
  return carom::Shared<Barrier>(std::in_place, parties);
}

/// The index that wait() returns; or, below 0, why the barrier is broken.
constexpr int broken(BarrierBreak why) {
  return -1 - static_cast<int>(why);
}
template <class... Args>
int meet(Barrier& barrier, Args&&... args) {
  try {
    return barrier.wait(std::forward<Args>(args)...);
  } catch (const BrokenBarrierError& error) {
    return broken(error.why());
  }
}

/// The same; the pid of the culprit instead of the reason, 0 if there is none.
int culprit_of(Barrier& barrier) {
  try {
    return barrier.wait() - 1000;
  } catch (const BrokenBarrierError& error) {
    return error.culprit() ? static_cast<int>(error.culprit()->tid) : 0;
  }
}

std::vector<Party> parties_that_wait(Barrier& barrier, std::size_t count) {
  std::vector<Party> parties;
  for (std::size_t i = 0; i < count; ++i) {
    parties.emplace_back([&barrier] { return meet(barrier); });
    wait_for_sleepers(barrier, parties, i + 1);
  }
  return parties;
}

struct Hall {
  explicit Hall(std::int64_t parties) : barrier(parties), inner(1), elsewhere(2), counts{} {}

  Barrier barrier;
  Barrier inner;
  Barrier elsewhere;
  std::atomic<int> acted{0};
  std::atomic<int> early{0};
  std::array<std::atomic<int>, 4> counts;
};

}  // namespace

TEST(CAROM_SUITE(Barrier), gives_each_party_the_number_of_those_before_it) {
  const auto barrier = make(5);
  for (int round = 0; round < 3; ++round) {
    std::vector<Party> parties = parties_that_wait(*barrier, 4);
    EXPECT_EQ(barrier->n_waiting(), 4u);
    EXPECT_EQ(barrier->wait(), 4);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(parties[static_cast<std::size_t>(i)].leave(), i);
    EXPECT_EQ(barrier->n_waiting(), 0u);
  }
  EXPECT_EQ(barrier->parties(), 5u);
  EXPECT_FALSE(barrier->broken());
}

TEST(CAROM_SUITE(Barrier), one_party_meets_itself) {
  const auto barrier = make(1);
  EXPECT_EQ(barrier->wait(), 0);
  EXPECT_EQ(barrier->wait(0s), 0);
  barrier->arrive_and_wait();
  int acted = 0;
  EXPECT_EQ(barrier->wait([&] { ++acted; }), 0);
  EXPECT_EQ(acted, 1);
}

TEST(CAROM_SUITE(Barrier), has_from_one_to_65535_parties) {
  EXPECT_EQ(code_of([] { make(0); }), Errc::bad_value);
  EXPECT_EQ(code_of([] { make(-1); }), Errc::bad_value);
  EXPECT_EQ(code_of([] { make(65536); }), Errc::bad_value);
  EXPECT_EQ(make(65535)->parties(), 65535u);
  EXPECT_EQ(code_of([] { static_cast<void>(Barrier(1).parties()); }), Errc::outside_segment);
  const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(code_of([&] { carom::Shared<Barrier>(std::in_place, 2, nan); }), Errc::bad_timeout);
}

TEST(CAROM_SUITE(Barrier), the_last_acts_once_before_anybody_returns) {
  const carom::Shared<Hall> hall(std::in_place, 4);
  std::vector<Party> parties;
  for (int i = 0; i < 4; ++i) {
    parties.emplace_back([&hall] {
      int last = 0;
      for (int round = 1; round <= 50; ++round) {
        bool mine = false;
        const int index = hall->barrier.wait([&] {
          mine = true;
          ++hall->acted;
        });
        if (hall->acted < round || mine != (index == 3)) ++hall->early;
        if (mine) ++last;
        hall->barrier.arrive_and_wait();
      }
      return last;
    });
  }
  int actors = 0;
  for (Party& party : parties) actors += party.leave();
  EXPECT_EQ(actors, 50);
  EXPECT_EQ(hall->acted, 50);
  EXPECT_EQ(hall->early, 0);
}

TEST(CAROM_SUITE(Barrier), an_action_that_fails_breaks_it) {
  const auto barrier = make(3);
  std::vector<Party> parties = parties_that_wait(*barrier, 2);
  EXPECT_THROW(barrier->wait([] { throw std::domain_error("mine"); }), std::domain_error);
  for (Party& party : parties) EXPECT_EQ(party.leave(), broken(BarrierBreak::action_failed));
  EXPECT_TRUE(barrier->broken());
  EXPECT_EQ(meet(*barrier), broken(BarrierBreak::action_failed));
}

TEST(CAROM_SUITE(Barrier), an_action_may_meet_elsewhere) {
  const carom::Shared<Hall> hall(std::in_place, 2);
  std::vector<Party> parties = parties_that_wait(hall->barrier, 1);
  EXPECT_EQ(hall->barrier.wait([&] { EXPECT_EQ(hall->inner.wait(), 0); }), 1);
  EXPECT_EQ(parties[0].leave(), 0);
}

TEST(CAROM_SUITE(Barrier), the_timeout_of_one_breaks_it_for_all) {
  const auto barrier = make(4);
  std::vector<Party> parties;
  for (int i = 0; i < 2; ++i) parties.emplace_back([&barrier] { return culprit_of(*barrier); });
  wait_for_sleepers(*barrier, parties, 2);
  Party hasty([&barrier] { return meet(*barrier, 30ms); });
  EXPECT_EQ(hasty.result(), broken(BarrierBreak::timed_out));
  for (Party& party : parties) EXPECT_EQ(party.leave(), hasty.tid());
  EXPECT_TRUE(barrier->broken());
  EXPECT_EQ(barrier->n_waiting(), 0u);
  EXPECT_EQ(meet(*barrier), broken(BarrierBreak::timed_out));
}

TEST(CAROM_SUITE(Barrier), zero_and_negative_timeouts_break_it_at_once) {
  for (const std::chrono::seconds timeout : {0s, -1s}) {
    const auto barrier = make(2);
    EXPECT_EQ(meet(*barrier, timeout), broken(BarrierBreak::timed_out));
    EXPECT_TRUE(barrier->broken());
  }
}

TEST(CAROM_SUITE(Barrier), the_timeout_it_was_made_with_bounds_every_wait) {
  const carom::Shared<Barrier> barrier(std::in_place, 2, 40ms);
  const std::int64_t start = carom::Deadline::now_ns();
  EXPECT_EQ(meet(*barrier), broken(BarrierBreak::timed_out));
  EXPECT_GE(carom::Deadline::now_ns() - start, 40'000'000);
}

TEST(CAROM_SUITE(Barrier), aborted_it_is_broken_until_reset) {
  const auto barrier = make(3);
  std::vector<Party> parties = parties_that_wait(*barrier, 2);
  Party aborter([&barrier] { barrier->abort(); });
  EXPECT_EQ(aborter.result(), 0);
  for (Party& party : parties) EXPECT_EQ(party.leave(), broken(BarrierBreak::aborted));
  EXPECT_TRUE(barrier->broken());
  EXPECT_EQ(meet(*barrier), broken(BarrierBreak::aborted));
  EXPECT_EQ(culprit_of(*barrier), aborter.tid());
  barrier->reset();
  EXPECT_FALSE(barrier->broken());
  parties = parties_that_wait(*barrier, 2);
  EXPECT_EQ(barrier->wait(), 2);
  for (Party& party : parties) EXPECT_GE(party.leave(), 0);
}

TEST(CAROM_SUITE(Barrier), a_reset_sends_those_who_wait_away_and_it_is_as_new) {
  const auto barrier = make(3);
  std::vector<Party> parties;
  parties.emplace_back([&barrier] { return meet(*barrier); });
  parties.emplace_back([&barrier] { return culprit_of(*barrier); });
  wait_for_sleepers(*barrier, parties, 2);
  barrier->reset();
  EXPECT_EQ(parties[0].leave(), broken(BarrierBreak::reset));
  EXPECT_EQ(parties[1].leave(), 0);
  EXPECT_FALSE(barrier->broken());
  EXPECT_EQ(barrier->n_waiting(), 0u);
  barrier->reset();
  parties = parties_that_wait(*barrier, 2);
  EXPECT_EQ(barrier->wait(), 2);
}

TEST(CAROM_SUITE(Barrier), holds_for_a_thousand_rounds) {
  const carom::Shared<Hall> hall(std::in_place, 4);
  std::vector<Party> parties;
  for (std::size_t i = 0; i < 4; ++i) {
    parties.emplace_back([&hall, i] {
      for (int round = 1; round <= 1000; ++round) {
        hall->counts[i] = round;
        hall->barrier.arrive_and_wait();
        for (const std::atomic<int>& count : hall->counts) {
          if (count < round || count > round + 1) ++hall->early;
        }
      }
    });
  }
  for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
  EXPECT_EQ(hall->early, 0);
}

TEST(CAROM_SUITE(Barrier), an_enrolled_party_that_dies_elsewhere_breaks_it) {
  const auto barrier = make(3);
  Party enrolled([&barrier] { barrier->enrol(); });
  enrolled.wait_until_done();
  ASSERT_EQ(barrier->enrolled().size(), 1u);
  EXPECT_EQ(barrier->enrolled()[0].tid, static_cast<std::uint32_t>(enrolled.tid()));
  std::vector<Party> parties;
  parties.emplace_back([&barrier] { return culprit_of(*barrier); });
  parties.emplace_back([&barrier] { return meet(*barrier); });
  wait_for_sleepers(*barrier, parties, 2);
  enrolled.die();
  EXPECT_EQ(parties[0].leave(), enrolled.tid());
  EXPECT_EQ(parties[1].leave(), broken(BarrierBreak::party_died));
  EXPECT_TRUE(barrier->broken());
}

TEST(CAROM_SUITE(Barrier), an_enrolled_party_that_died_before_a_reset_has_no_part_in_what_comes_after) {
  const auto barrier = make(2);
  Party enrolled([&barrier] { barrier->enrol(); });
  enrolled.wait_until_done();
  barrier->abort();
  enrolled.die();
  barrier->reset();
  EXPECT_FALSE(barrier->broken());
  std::vector<Party> parties = parties_that_wait(*barrier, 1);
  EXPECT_EQ(meet(*barrier), 1);
  EXPECT_EQ(parties[0].leave(), 0);
}

TEST(CAROM_SUITE(Barrier), who_slept_before_the_party_enrolled_is_told_too) {
  const auto barrier = make(3);
  std::vector<Party> parties = parties_that_wait(*barrier, 1);
  Party enrolled([&barrier] { barrier->enrol(); });
  enrolled.wait_until_done();
  parties.emplace_back([&barrier] { return meet(*barrier); });
  wait_for_sleepers(*barrier, parties, 2);
  enrolled.die();
  for (Party& party : parties) EXPECT_EQ(party.leave(), broken(BarrierBreak::party_died));
}

// The rounds are counted with 16 bits.
TEST(CAROM_SUITE(Barrier), a_party_that_met_65536_rounds_ago_may_die) {
  const auto barrier = make(2);
  Party early([&barrier] { return meet(*barrier); });
  EXPECT_GE(meet(*barrier), 0);
  EXPECT_GE(early.result(), 0);
  for (int round = 1; round < 65536; ++round) {
    barrier->abort();
    barrier->reset();
  }
  early.die();
  std::vector<Party> parties = parties_that_wait(*barrier, 1);
  EXPECT_EQ(barrier->wait(), 1);
  EXPECT_EQ(parties[0].leave(), 0);
}

TEST(CAROM_SUITE(Barrier), a_party_that_has_left_may_die) {
  const auto barrier = make(2);
  Party enrolled([&barrier] {
    barrier->enrol();
    barrier->leave();
  });
  enrolled.wait_until_done();
  EXPECT_TRUE(barrier->enrolled().empty());
  enrolled.die();
  std::vector<Party> parties = parties_that_wait(*barrier, 1);
  EXPECT_EQ(barrier->wait(), 1);
  EXPECT_EQ(parties[0].leave(), 0);
}

namespace {
struct Count {
  int acted = 0;
  void operator()() { ++acted; }
};
struct Nothing {
  void operator()() const {}
};
}  // namespace

TEST(CAROM_SUITE(Barrier), may_have_its_action_in_its_type) {
  const carom::Shared<carom::BarrierWith<Nothing>> barrier(std::in_place, 2);
  Party other([&barrier] { return barrier->wait(); });
  const int index = barrier->wait();
  EXPECT_EQ(index + other.leave(), 1);
  const carom::Shared<carom::BarrierWith<Count>> alone(std::in_place, 1, Count{});
  EXPECT_EQ(alone->wait(), 0);
  alone->arrive_and_wait();
}

#ifndef CAROM_PARTIES_ARE_THREADS
TEST(CAROM_SUITE(Barrier), a_party_killed_as_it_waits_breaks_it_for_all_and_is_named) {
  const auto barrier = make(3);
  std::vector<Party> parties;
  for (int i = 0; i < 2; ++i) parties.emplace_back([&barrier] { return culprit_of(*barrier); });
  wait_for_sleepers(*barrier, parties, 2);
  parties[0].die();
  EXPECT_EQ(parties[1].leave(), parties[0].pid());
  EXPECT_EQ(culprit_of(*barrier), parties[0].pid());
  EXPECT_EQ(meet(*barrier), broken(BarrierBreak::party_died));
  EXPECT_EQ(barrier->n_waiting(), 0u);
  barrier->reset();
  parties = parties_that_wait(*barrier, 2);
  EXPECT_EQ(barrier->wait(), 2);
}

namespace {
/// The last to arrive, whose action does not end.
Party one_inside_its_action(Hall& hall) {
  Party actor([&hall] {
    hall.barrier.wait([&hall] {
      hall.acted = 1;
      support::wait_until([] { return false; });
    });
  });
  support::wait_until([&hall] { return hall.acted == 1; });
  return actor;
}
}  // namespace

TEST(CAROM_SUITE(Barrier), a_party_killed_in_its_action_breaks_it) {
  const carom::Shared<Hall> hall(std::in_place, 2);
  std::vector<Party> parties = parties_that_wait(hall->barrier, 1);
  Party actor = one_inside_its_action(*hall);
  actor.die();
  EXPECT_EQ(parties[0].leave(), broken(BarrierBreak::party_died));
}

TEST(CAROM_SUITE(Barrier), one_that_comes_during_an_action_learns_of_the_actors_death) {
  const carom::Shared<Hall> hall(std::in_place, 2);
  std::vector<Party> parties = parties_that_wait(hall->barrier, 1);
  Party actor = one_inside_its_action(*hall);
  parties.emplace_back([&hall] { return meet(hall->barrier); });
  wait_for_sleepers(hall->barrier, parties, 2);
  actor.die();
  for (Party& party : parties) EXPECT_EQ(party.leave(), broken(BarrierBreak::party_died));
}

TEST(CAROM_SUITE(Barrier), a_party_killed_in_its_action_as_it_waits_elsewhere_breaks_both) {
  const carom::Shared<Hall> hall(std::in_place, 2);
  std::vector<Party> parties = parties_that_wait(hall->barrier, 1);
  Party actor([&] { hall->barrier.wait([&] { hall->elsewhere.wait(); }); });
  support::wait_until([&] { return hall->elsewhere.waiters() == 1 && actor.sleeps(); });
  actor.die();
  EXPECT_EQ(parties[0].leave(), broken(BarrierBreak::party_died));
  EXPECT_EQ(meet(hall->elsewhere), broken(BarrierBreak::party_died));
}
#endif
