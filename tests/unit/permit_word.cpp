// The words of the semaphores, and of what a participant holds of them, as plain values.
#include "carom/detail/permit_word.hpp"

#include <gtest/gtest.h>

#include <type_traits>

using carom::detail::BoundedWord;
using carom::detail::HoldingState;
using carom::detail::Pending;
using carom::detail::SemaphoreWord;
using carom::detail::Stamp;

namespace {

constexpr Stamp kStamp{0x2345, 0xA, 0x0ABC};
constexpr Stamp kLargest{(1u << 14) - 1, 15, (1u << 13) - 1};
constexpr std::uint32_t kLastHoldingTag = (1u << 30) - 1;

static_assert(SemaphoreWord::kMaxValue == 0x7fff'ffff && BoundedWord::kMaxValue == 0xffff);
static_assert(SemaphoreWord::holding(7).bits() == 7, "a new word is its plain value");
static_assert(sizeof(SemaphoreWord) == 8 && std::is_trivially_copyable_v<SemaphoreWord>);
static_assert(sizeof(HoldingState) == 8 && std::is_trivially_copyable_v<HoldingState>);

void expect_same(Stamp a, Stamp b) {
  EXPECT_EQ(a.slot, b.slot);
  EXPECT_EQ(a.entry, b.entry);
  EXPECT_EQ(a.tag, b.tag);
}

template <class Word>
constexpr std::uint32_t kTags = 1u << 13;
template <>
constexpr std::uint32_t kTags<SemaphoreWord> = 1u << 14;

template <class Word>
class PermitWordOf : public testing::Test {};
using Words = testing::Types<SemaphoreWord, BoundedWord>;

}  // namespace

TYPED_TEST_SUITE(PermitWordOf, Words, );

TYPED_TEST(PermitWordOf, a_new_one_has_its_value_and_nothing_else) {
  for (const std::uint32_t value : {0u, 1u, 1000u, TypeParam::kMaxValue}) {
    const TypeParam word = TypeParam::holding(value);
    EXPECT_EQ(word.value(), value);
    EXPECT_FALSE(word.contended());
    EXPECT_EQ(word.debt(), 0u);
    expect_same(word.stamp(), {0, 0, 0});
  }
}

TYPED_TEST(PermitWordOf, every_field_keeps_to_its_bits) {
  const TypeParam full = TypeParam::holding(TypeParam::kMaxValue);
  EXPECT_FALSE(full.contended());
  EXPECT_EQ(full.with_contended().value(), TypeParam::kMaxValue);
  const TypeParam stamped = TypeParam::holding(0).with_stamp(kLargest);
  EXPECT_EQ(stamped.value(), 0u);
  EXPECT_EQ(stamped.debt(), 0u);
  EXPECT_FALSE(stamped.contended());
  expect_same(stamped.stamp(), kLargest);
  const TypeParam all = full.with_contended().with_debt(0xffff).with_stamp(kStamp);
  EXPECT_EQ(all.value(), TypeParam::kMaxValue);
  EXPECT_TRUE(all.contended());
  expect_same(all.stamp(), kStamp);
  EXPECT_EQ(all.without_contended().with_contended(), all);
}

TYPED_TEST(PermitWordOf, taking_and_giving_change_the_value_alone) {
  const TypeParam word = TypeParam::holding(5).with_contended().with_debt(3).with_stamp(kStamp);
  EXPECT_EQ(word.less_one().value(), 4u);
  EXPECT_EQ(word.plus(7).value(), 12u);
  EXPECT_EQ(word.plus(7).debt(), word.debt());
  EXPECT_TRUE(word.less_one().contended());
  expect_same(word.less_one().stamp(), kStamp);
  expect_same(word.plus(7).stamp(), kStamp);
  EXPECT_EQ(word.less_one().plus(1), word);
  EXPECT_EQ(TypeParam::holding(1).less_one().value(), 0u);
  EXPECT_EQ(TypeParam::holding(TypeParam::kMaxValue - 1).plus(1), TypeParam::holding(TypeParam::kMaxValue));
}

TYPED_TEST(PermitWordOf, sleepers_see_value_and_contended_in_their_half) {
  EXPECT_NE(TypeParam::holding(0).low_half(), TypeParam::holding(1).low_half());
  EXPECT_NE(TypeParam::holding(0).low_half(), TypeParam::holding(0).with_contended().low_half());
}

TYPED_TEST(PermitWordOf, marking_it_contended_changes_nothing_else) {
  const TypeParam word = TypeParam::holding(9).with_debt(2).with_stamp(kStamp);
  EXPECT_TRUE(word.with_contended().contended());
  EXPECT_EQ(word.with_contended().with_contended(), word.with_contended());
  EXPECT_EQ(word.with_contended().without_contended(), word);
}

TYPED_TEST(PermitWordOf, it_bears_the_stamp_that_it_was_given_and_no_other) {
  const TypeParam word = TypeParam::holding(9).with_contended().with_debt(0xffff).with_stamp(kStamp);
  EXPECT_TRUE(word.bears(kStamp));
  EXPECT_FALSE(word.bears({kStamp.slot ^ 1, kStamp.entry, kStamp.tag}));
  EXPECT_FALSE(word.bears({kStamp.slot, kStamp.entry ^ 1, kStamp.tag}));
  EXPECT_FALSE(word.bears({kStamp.slot, kStamp.entry, kStamp.tag ^ 1}));
  EXPECT_TRUE(word.bears({kStamp.slot, kStamp.entry, kStamp.tag + kTags<TypeParam>})) << "only its low bits";
  EXPECT_TRUE(TypeParam::same_tag(kStamp.tag, kStamp.tag + 5 * kTags<TypeParam>));
  EXPECT_FALSE(TypeParam::same_tag(kStamp.tag, kStamp.tag + 1));
}

TYPED_TEST(PermitWordOf, the_next_tag_is_never_the_one_it_bears) {
  const std::uint32_t span = kTags<TypeParam>;
  for (const std::uint32_t tag : {0u, 1u, span - 2, span - 1, span, 2 * span - 1, kLastHoldingTag}) {
    for (const std::uint32_t borne : {tag, tag + 1, tag + 2, tag + span, tag + span + 1, 0u}) {
      const TypeParam word = TypeParam::holding(1).with_stamp({3, 4, borne});
      const std::uint32_t next = word.next_tag(3, 4, tag);
      EXPECT_FALSE(word.bears({3, 4, next})) << tag << " " << borne;
      EXPECT_LE(next - tag, 2u);
      EXPECT_GE(next - tag, 1u);
    }
  }
  const TypeParam other = TypeParam::holding(1).with_stamp({3, 4, 8});
  EXPECT_EQ(other.next_tag(3, 5, 7), 8u) << "the stamp of another holding is in nobody's way";
  EXPECT_EQ(other.next_tag(3, 4, 7), 9u);
}

TYPED_TEST(PermitWordOf, a_new_word_lends_its_stamp_of_zeros_to_nobody) {
  const TypeParam word = TypeParam::holding(1);
  EXPECT_FALSE(word.bears({0, 0, word.next_tag(0, 0, kTags<TypeParam> - 1)}));
  EXPECT_FALSE(word.bears({0, 0, word.next_tag(0, 0, kLastHoldingTag)}));
}

TYPED_TEST(PermitWordOf, one_tag_more_is_the_same_stamp_up_to_the_last_tag) {
  const std::uint32_t last = kTags<TypeParam> - 1;
  const TypeParam word = TypeParam::holding(5).with_contended().with_debt(9).with_stamp({3, 4, last - 1});
  EXPECT_FALSE(word.at_last_tag());
  EXPECT_EQ(word.with_next_tag(), word.with_stamp({3, 4, last}));
  EXPECT_TRUE(word.with_next_tag().at_last_tag());
  EXPECT_FALSE(TypeParam::holding(5).at_last_tag());
}

TEST(SemaphoreWord, it_has_no_debt) {
  EXPECT_EQ(SemaphoreWord::holding(5).with_debt(3), SemaphoreWord::holding(5));
}

TEST(BoundedWord, its_debt_touches_nothing_else) {
  const BoundedWord word = BoundedWord::holding(0xffff).with_contended().with_stamp(kLargest);
  for (const std::uint32_t debt : {0u, 1u, 0x5555u, 0xffffu}) {
    EXPECT_EQ(word.with_debt(debt).debt(), debt);
    EXPECT_EQ(word.with_debt(debt).with_debt(0), word);
  }
}

TEST(HoldingState, it_keeps_count_tag_and_what_is_pending) {
  for (const Pending pending : {Pending::none, Pending::take, Pending::give, Pending::give_all}) {
    const HoldingState state(0xffff'ffff, kLastHoldingTag, pending);
    EXPECT_EQ(state.count(), 0xffff'ffffu);
    EXPECT_EQ(state.tag(), kLastHoldingTag);
    EXPECT_EQ(state.pending(), pending);
    EXPECT_EQ(state.settled(), pending == Pending::none);
  }
}

TEST(HoldingState, an_intent_leaves_the_count_as_it_was) {
  const HoldingState state(3, 7, Pending::none);
  EXPECT_EQ(state.intending(Pending::take, 8), HoldingState(3, 8, Pending::take));
  EXPECT_FALSE(state.intending(Pending::give, 8).settled());
}

TEST(HoldingState, what_was_pending_is_counted_once_it_is_done_and_not_if_undone) {
  const HoldingState state(3, 7, Pending::none);
  EXPECT_EQ(state.intending(Pending::take, 8).done(), HoldingState(4, 8, Pending::none));
  EXPECT_EQ(state.intending(Pending::give, 8).done(), HoldingState(2, 8, Pending::none));
  EXPECT_EQ(state.intending(Pending::give_all, 8).done(), HoldingState(0, 8, Pending::none));
  EXPECT_EQ(state.done(), state) << "nothing was pending";
  for (const Pending what : {Pending::take, Pending::give, Pending::give_all}) {
    EXPECT_EQ(state.intending(what, 8).undone(), HoldingState(3, 8, Pending::none));
    EXPECT_EQ(state.intending(what, 8).done().done(), state.intending(what, 8).done());
  }
}

TEST(HoldingState, only_a_settled_count_of_none_is_empty) {
  EXPECT_TRUE(HoldingState(0).empty());
  EXPECT_TRUE(HoldingState(0, 9, Pending::none).empty()) << "a tag is for ever";
  EXPECT_FALSE(HoldingState(1, 9, Pending::none).empty());
  EXPECT_FALSE(HoldingState(0, 9, Pending::take).empty());
  EXPECT_TRUE(HoldingState(1, 9, Pending::give).done().empty());
}

TEST(HoldingState, counting_is_a_change_and_starts_no_other) {
  const HoldingState state = HoldingState(2, kLastHoldingTag, Pending::take).counting(5);
  EXPECT_EQ(state, HoldingState(5, 0, Pending::none)) << "the tag goes round";
  EXPECT_EQ(state.counting(0), HoldingState(0, 1, Pending::none));
}
