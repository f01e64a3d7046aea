// The word of SharedLock as a plain value.
#include "carom/detail/shared_word.hpp"

#include <gtest/gtest.h>

#include <type_traits>

using carom::detail::SharedWord;

namespace {

constexpr std::uint32_t kId = 0x2345;
constexpr std::uint32_t kLargestId = (1u << 30) - 1;

static_assert(SharedWord(0).writer() == 0 && !SharedWord(0).contended() && !SharedWord(0).tainted());
static_assert(SharedWord(0).taken_by(kId, false).bits() == kId,
              "a free word is taken by its writer's plain id");
static_assert(sizeof(SharedWord) == sizeof(std::uint64_t) && std::is_trivially_copyable_v<SharedWord>);

}  // namespace

TEST(SharedWord, taken_it_names_its_writer) {
  for (const std::uint32_t id : {2u, kId, kLargestId}) {
    for (const bool contended : {false, true}) {
      const SharedWord word = SharedWord(0).taken_by(id, contended);
      EXPECT_EQ(word.writer(), id);
      EXPECT_EQ(word.contended(), contended);
      EXPECT_FALSE(word.tainted());
    }
  }
}

TEST(SharedWord, a_writer_that_comes_keeps_the_taint_and_not_the_contention) {
  EXPECT_TRUE(SharedWord::tainted_by_death().taken_by(kId, false).tainted());
  EXPECT_EQ(SharedWord::tainted_by_death().taken_by(kId, false).writer(), kId);
  EXPECT_FALSE(SharedWord(0).with_contended().taken_by(kId, false).contended());
}

TEST(SharedWord, taken_over_it_is_tainted_and_presumed_contended) {
  const SharedWord word = SharedWord(0).taken_by(kId, false).taken_over_by(kLargestId);
  EXPECT_EQ(word.writer(), kLargestId);
  EXPECT_TRUE(word.tainted());
  EXPECT_TRUE(word.contended());
}

TEST(SharedWord, a_writer_that_gives_up_leaves_the_taint) {
  EXPECT_EQ(SharedWord(0).taken_by(kId, true).without_writer(), SharedWord(0));
  const SharedWord inherited = SharedWord(0).taken_over_by(kId).without_writer();
  EXPECT_EQ(inherited, SharedWord::tainted_by_death());
  EXPECT_EQ(inherited.writer(), 0u);
  EXPECT_FALSE(inherited.contended());
}

TEST(SharedWord, a_taint_alone_has_no_writer) {
  EXPECT_EQ(SharedWord::tainted_by_death().writer(), 0u);
  EXPECT_TRUE(SharedWord::tainted_by_death().tainted());
  EXPECT_FALSE(SharedWord::tainted_by_death().contended());
}

TEST(SharedWord, marking_it_contended_changes_nothing_else) {
  for (const SharedWord word : {SharedWord(0), SharedWord(0).taken_by(kLargestId, false),
                                SharedWord::tainted_by_death().taken_by(kId, false)}) {
    EXPECT_TRUE(word.with_contended().contended());
    EXPECT_EQ(word.with_contended().writer(), word.writer());
    EXPECT_EQ(word.with_contended().tainted(), word.tainted());
    EXPECT_EQ(word.with_contended().with_contended(), word.with_contended());
  }
}

TEST(SharedWord, draining_is_said_beside_the_half_that_sleepers_watch) {
  const SharedWord word = SharedWord::tainted_by_death().taken_by(kLargestId, true);
  EXPECT_TRUE(word.to_draining().draining());
  EXPECT_EQ(word.to_draining().low_half(), word.low_half());
  EXPECT_EQ(word.to_draining().to_inside(), word);
  EXPECT_EQ(word.to_draining().without_writer(), SharedWord::tainted_by_death());
  EXPECT_FALSE(word.to_draining().taken_by(kId, true).draining());
  EXPECT_FALSE(word.to_draining().taken_over_by(kId).draining());
}
