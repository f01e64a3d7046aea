// The word of Event as a plain value.
#include "carom/detail/event_word.hpp"

#include <gtest/gtest.h>

#include <type_traits>

using carom::detail::EventWord;

namespace {

constexpr std::uint32_t kMostSets = (1u << 30) - 1;

static_assert(!EventWord(0).is_set() && !EventWord(0).contended() && EventWord(0).times_set() == 0);
static_assert(sizeof(EventWord) == sizeof(std::uint32_t) && std::is_trivially_copyable_v<EventWord>);

}  // namespace

TEST(EventWord, setting_it_counts_once) {
  const EventWord once = EventWord(0).set();
  EXPECT_TRUE(once.is_set());
  EXPECT_EQ(once.times_set(), 1u);
  EXPECT_EQ(once.set(), once) << "it was set already";
}

TEST(EventWord, clearing_it_keeps_the_count) {
  const EventWord cleared = EventWord(0).set().clear();
  EXPECT_FALSE(cleared.is_set());
  EXPECT_EQ(cleared.times_set(), 1u);
  EXPECT_EQ(cleared.clear(), cleared);
  EXPECT_EQ(cleared.set().times_set(), 2u) << "so a waiter that slept through both can tell";
}

TEST(EventWord, marking_it_contended_changes_nothing_else) {
  const EventWord word = EventWord(0).set().clear().with_contended();
  EXPECT_TRUE(word.contended());
  EXPECT_FALSE(word.is_set());
  EXPECT_EQ(word.times_set(), 1u);
  EXPECT_EQ(word.with_contended(), word);
  EXPECT_TRUE(EventWord(0).set().with_contended().is_set());
}

TEST(EventWord, setting_it_ends_the_contention_and_clearing_does_not) {
  EXPECT_FALSE(EventWord(0).with_contended().set().contended());
  EXPECT_TRUE(EventWord(0).set().with_contended().clear().contended());
  const EventWord watched = EventWord(0).set().with_contended();
  EXPECT_EQ(watched.set(), watched) << "nothing happened, so who watches sleeps on";
}

TEST(EventWord, the_count_goes_round_and_touches_no_flag) {
  const EventWord last(kMostSets);
  EXPECT_EQ(last.times_set(), kMostSets);
  EXPECT_FALSE(last.is_set());
  for (const EventWord word : {last.set(), last.with_contended().set()}) {
    EXPECT_EQ(word.times_set(), 0u);
    EXPECT_TRUE(word.is_set());
    EXPECT_FALSE(word.contended());
  }
}
