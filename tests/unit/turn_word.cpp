// The words of Condition, and of those who wait there, as plain values.
#include "memory/turn_word.hpp"

#include <gtest/gtest.h>

#include <type_traits>

using carom::memory::ConditionWord;
using carom::memory::drawn_by;
using carom::memory::kTicketMask;
using carom::memory::TurnWord;
using State = TurnWord::State;

namespace {

constexpr std::uint32_t kLastSlot = (1u << 14) - 1;

static_assert(TurnWord::none().bits() == 0 && TurnWord::none().state() == State::none);
static_assert(sizeof(TurnWord) == 8 && std::is_trivially_copyable_v<TurnWord>);
static_assert(sizeof(ConditionWord) == 4 && std::is_trivially_copyable_v<ConditionWord>);

}  // namespace

TEST(ConditionWord, every_waiter_draws_the_next_ticket) {
  ConditionWord word(0);
  for (std::uint32_t ticket = 1; ticket <= 5; ++ticket) {
    word = word.with_waiter();
    EXPECT_EQ(word.last_ticket(), ticket);
    EXPECT_TRUE(word.waiters());
  }
  EXPECT_EQ(word.without_waiters().last_ticket(), 5u) << "tickets go on";
  EXPECT_FALSE(word.without_waiters().waiters());
}

TEST(ConditionWord, tickets_go_round_and_touch_no_flag) {
  const ConditionWord word = ConditionWord(kTicketMask).with_waiter();
  EXPECT_EQ(word.last_ticket(), 0u);
  EXPECT_TRUE(word.waiters());
  EXPECT_FALSE(word.without_waiters().waiters());
  EXPECT_EQ(word.without_waiters().bits(), 0u);
}

TEST(Tickets, one_that_was_drawn_before_another_or_is_it_is_told_from_a_later_one) {
  for (const std::uint32_t limit : {0u, 1u, 5u, kTicketMask / 2, kTicketMask - 1, kTicketMask}) {
    EXPECT_TRUE(drawn_by(limit, limit)) << limit;
    EXPECT_TRUE(drawn_by((limit - 1) & kTicketMask, limit)) << limit;
    EXPECT_TRUE(drawn_by((limit - 100'000) & kTicketMask, limit)) << limit;
    EXPECT_FALSE(drawn_by((limit + 1) & kTicketMask, limit)) << limit;
    EXPECT_FALSE(drawn_by((limit + 100'000) & kTicketMask, limit)) << limit;
  }
}

TEST(TurnWord, waiting_it_has_a_ticket) {
  for (const std::uint32_t ticket : {0u, 1u, kTicketMask}) {
    const TurnWord word = TurnWord::waiting(ticket);
    EXPECT_EQ(word.state(), State::waiting);
    EXPECT_EQ(word.ticket(), ticket);
    EXPECT_FALSE(word.adopted());
  }
  EXPECT_NE(TurnWord::waiting(0), TurnWord::none());
}

TEST(TurnWord, notified_it_has_the_last_ticket_that_waited) {
  const TurnWord word = TurnWord::notified(kTicketMask, 0x3'1234);
  EXPECT_EQ(word.state(), State::notified);
  EXPECT_EQ(word.limit(), kTicketMask);
  EXPECT_FALSE(word.adopted());
  EXPECT_NE(word, TurnWord::notified(kTicketMask, 0x3'1235));
}

TEST(TurnWord, what_a_waiter_sleeps_on_changes_when_it_is_notified) {
  EXPECT_NE(TurnWord::waiting(7).low_half(), TurnWord::notified(7, 7).low_half());
}

TEST(TurnWord, granted_it_belongs_to_one_slot_and_one_ticket) {
  for (const std::uint32_t slot : {0u, 5u, kLastSlot}) {
    const TurnWord word = TurnWord::granted(40, slot, 0x3'0029);
    EXPECT_EQ(word.state(), State::granted);
    EXPECT_EQ(word.limit(), 40u);
    EXPECT_EQ(word.other_slot(), slot);
    EXPECT_TRUE(word.granted_to(slot, 0x3'0029));
    EXPECT_FALSE(word.granted_to(slot, 0x3'002a)) << "that one came there later";
    EXPECT_FALSE(word.granted_to(slot ^ 1, 0x3'0029));
    EXPECT_FALSE(word.adopted());
    EXPECT_FALSE(word.adopted_from(slot));
  }
}

TEST(TurnWord, adopted_it_is_notified_from_one_slot) {
  for (const std::uint32_t slot : {0u, 5u, kLastSlot}) {
    const TurnWord word = TurnWord::adopted(40, slot);
    EXPECT_EQ(word.state(), State::notified);
    EXPECT_EQ(word.limit(), 40u);
    EXPECT_EQ(word.other_slot(), slot);
    EXPECT_TRUE(word.adopted());
    EXPECT_TRUE(word.adopted_from(slot));
    EXPECT_FALSE(word.adopted_from(slot ^ 1));
    EXPECT_FALSE(word.granted_to(slot, 0));
  }
}

TEST(TurnWord, notified_by_a_notifier_it_was_adopted_from_nobody) {
  for (const std::uint32_t ticket : {0u, 1u, 0xffffu, 0x1'0000u, kTicketMask}) {
    const TurnWord word = TurnWord::notified(ticket, ticket);
    EXPECT_FALSE(word.adopted());
    EXPECT_FALSE(word.adopted_from(0));
    EXPECT_FALSE(word.adopted_from(kLastSlot));
  }
}
