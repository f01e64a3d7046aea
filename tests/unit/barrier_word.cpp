// The word of Barrier as a plain value.
#include "carom/detail/barrier_word.hpp"

#include <gtest/gtest.h>

#include <type_traits>

using carom::detail::BarrierState;
using carom::detail::BarrierWord;
using Fate = BarrierWord::Fate;

namespace {

constexpr std::uint32_t kId = 0x2345;
constexpr std::uint32_t kLargestId = (1u << 30) - 1;
constexpr std::uint32_t kRemembered = 12;

constexpr BarrierState kBreaks[] = {BarrierState::party_died, BarrierState::timed_out,
                                    BarrierState::action_failed, BarrierState::aborted};

static_assert(BarrierWord(0).filling() && BarrierWord(0).arrived() == 0 && BarrierWord(0).round() == 0);
static_assert(sizeof(BarrierWord) == 8 && std::is_trivially_copyable_v<BarrierWord>);

BarrierWord after_rounds(std::uint32_t rounds) {
  BarrierWord word(0);
  for (std::uint32_t i = 0; i < rounds; ++i) word = word.completed();
  return word;
}

}  // namespace

TEST(BarrierWord, arrivals_are_counted_up_to_the_most_parties) {
  BarrierWord word = after_rounds(3);
  for (std::uint32_t i = 1; i <= BarrierWord::kMaxParties; ++i) word = word.one_more();
  EXPECT_EQ(word.arrived(), BarrierWord::kMaxParties);
  EXPECT_EQ(word.round(), 3u);
  EXPECT_TRUE(word.filling());
  EXPECT_EQ(word.who(), 0u);
}

TEST(BarrierWord, an_arrival_leaves_the_half_that_sleepers_sleep_on_alone) {
  const BarrierWord word = after_rounds(3).with_contended();
  EXPECT_EQ(word.one_more().low_half(), word.low_half());
  EXPECT_NE(word.completed().low_half(), word.low_half());
  EXPECT_NE(word.reset().low_half(), word.low_half());
  EXPECT_NE(word.broken_by(BarrierState::aborted, kId).low_half(), word.low_half());
}

TEST(BarrierWord, an_action_names_who_runs_it_in_the_same_round) {
  const BarrierWord word = after_rounds(3).one_more().with_contended().acted_on_by(kLargestId);
  EXPECT_TRUE(word.acting());
  EXPECT_FALSE(word.filling());
  EXPECT_FALSE(word.broken());
  EXPECT_EQ(word.who(), kLargestId);
  EXPECT_EQ(word.arrived(), 0u);
  EXPECT_EQ(word.round(), 3u);
  EXPECT_TRUE(word.contended()) << "those who sleep do so until it is over";
  EXPECT_EQ(word.fate_of(3), Fate::open);
}

TEST(BarrierWord, broken_it_says_why_and_whose_fault_it_is) {
  for (const BarrierState why : kBreaks) {
    for (const BarrierWord before : {after_rounds(3).one_more(), after_rounds(3).acted_on_by(kLargestId)}) {
      const BarrierWord word = before.with_contended().broken_by(why, kId);
      EXPECT_TRUE(word.broken());
      EXPECT_EQ(word.state(), why);
      EXPECT_EQ(word.who(), kId);
      EXPECT_EQ(word.round(), 3u);
      EXPECT_EQ(word.arrived(), 0u);
      EXPECT_FALSE(word.contended()) << "everybody is woken";
      EXPECT_TRUE(word.possible());
      EXPECT_EQ(word.fate_of(3), Fate::broken);
    }
  }
}

TEST(BarrierWord, completed_or_reset_it_begins_the_next_round_empty) {
  for (const BarrierWord before :
       {after_rounds(3).one_more().one_more(), after_rounds(3).acted_on_by(kId),
        after_rounds(3).broken_by(BarrierState::timed_out, kId), after_rounds(3).with_contended()}) {
    for (const BarrierWord word : {before.completed(), before.reset()}) {
      EXPECT_EQ(word.round(), 4u);
      EXPECT_TRUE(word.filling());
      EXPECT_EQ(word.arrived(), 0u);
      EXPECT_FALSE(word.contended());
    }
    EXPECT_EQ(before.completed().fate_of(3), Fate::completed);
    EXPECT_EQ(before.reset().fate_of(3), Fate::reset);
  }
}

