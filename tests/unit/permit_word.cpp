// The words of the semaphores, and of what a participant holds of them, as plain values.
#include "carom/detail/permit_word.hpp"

#include <gtest/gtest.h>

#include <type_traits>

using carom::detail::BoundedWord;
using carom::detail::Change;
using carom::detail::HoldingState;
using carom::detail::SemaphoreWord;
using carom::detail::Stamp;

namespace {

constexpr Stamp kStamp{Change::give, 0x2345, 0xA, 0x02BC};
constexpr Stamp kLargest{Change::give_all, (1u << 14) - 1, 15, (1u << 11) - 1};
constexpr std::uint32_t kLastTag = 0xffff'ffff;

static_assert(SemaphoreWord::kMaxValue == 0x7fff'ffff && BoundedWord::kMaxValue == 0xffff);
static_assert(SemaphoreWord::holding(7).bits() == 7, "a new word is its plain value");
static_assert(sizeof(SemaphoreWord) == 8 && std::is_trivially_copyable_v<SemaphoreWord>);
static_assert(sizeof(HoldingState) == 8 && std::is_trivially_copyable_v<HoldingState>);

void expect_same(Stamp a, Stamp b) {
  EXPECT_EQ(a.change, b.change);
  EXPECT_EQ(a.slot, b.slot);
  EXPECT_EQ(a.entry, b.entry);
  EXPECT_EQ(a.tag, b.tag);
}

template <class Word>
constexpr std::uint32_t kTags = 1u << 11;
template <>
constexpr std::uint32_t kTags<SemaphoreWord> = 1u << 12;

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
    expect_same(word.stamp(), {Change::none, 0, 0, 0});
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
  EXPECT_TRUE(word.bears(kStamp.slot, kStamp.entry, kStamp.tag));
  EXPECT_FALSE(word.bears(kStamp.slot ^ 1, kStamp.entry, kStamp.tag));
  EXPECT_FALSE(word.bears(kStamp.slot, kStamp.entry ^ 1, kStamp.tag));
  EXPECT_FALSE(word.bears(kStamp.slot, kStamp.entry, kStamp.tag ^ 1));
  EXPECT_TRUE(word.bears(kStamp.slot, kStamp.entry, kStamp.tag + kTags<TypeParam>)) << "only its low bits";
}

TYPED_TEST(PermitWordOf, a_change_is_not_noted_yet_if_its_tag_is_the_next) {
  for (const std::uint32_t tag : {0u, 1u, kTags<TypeParam> - 1, kTags<TypeParam>, kLastTag}) {
    for (const Change change : {Change::take, Change::give, Change::give_all}) {
      const TypeParam word = TypeParam::holding(9).with_stamp({change, 3, 4, tag + 1});
      EXPECT_TRUE(word.bears_next(3, 4, HoldingState(1, tag)));
      EXPECT_FALSE(word.bears_next(3, 4, HoldingState(1, tag + 1)));
      EXPECT_FALSE(word.bears_next(3, 4, HoldingState(1, tag - 1)));
      EXPECT_FALSE(word.bears_next(3, 5, HoldingState(1, tag)));
      EXPECT_FALSE(word.bears_next(2, 4, HoldingState(1, tag)));
    }
  }
}

TYPED_TEST(PermitWordOf, a_new_word_bears_a_change_of_nobody) {
  for (const std::uint32_t tag : {kTags<TypeParam> - 1, kLastTag})
    EXPECT_FALSE(TypeParam::holding(1).bears_next(0, 0, HoldingState(0, tag)));
}

TYPED_TEST(PermitWordOf, changed_again_it_is_as_after_any_change_of_the_same_holder) {
  for (const std::uint32_t tag : {0u, 5u, kTags<TypeParam> - 1}) {  // the last goes round
    for (const Change before : {Change::take, Change::give, Change::give_all}) {
      for (const std::uint32_t value : {1u, 5u, TypeParam::kMaxValue - 1}) {
        const TypeParam word =
            TypeParam::holding(value).with_contended().with_debt(9).with_stamp({before, 3, 4, tag});
        EXPECT_EQ(word.changed_again(Change::take),
                  word.less_one().with_stamp({Change::take, 3, 4, tag + 1}));
        EXPECT_EQ(word.changed_again(Change::give), word.plus(1).with_stamp({Change::give, 3, 4, tag + 1}));
      }
    }
  }
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

TEST(HoldingState, it_keeps_count_and_tag) {
  const HoldingState state(0xffff'fffe, kLastTag);
  EXPECT_EQ(state.count(), 0xffff'fffeu);
  EXPECT_EQ(state.tag(), kLastTag);
  EXPECT_EQ(HoldingState(state.bits()), state);
}

TEST(HoldingState, each_change_is_counted_and_has_a_tag) {
  const HoldingState state(3, 7);
  EXPECT_EQ(state.after(Change::take), HoldingState(4, 8));
  EXPECT_EQ(state.after(Change::give), HoldingState(2, 8));
  EXPECT_EQ(state.after(Change::give_all), HoldingState(0, 8));
  EXPECT_EQ(state.after(Change::none), state);
  EXPECT_EQ(state.with_count(5), HoldingState(5, 8));
}

TEST(HoldingState, the_tag_goes_round) {
  const HoldingState state(3, kLastTag);
  for (const Change change : {Change::take, Change::give, Change::give_all})
    EXPECT_EQ(state.after(change).tag(), 0u);
  EXPECT_EQ(state.after(Change::give).count(), 2u);
  EXPECT_EQ(state.with_count(5), HoldingState(5, 0));
}

TEST(HoldingState, one_apart_from_a_stamp_does_not_go_on_to_its_tag) {
  for (const std::uint32_t tag : {0u, 7u, (1u << 11) - 1, (1u << 12) - 1, kLastTag}) {
    const HoldingState state(0, tag);
    for (const std::uint32_t borne : {tag, tag + 1, tag + 2}) {
      const auto bounded = BoundedWord::holding(1).with_stamp({Change::take, 3, 4, borne});
      EXPECT_FALSE(bounded.bears_next(3, 4, state.apart_from(bounded.stamp()))) << tag << " " << borne;
      const auto counting = SemaphoreWord::holding(1).with_stamp({Change::take, 3, 4, borne});
      EXPECT_FALSE(counting.bears_next(3, 4, state.apart_from(counting.stamp()))) << tag << " " << borne;
    }
  }
  EXPECT_EQ(HoldingState(0, 7).apart_from({Change::take, 3, 4, 7}), HoldingState(0, 7));
}
