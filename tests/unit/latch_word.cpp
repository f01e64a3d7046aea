// The word of Latch as a plain value.
#include "carom/detail/latch_word.hpp"

#include <gtest/gtest.h>

#include <type_traits>

using carom::detail::LatchWord;

namespace {

static_assert(LatchWord(0).open() && !LatchWord(1).open());
static_assert(LatchWord::kMax == (1u << 30) - 1);
static_assert(sizeof(LatchWord) == sizeof(std::uint32_t) && std::is_trivially_copyable_v<LatchWord>);

}  // namespace

TEST(LatchWord, it_begins_with_its_plain_count) {
  for (const std::uint32_t count : {1u, 2u, LatchWord::kMax}) {
    const LatchWord word(count);
    EXPECT_EQ(word.left(), count);
    EXPECT_FALSE(word.open());
    EXPECT_FALSE(word.contended());
    EXPECT_FALSE(word.forsaken());
  }
}

TEST(LatchWord, counting_down_stops_at_open) {
  EXPECT_EQ(LatchWord(5).less(2), LatchWord(3));
  EXPECT_EQ(LatchWord(5).less(0), LatchWord(5));
  EXPECT_TRUE(LatchWord(5).less(5).open());
  EXPECT_TRUE(LatchWord(5).less(6).open());
  EXPECT_TRUE(LatchWord(5).less(LatchWord::kMax).open());
  EXPECT_EQ(LatchWord(0).less(1), LatchWord(0)) << "once open, always open";
}

TEST(LatchWord, counting_down_keeps_the_flags_until_it_opens) {
  const LatchWord word = LatchWord(5).with_forsaken().with_contended();
  EXPECT_TRUE(word.less(4).contended());
  EXPECT_TRUE(word.less(4).forsaken());
  EXPECT_EQ(word.less(4).left(), 1u);
  EXPECT_EQ(word.less(5), LatchWord(0)) << "an open latch has no flags";
}

TEST(LatchWord, forsaking_it_ends_the_contention_and_keeps_the_count) {
  const LatchWord word = LatchWord(5).with_contended().with_forsaken();
  EXPECT_TRUE(word.forsaken());
  EXPECT_FALSE(word.contended());
  EXPECT_EQ(word.left(), 5u);
  EXPECT_FALSE(word.open());
}

TEST(LatchWord, marking_it_contended_changes_nothing_else) {
  for (const LatchWord word : {LatchWord(1), LatchWord(LatchWord::kMax), LatchWord(7).with_forsaken()}) {
    EXPECT_TRUE(word.with_contended().contended());
    EXPECT_EQ(word.with_contended().left(), word.left());
    EXPECT_EQ(word.with_contended().forsaken(), word.forsaken());
    EXPECT_EQ(word.with_contended().with_contended(), word.with_contended());
  }
}
