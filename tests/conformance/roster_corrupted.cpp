// Slots that somebody wrote over: no other memory of those who use the segment is touched, and no call lasts for ever.
#include <gtest/gtest.h>
#include <linux/futex.h>

#include <cstring>
#include <thread>

#include "carom/carom.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/settlement.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"
#include "support/robust_list.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Segment;
using carom::memory::MappedSegment;
using carom::memory::Slot;
using support::ThreadParty;

namespace {

class RosterCorrupted : public testing::Test {
 protected:
  MappedSegment& mapped() { return *MappedSegment::containing(segment_.data()); }
  Slot& slot_of(std::uint32_t id) { return mapped().roster().slot(id); }
  std::uint32_t index_of(std::uint32_t id) { return mapped().roster().index_of(id); }
  /// As if nobody had the slot, so that the next to join finds it before all others.
  void say_that_it_is_vacant(std::uint32_t id) {
    slot_of(id).claim = 0;
    mapped().header().next_slot = index_of(id);
  }

  const Segment segment_ = Segment::anonymous(4096, {.participants = 16});
};

}  // namespace

TEST_F(RosterCorrupted, a_claim_taken_away_gives_nobody_the_slot_of_another_thread_of_its_process) {
  ThreadParty other([this] { return segment_.join().id; });
  const auto theirs = static_cast<std::uint32_t>(other.result());
  say_that_it_is_vacant(theirs);
  EXPECT_NE(index_of(segment_.join().id), index_of(theirs));
  EXPECT_TRUE(support::robust_list_is_whole());
  EXPECT_TRUE(support::robust_list_is_whole(other.tid()));
  segment_.leave();
}

TEST_F(RosterCorrupted, a_claim_taken_away_gives_a_thread_its_own_slot_no_second_time) {
  const Segment before = Segment::anonymous(100);
  before.join();
  const std::uint32_t mine = segment_.join().id;
  auto* const locks = static_cast<carom::SharedLock*>(segment_.data());
  for (int i = 0; i < 40; ++i) ::new (locks + i) carom::SharedLock;
  for (int i = 0; i < 40; ++i) {
    say_that_it_is_vacant(mine);
    EXPECT_EQ(locks[i].acquire_shared(false), Acquisition::acquired);
  }
  EXPECT_TRUE(support::robust_list_is_whole());
  segment_.leave();
  before.leave();  // its link lies behind those
  EXPECT_TRUE(support::robust_list_is_whole());
}

TEST_F(RosterCorrupted, the_slot_of_a_thread_that_has_ended_is_given_out_all_the_same) {
  std::uint32_t last = 0;
  std::thread([&] { last = segment_.join().id; }).join();
  mapped().header().next_slot = index_of(last);
  EXPECT_EQ(index_of(segment_.join().id), index_of(last));
}

TEST_F(RosterCorrupted, a_turn_that_nobody_could_have_stored_is_passed_over_by_who_notifies) {
  auto* const condition = ::new (segment_.data()) carom::Condition;
  std::uint32_t id = 0;
  ThreadParty first([&] {
    id = segment_.join().id;
    const std::scoped_lock hold(*condition);
    return condition->wait().notified();
  });
  support::wait_until([&] { return condition->waiters() == 1; });
  ThreadParty second([&] {
    const std::scoped_lock hold(*condition);
    return condition->wait().notified();
  });
  support::wait_until([&] { return condition->waiters() == 2; });
  constexpr std::uint64_t kMoreThanATicket = std::uint64_t{1} << 40;
  slot_of(id).turn |= kMoreThanATicket;
  condition->notify();
  EXPECT_EQ(second.leave(), 1);
  slot_of(id).turn &= ~kMoreThanATicket;
  condition->notify();
  EXPECT_EQ(first.leave(), 1);
}

TEST(BarrierCorrupted, one_that_says_it_lies_in_another_segment_is_refused) {
  Segment lower = Segment::anonymous(4096);
  Segment upper = Segment::anonymous(4096);
  if (lower.data() > upper.data()) std::swap(lower, upper);
  auto* const barrier = ::new (upper.data()) carom::Barrier(1);
  std::uint32_t dead = 0;
  std::thread([&] { dead = lower.join().id; }).join();
  MappedSegment& mapped = *MappedSegment::containing(lower.data());
  const std::uint64_t offset = mapped.offset_of(barrier);
  constexpr std::size_t kHomeAt = 8;  // tests/layout holds it
  const auto home = static_cast<std::uint32_t>(offset / 4096) << 2;
  std::memcpy(reinterpret_cast<std::byte*>(barrier) + kHomeAt, &home, sizeof home);
  std::uint16_t serial = 0;
  std::memcpy(&serial, reinterpret_cast<std::byte*>(barrier) + 14, sizeof serial);
  mapped.roster().slot(dead).arrived = carom::memory::arrival_note(
      carom::memory::object_ref(carom::memory::ObjectKind::barrier, offset, serial), 0);
  EXPECT_EQ(support::code_of([&] { return barrier->wait(10ms); }), carom::Errc::corrupted);
}