TEST(BarrierWord, marking_it_contended_changes_nothing_else) {
  const BarrierWord word = after_rounds(3).reset().one_more();
  EXPECT_TRUE(word.with_contended().contended());
  EXPECT_EQ(word.with_contended().arrived(), 1u);
  EXPECT_EQ(word.with_contended().round(), word.round());
  EXPECT_EQ(word.with_contended().fate_of(3), Fate::reset);
  EXPECT_EQ(word.with_contended().with_contended(), word.with_contended());
}

TEST(BarrierWord, what_became_of_a_round_is_known_for_twelve_more) {
  BarrierWord word = after_rounds(5).reset();
  for (std::uint32_t since = 1; since <= kRemembered; ++since) {
    EXPECT_EQ(word.fate_of(5), Fate::reset) << since;
    EXPECT_EQ(word.fate_of(4), Fate::completed) << since;
    for (std::uint32_t later = 6; later < word.round(); ++later) {
      EXPECT_EQ(word.fate_of(later), Fate::completed) << since;
    }
    EXPECT_EQ(word.fate_of(word.round()), Fate::open) << since;
    word = word.completed();
  }
  EXPECT_EQ(word.fate_of(5), Fate::completed) << "forgotten: the limit that the header names";
}

TEST(BarrierWord, every_one_of_many_rounds_keeps_its_own_fate) {
  constexpr std::uint32_t kRounds = 200;
  const auto is_reset = [](std::uint32_t round) { return round % 3 == 0 || round % 7 == 2; };
  BarrierWord word(0);
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    word = is_reset(round) ? word.one_more().reset() : word.one_more().completed();
    for (std::uint32_t ago = 0; ago < kRemembered && ago <= round; ++ago) {
      EXPECT_EQ(word.fate_of(round - ago), is_reset(round - ago) ? Fate::reset : Fate::completed)
          << round << " " << ago;
    }
  }
}

TEST(BarrierWord, a_broken_round_forgets_nothing_about_those_before) {
  const BarrierWord word = after_rounds(4).reset().completed().broken_by(BarrierState::party_died, kId);
  EXPECT_EQ(word.fate_of(3), Fate::completed);
  EXPECT_EQ(word.fate_of(4), Fate::reset);
  EXPECT_EQ(word.fate_of(5), Fate::completed);
  EXPECT_EQ(word.fate_of(6), Fate::broken);
  EXPECT_EQ(word.reset().fate_of(6), Fate::reset) << "who waited there gets the error either way";
  EXPECT_EQ(word.reset().fate_of(4), Fate::reset);
}

TEST(BarrierWord, rounds_go_round_and_fates_with_them) {
  const std::uint32_t last = BarrierWord::kRounds - 1;
  BarrierWord word = after_rounds(last);
  EXPECT_EQ(word.round(), last);
  EXPECT_EQ(word.fate_of(last), Fate::open);
  EXPECT_EQ(word.completed(), BarrierWord(0)) << "nothing spills into the history";
  word = word.one_more().reset();
  EXPECT_EQ(word.round(), 0u);
  EXPECT_EQ(word.arrived(), 0u);
  EXPECT_TRUE(word.filling());
  EXPECT_EQ(word.fate_of(last), Fate::reset);
  EXPECT_EQ(word.fate_of(last - 1), Fate::completed);
  EXPECT_EQ(word.fate_of(0), Fate::open);
  word = word.completed().reset();
  EXPECT_EQ(word.round(), 2u);
  EXPECT_EQ(word.fate_of(last), Fate::reset);
  EXPECT_EQ(word.fate_of(0), Fate::completed);
  EXPECT_EQ(word.fate_of(1), Fate::reset);
  EXPECT_EQ(word.broken_by(BarrierState::aborted, kId).fate_of(last), Fate::reset);
}

TEST(BarrierWord, states_that_nobody_writes_are_impossible) {
  constexpr std::uint32_t kStateAt = 28;
  EXPECT_TRUE(BarrierWord(std::uint64_t{5} << kStateAt).possible());
  EXPECT_FALSE(BarrierWord(std::uint64_t{6} << kStateAt).possible());
  EXPECT_FALSE(BarrierWord(std::uint64_t{7} << kStateAt).possible());
}
