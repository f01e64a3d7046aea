// The words of FifoLock as plain values.
#include "carom/detail/fifo_word.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

using carom::detail::FifoWord;
using carom::detail::PlaceWord;

namespace {

constexpr std::uint32_t kId = 0x2345;
constexpr std::uint32_t kLargestId = (1u << 30) - 1;
constexpr std::uint32_t kLastTicket = FifoWord::kTickets;

FifoWord after_waiters(int number) {
  FifoWord word(0);
  for (int i = 0; i < number; ++i) word = word.with_waiter();
  return word;
}

}  // namespace

TEST(FifoWord, held_names_its_owner_and_keeps_the_ticket) {
  for (const std::uint32_t id : {2u, kId, kLargestId}) {
    for (const bool queued : {false, true}) {
      const FifoWord word = after_waiters(3).held_by(id, queued);
      EXPECT_EQ(word.owner(), id);
      EXPECT_EQ(word.queued(), queued);
      EXPECT_EQ(word.last_ticket(), 3u);
      EXPECT_FALSE(word.inherited());
      EXPECT_FALSE(word.free());
      EXPECT_FALSE(word.handed_over());
    }
  }
}

TEST(FifoWord, taken_over_it_is_inherited_and_otherwise_the_same) {
  const FifoWord word = after_waiters(3).taken_over_by(kLargestId, false);
  EXPECT_TRUE(word.inherited());
  EXPECT_EQ(word.owner(), kLargestId);
  EXPECT_FALSE(word.queued());
  EXPECT_EQ(word.last_ticket(), 3u);
  EXPECT_TRUE(after_waiters(3).taken_over_by(kId, true).queued());
}

TEST(FifoWord, freed_it_keeps_who_waits_and_forgets_what_was_inherited) {
  const FifoWord word = after_waiters(3).taken_over_by(kId, true).freed();
  EXPECT_TRUE(word.free());
  EXPECT_TRUE(word.queued());
  EXPECT_FALSE(word.inherited());
  EXPECT_EQ(word.last_ticket(), 3u);
  EXPECT_FALSE(after_waiters(3).held_by(kId, false).freed().queued());
}

TEST(FifoWord, one_more_waiter_changes_nothing_but_the_ticket_and_that_there_is_one) {
  const FifoWord word = FifoWord(0).taken_over_by(kId, false).with_waiter();
  EXPECT_TRUE(word.queued());
  EXPECT_TRUE(word.inherited());
  EXPECT_EQ(word.owner(), kId);
  EXPECT_EQ(word.last_ticket(), 1u);
}

TEST(FifoWord, tickets_go_round) {
  const FifoWord last(std::uint64_t{kLastTicket} << 32);
  EXPECT_EQ(last.last_ticket(), kLastTicket);
  EXPECT_EQ(last.with_waiter().last_ticket(), 0u);
}

TEST(FifoWord, handed_over_it_keeps_its_flags_and_loses_its_owner) {
  const FifoWord word = after_waiters(2).taken_over_by(kId, true).to_nobody();
  EXPECT_TRUE(word.handed_over());
  EXPECT_FALSE(word.free());
  EXPECT_TRUE(word.inherited());
  EXPECT_TRUE(word.queued());
  EXPECT_EQ(word.last_ticket(), 2u);
}

TEST(PlaceWord, in_every_state_it_has_its_ticket) {
  for (const std::uint32_t ticket : {0u, kId, kLastTicket}) {
    const PlaceWord place = PlaceWord::drawing(ticket);
    EXPECT_TRUE(place.drawing());
    for (const PlaceWord awake : {place.to_awake(), place.to_asleep().to_awake()}) {
      EXPECT_FALSE(awake.drawing());
      EXPECT_FALSE(awake.asleep());
      EXPECT_EQ(awake.ticket(), ticket);
    }
    EXPECT_FALSE(place.to_asleep().drawing());
    EXPECT_TRUE(place.to_asleep().asleep());
    EXPECT_EQ(place.to_asleep().ticket(), ticket);
  }
}

TEST(PlaceWord, it_is_in_line_once_its_ticket_is_drawn) {
  EXPECT_TRUE(PlaceWord::drawing(5).drawn_by(5));
  EXPECT_TRUE(PlaceWord::drawing(5).drawn_by(6));
  EXPECT_FALSE(PlaceWord::drawing(6).drawn_by(5));
  EXPECT_TRUE(PlaceWord::drawing(kLastTicket).drawn_by(0));
  EXPECT_FALSE(PlaceWord::drawing(0).drawn_by(kLastTicket));
}

TEST(PlaceWord, the_earlier_ticket_is_before_the_later_and_none_before_itself) {
  const auto at = [](std::uint32_t ticket) { return PlaceWord::drawing(ticket); };
  EXPECT_TRUE(at(5).before(at(6)));
  EXPECT_FALSE(at(6).before(at(5)));
  EXPECT_FALSE(at(5).before(at(5)));
  EXPECT_FALSE(at(5).to_asleep().before(at(5)));
  EXPECT_TRUE(at(kLastTicket).before(at(0)));
  EXPECT_FALSE(at(0).before(at(kLastTicket)));
}
