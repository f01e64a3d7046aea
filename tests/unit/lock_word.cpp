// The word of the locks as a plain value.
#include "carom/detail/lock_word.hpp"

#include <gtest/gtest.h>

#include <type_traits>

using carom::detail::LockWord;

namespace {

constexpr std::uint32_t kId = 0x2345;
constexpr std::uint32_t kLargestId = (1u << 30) - 1;

// What holds of the values holds at compile time.
static_assert(LockWord(LockWord::kFree).free());
static_assert(!LockWord(LockWord::kFree).contended() && !LockWord(LockWord::kFree).inherited());
static_assert(LockWord::held_by(kId, false).bits() == kId, "a free lock is taken by storing the plain id");
static_assert(sizeof(LockWord) == sizeof(std::uint32_t) && std::is_trivially_copyable_v<LockWord>);

}  // namespace

TEST(LockWord, held_names_its_owner) {
  for (const std::uint32_t id : {2u, kId, kLargestId}) {
    for (const bool contended : {false, true}) {
      constexpr bool kInherited = false;
      const LockWord word = LockWord::held_by(id, contended);
      EXPECT_EQ(word.owner(), id);
      EXPECT_EQ(word.contended(), contended);
      EXPECT_EQ(word.inherited(), kInherited);
      EXPECT_FALSE(word.free());
      EXPECT_FALSE(word.handed_over());
    }
  }
}

TEST(LockWord, taken_over_it_is_inherited_and_presumed_contended) {
  const LockWord word = LockWord::taken_over_by(kLargestId);
  EXPECT_EQ(word.owner(), kLargestId);
  EXPECT_TRUE(word.inherited());
  EXPECT_TRUE(word.contended());
  EXPECT_FALSE(word.free());
}

TEST(LockWord, marking_it_contended_changes_nothing_else) {
  const LockWord word = LockWord::held_by(kId, false).with_contended();
  EXPECT_EQ(word, LockWord::held_by(kId, true));
  EXPECT_EQ(word.with_contended(), word);
  EXPECT_EQ(LockWord::taken_over_by(kId).with_contended(), LockWord::taken_over_by(kId));
}

TEST(LockWord, handed_over_it_keeps_its_flags_and_loses_its_owner) {
  const LockWord quiet = LockWord::held_by(kId, false).to_nobody();
  EXPECT_TRUE(quiet.handed_over());
  EXPECT_FALSE(quiet.free());
  EXPECT_FALSE(quiet.contended());
  EXPECT_TRUE(LockWord::held_by(kId, true).to_nobody().contended());
  EXPECT_TRUE(LockWord::taken_over_by(kId).to_nobody().inherited());
  EXPECT_EQ(quiet.owner(), LockWord::kHandedOver);
}

TEST(LockWord, kept_it_is_free_and_known_to_be_contended) {
  const LockWord word(LockWord::kKept);
  EXPECT_TRUE(word.free());
  EXPECT_TRUE(word.kept());
  EXPECT_TRUE(word.contended());
  EXPECT_FALSE(word.inherited());
  EXPECT_FALSE(word.handed_over());
  EXPECT_EQ(word.owner(), 0u);
  EXPECT_FALSE(LockWord(LockWord::kFree).kept());
  EXPECT_FALSE(LockWord::held_by(kId, true).kept());
}

TEST(LockWord, inherited_from_nobody_by_nobody_is_not_free) {
  EXPECT_FALSE(LockWord(1u << 30).free());
  EXPECT_FALSE(LockWord(3u << 30).free());
  EXPECT_EQ(LockWord(3u << 30).owner(), 0u);
}
