// The layout of what processes share, number by number. Another process, perhaps of another build, reads
// these bytes: a number may change only together with the version.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <type_traits>

#include "carom/barrier.hpp"
#include "carom/condition.hpp"
#include "carom/event.hpp"
#include "carom/fifo_lock.hpp"
#include "carom/latch.hpp"
#include "carom/lock.hpp"
#include "carom/rlock.hpp"
#include "carom/segment.hpp"
#include "carom/semaphore.hpp"
#include "carom/shared.hpp"
#include "carom/shared_lock.hpp"
#include "memory/claim_word.hpp"
#include "memory/layout.hpp"
#include "memory/life_pages.hpp"
#include "support/plain.hpp"

using carom::memory::SegmentHeader;
using carom::memory::Slot;

namespace {

// The version that the numbers below belong to.
constexpr std::uint32_t kVersion = 6;

// Where the data of a segment for two begins: after a page of header and one of roster.
constexpr std::size_t kDataOffset = 8192;
constexpr std::uint32_t kFirstSerial = 1u << 16;  // of the first object made in a segment
constexpr std::uint32_t kHome = 2 << 2;           // of an object in the first page of the data

constexpr const char* kHint =
    "\nThe shared layout changed. If that is meant, raise kLayoutVersion in src/memory/layout.hpp, say so in "
    "CHANGELOG.md under \"Shared layout\", and bring this file up to date.";

#define EXPECT_LAYOUT(actual, golden) EXPECT_EQ(static_cast<std::uint64_t>(actual), golden) << kHint

template <class T>
std::uint32_t word_at(const T& object, std::size_t offset) {
  std::uint32_t word;
  std::memcpy(&word, reinterpret_cast<const std::byte*>(&object) + offset, sizeof word);
  return word;
}

template <class T>
std::uint64_t long_word_at(const T& object, std::size_t offset) {
  return word_at(object, offset) | std::uint64_t{word_at(object, offset + 4)} << 32;
}

/// The first slot of the segment's roster: of whoever joined it first.
const Slot& first_slot(const carom::Segment& segment) {
  const auto* const header = static_cast<const std::byte*>(segment.data());
  const auto& begin = *reinterpret_cast<const SegmentHeader*>(header - kDataOffset);
  return *reinterpret_cast<const Slot*>(reinterpret_cast<const std::byte*>(&begin) +
                                        carom::memory::kHeaderBytes);
}

carom::SegmentOptions two_participants() {
  carom::SegmentOptions options;
  options.participants = 2;
  return options;
}

/// One T in a segment of its own.
template <class T>
struct Laid {
  carom::Segment segment =
      carom::Segment::anonymous(sizeof(T), two_participants(), [](void* at) { new (at) T; });
  T& object = *static_cast<T*>(segment.data());
};

}  // namespace

TEST(Layout, the_version_is_the_one_these_numbers_belong_to) {
  EXPECT_LAYOUT(carom::memory::kLayoutVersion, kVersion);
}

TEST(Layout, the_fingerprint_is_that_of_the_version) {
  EXPECT_LAYOUT(carom::memory::fingerprint(), 0x918c'd765u);
}

TEST(Layout, a_segment_begins_with_a_header_of_one_page) {
  EXPECT_LAYOUT(carom::memory::kHeaderBytes, 4096u);
  EXPECT_LAYOUT(sizeof(SegmentHeader), 128u);
  EXPECT_LAYOUT(alignof(SegmentHeader), 64u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, magic), 0u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, layout_version), 8u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, layout_fingerprint), 12u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, total_bytes), 16u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, data_offset), 24u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, data_bytes), 32u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, life_offset), 40u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, type_fingerprint), 48u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, capacity), 56u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, high_water), 64u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, next_slot), 68u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, births), 72u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, takeovers), 80u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, built_below), 88u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, removed), 96u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, ready), 100u);
}

TEST(Layout, the_life_words_lie_where_they_lay) {
  EXPECT_LAYOUT(sizeof(carom::platform::LifeWord), 8u);
  EXPECT_LAYOUT(carom::platform::LifePage::kWords, 4u);
  alignas(4096) std::byte pages[8192];
  const carom::memory::LifeArea area(pages, 4096);
  EXPECT_LAYOUT(reinterpret_cast<std::byte*>(&area.word(0)) - pages, 4064u);
  EXPECT_LAYOUT(reinterpret_cast<std::byte*>(&area.word(3)) - pages, 4088u);
  EXPECT_LAYOUT(reinterpret_cast<std::byte*>(&area.word(4)) - pages, 8160u);
  const auto extent = carom::memory::Extent::of(1024, 100, 4096);
  EXPECT_LAYOUT(extent.data_offset, 397'312u);
  EXPECT_LAYOUT(extent.life_offset, 401'408u);
  EXPECT_LAYOUT(extent.total_bytes, 401'408u + 256 * 4096);
}

TEST(Layout, a_claim_means_what_it_meant) {
  carom::platform::ThreadKey who;
  who.tid = 5;
  who.start_time = 7;
  who.pid_namespace = 9;
  const carom::memory::ClaimWord claim = carom::memory::ClaimWord(0).claimed_by(who);
  EXPECT_LAYOUT(claim.bits(),
                5u << 1 | std::uint64_t{7} << 23 | std::uint64_t{9} << 34 | std::uint64_t{1} << 54);
  EXPECT_LAYOUT(claim.seated().bits(), claim.bits() | 1);
  EXPECT_LAYOUT(claim.vacated().bits(), std::uint64_t{1} << 54);
  EXPECT_LAYOUT(claim.vacated().claimed_by(who).bits() >> 54, 2u);
}

TEST(Layout, the_slots_fields_lie_where_they_lay) {
  EXPECT_LAYOUT(sizeof(Slot), 384u);
  EXPECT_LAYOUT(alignof(Slot), 128u);
  EXPECT_LAYOUT(offsetof(Slot, claim), 0u);
  EXPECT_LAYOUT(offsetof(Slot, generation), 8u);
  EXPECT_LAYOUT(offsetof(Slot, id), 12u);
  EXPECT_LAYOUT(offsetof(Slot, about_id), 16u);
  EXPECT_LAYOUT(offsetof(Slot, pid), 20u);
  EXPECT_LAYOUT(offsetof(Slot, tid), 24u);
  EXPECT_LAYOUT(offsetof(Slot, place), 28u);
  EXPECT_LAYOUT(offsetof(Slot, pid_namespace), 32u);
  EXPECT_LAYOUT(offsetof(Slot, time_namespace), 36u);
  EXPECT_LAYOUT(offsetof(Slot, start_time), 40u);
  EXPECT_LAYOUT(offsetof(Slot, name), 48u);
  EXPECT_LAYOUT(offsetof(Slot, whereabouts), 64u);
  EXPECT_LAYOUT(offsetof(Slot, program), 72u);
  EXPECT_LAYOUT(offsetof(Slot, first), 76u);
  EXPECT_LAYOUT(offsetof(Slot, declared), 80u);
  EXPECT_LAYOUT(offsetof(Slot, asked), 84u);
  EXPECT_LAYOUT(offsetof(Slot, waits), 88u);
  EXPECT_LAYOUT(offsetof(Slot, looked), 92u);
  EXPECT_LAYOUT(offsetof(Slot, waiting_on), 96u);
  EXPECT_LAYOUT(offsetof(Slot, parked_at), 104u);
  EXPECT_LAYOUT(offsetof(Slot, turn), 112u);
  EXPECT_LAYOUT(offsetof(Slot, arrived), 120u);
  EXPECT_LAYOUT(offsetof(Slot, held_object), 128u);
  EXPECT_LAYOUT(offsetof(Slot, held_state), 256u);
  EXPECT_LAYOUT(carom::memory::kHoldings, 16u);
}

TEST(Layout, the_magic_and_the_ready_mark_never_change) {
  EXPECT_LAYOUT(carom::memory::kMagic, 0x006d'6f72'6163'0a89u);
  EXPECT_LAYOUT(carom::memory::kReady, 0x7265'6479u);
}

TEST(Layout, an_id_has_30_bits_and_a_roster_at_most_2_to_the_14_slots) {
  EXPECT_LAYOUT(carom::memory::kIdBits, 30u);
  EXPECT_LAYOUT(carom::memory::kMaxParticipants, 16384u);
}

TEST(Layout, a_lock_is_its_word_and_its_home) {
  EXPECT_LAYOUT(sizeof(carom::Lock), 8u);
  EXPECT_LAYOUT(alignof(carom::Lock), 4u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::Lock>) << kHint;
}

TEST(Layout, a_fifo_lock_is_its_word_and_its_home) {
  EXPECT_LAYOUT(sizeof(carom::FifoLock), 16u);
  EXPECT_LAYOUT(alignof(carom::FifoLock), 8u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::FifoLock>) << kHint;
}

TEST(Layout, the_words_of_a_fifo_lock_mean_what_they_meant) {
  const carom::detail::FifoWord word(0x0000'0007'c000'2345);
  EXPECT_LAYOUT(word.owner(), 0x2345u);
  EXPECT_TRUE(word.inherited()) << kHint;
  EXPECT_TRUE(word.queued()) << kHint;
  EXPECT_LAYOUT(word.last_ticket(), 7u);
  EXPECT_LAYOUT(carom::detail::PlaceWord::drawing(7).bits(), 7u);
  EXPECT_LAYOUT(carom::detail::PlaceWord::drawing(7).to_awake().bits(), 0x4000'0007u);
  EXPECT_LAYOUT(carom::detail::PlaceWord::drawing(7).to_asleep().bits(), 0x8000'0007u);
}

TEST(Layout, an_rlock_is_a_lock_with_a_depth) {
  EXPECT_LAYOUT(sizeof(carom::RLock), 12u);
  EXPECT_LAYOUT(alignof(carom::RLock), 4u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::RLock>) << kHint;
}

TEST(Layout, a_semaphore_of_either_kind_is_its_word_its_home_and_its_limit) {
  EXPECT_LAYOUT(sizeof(carom::Semaphore), 16u);
  EXPECT_LAYOUT(carom::detail::held_bytes(carom::detail::ObjectKind::semaphore), 16u);
  EXPECT_LAYOUT(alignof(carom::Semaphore), 8u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::Semaphore>) << kHint;
  EXPECT_LAYOUT(sizeof(carom::BoundedSemaphore), 16u);
  EXPECT_LAYOUT(carom::detail::held_bytes(carom::detail::ObjectKind::bounded_semaphore), 16u);
  EXPECT_LAYOUT(alignof(carom::BoundedSemaphore), 8u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::BoundedSemaphore>) << kHint;
}

TEST(Layout, an_event_is_a_word_and_a_home_a_latch_and_a_shared_lock_have_a_serial_too) {
  EXPECT_LAYOUT(sizeof(carom::Event), 8u);
  EXPECT_LAYOUT(alignof(carom::Event), 4u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::Event>) << kHint;
  EXPECT_LAYOUT(sizeof(carom::Latch), 12u);
  EXPECT_LAYOUT(carom::detail::held_bytes(carom::detail::ObjectKind::latch), 12u);
  EXPECT_LAYOUT(alignof(carom::Latch), 4u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::Latch>) << kHint;
  EXPECT_LAYOUT(sizeof(carom::SharedLock), 16u);
  EXPECT_LAYOUT(carom::detail::held_bytes(carom::detail::ObjectKind::shared_lock), 16u);
  EXPECT_LAYOUT(alignof(carom::SharedLock), 8u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::SharedLock>) << kHint;
}

TEST(Layout, a_condition_is_its_word_its_home_where_its_lock_is_and_a_lock_of_its_own) {
  EXPECT_LAYOUT(sizeof(carom::Condition), 28u);
  EXPECT_LAYOUT(alignof(carom::Condition), 4u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::Condition>) << kHint;
}

TEST(Layout, a_barrier_is_its_word_its_home_its_parties_and_its_timeout) {
  EXPECT_LAYOUT(sizeof(carom::Barrier), 24u);
  EXPECT_LAYOUT(carom::detail::held_bytes(carom::detail::ObjectKind::barrier), 24u);
  EXPECT_LAYOUT(alignof(carom::Barrier), 8u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::Barrier>) << kHint;
}

// Where the parts of a lock lie is private to it, so they are read as bytes.
TEST(Layout, the_words_of_a_held_lock_mean_what_they_meant) {
  struct Locks {
    std::byte before[5000];
    carom::Lock lock{carom::OwnerDeath::refuse};
    carom::RLock rlock{carom::OwnerDeath::ignore};
  };
  carom::SegmentOptions options;
  options.participants = 2;
  const carom::Segment segment =
      carom::Segment::anonymous(sizeof(Locks), options, [](void* at) { new (at) Locks; });
  auto& locks = *static_cast<Locks*>(segment.data());
  constexpr std::uint32_t kPagesBefore = 3;  // header, roster, the first page of the data
  locks.lock.lock();
  locks.rlock.lock();
  locks.rlock.lock();
  const std::uint32_t id = segment.join().id;
  EXPECT_LAYOUT(id, 2u) << "the first id of two slots: slot 0, generation 1";
  EXPECT_LAYOUT(word_at(locks.lock, 0), id);
  EXPECT_LAYOUT(word_at(locks.lock, 4), kPagesBefore << 2 | 1u);
  EXPECT_LAYOUT(word_at(locks.rlock, 0), id);
  EXPECT_LAYOUT(word_at(locks.rlock, 4), kPagesBefore << 2 | 2u);
  EXPECT_LAYOUT(word_at(locks.rlock, 8), 2u);
  ASSERT_TRUE(locks.lock.hand_over());
  EXPECT_LAYOUT(word_at(locks.lock, 0), 1u);
}

TEST(Layout, the_word_of_a_used_semaphore_means_what_it_meant) {
  Laid<carom::Semaphore> laid;
  carom::Semaphore& semaphore = laid.object;
  EXPECT_LAYOUT(long_word_at(semaphore, 0), 1u);
  EXPECT_LAYOUT(word_at(semaphore, 8), kHome);
  EXPECT_LAYOUT(word_at(semaphore, 12), kFirstSerial | 0xffffu) << "no limit";
  ASSERT_EQ(semaphore.release(5), carom::Release::released);
  EXPECT_LAYOUT(long_word_at(semaphore, 0), 6u) << "bare permits leave no stamp";
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(semaphore.acquire());
  ASSERT_FALSE(semaphore.acquire(std::chrono::milliseconds(20)));
  EXPECT_LAYOUT(word_at(semaphore, 0), 0x8000'0000u) << "somebody has slept";
}

TEST(Layout, a_permit_that_is_held_is_counted_in_the_slot_and_stamps_the_word) {
  struct Two {
    carom::Semaphore semaphore{3};
    carom::BoundedSemaphore bounded{3};
  };
  Laid<Two> laid;
  constexpr std::uint64_t kSemaphoreRef = std::uint64_t{3} << 56 | std::uint64_t{1} << 40 | kDataOffset >> 2;
  constexpr std::uint64_t kBoundedRef =
      std::uint64_t{4} << 56 | std::uint64_t{2} << 40 | (kDataOffset + sizeof(carom::Semaphore)) >> 2;
  constexpr std::uint64_t kOneTakenOnce = std::uint64_t{1} << 32 | 1;  // tag and count
  constexpr std::uint64_t kTook = 1;
  constexpr std::uint64_t kGave = 2;
  const Slot& slot = first_slot(laid.segment);
  {
    const std::scoped_lock hold(laid.object.semaphore);
    EXPECT_LAYOUT(slot.held_object[0].load(), kSemaphoreRef);
    EXPECT_LAYOUT(slot.held_state[0].load(), kOneTakenOnce);
    EXPECT_LAYOUT(long_word_at(laid.object.semaphore, 0), 2u | kTook << 32 | std::uint64_t{1} << 52)
        << "entry 0 of slot 0";
  }
  EXPECT_LAYOUT(slot.held_state[0].load(), std::uint64_t{2} << 32);
  EXPECT_LAYOUT(long_word_at(laid.object.semaphore, 0), 3u | kGave << 32 | std::uint64_t{2} << 52);

  ASSERT_TRUE(laid.object.bounded.acquire());
  EXPECT_LAYOUT(slot.held_object[2].load(), kBoundedRef) << "16 bytes on: two places on";
  EXPECT_LAYOUT(slot.held_state[2].load(), kOneTakenOnce);
  EXPECT_LAYOUT(long_word_at(laid.object.bounded, 0),
                2u | kTook << 33 | std::uint64_t{2} << 49 | std::uint64_t{1} << 53);
  EXPECT_LAYOUT(word_at(laid.object.bounded, 12), 2 * kFirstSerial | 3u);
}

TEST(Layout, the_word_of_a_used_event_means_what_it_meant) {
  Laid<carom::Event> laid;
  EXPECT_LAYOUT(word_at(laid.object, 0), 0u);
  EXPECT_LAYOUT(word_at(laid.object, 4), kHome);
  laid.object.set();
  EXPECT_LAYOUT(word_at(laid.object, 0), 0x4000'0001u);
  laid.object.clear();
  EXPECT_LAYOUT(word_at(laid.object, 0), 1u);
  ASSERT_FALSE(laid.object.wait(std::chrono::milliseconds(20)));
  EXPECT_LAYOUT(word_at(laid.object, 0), 0x8000'0001u) << "somebody has slept";
}

TEST(Layout, the_word_of_a_used_latch_means_what_it_meant) {
  struct One {
    carom::Latch latch{5};
  };
  Laid<One> laid;
  EXPECT_LAYOUT(word_at(laid.object, 8) & 0xffff, 1u) << "its serial";
  laid.object.latch.count_down(2);
  EXPECT_LAYOUT(word_at(laid.object, 0), 3u);
  EXPECT_LAYOUT(word_at(laid.object, 4), kHome);
  ASSERT_FALSE(laid.object.latch.wait(std::chrono::milliseconds(20)));
  EXPECT_LAYOUT(word_at(laid.object, 0), 0x8000'0003u) << "somebody has slept";
  laid.object.latch.count_down(3);
  EXPECT_LAYOUT(word_at(laid.object, 0), 0u);
}

TEST(Layout, the_word_of_a_used_shared_lock_means_what_it_meant) {
  Laid<carom::SharedLock> laid;
  const std::uint32_t id = laid.segment.join().id;
  laid.object.lock();
  EXPECT_LAYOUT(long_word_at(laid.object, 0), id);
  EXPECT_LAYOUT(word_at(laid.object, 8), kHome);
  EXPECT_LAYOUT(word_at(laid.object, 12) & 0xffff, 1u) << "its serial";
  laid.object.unlock();
  laid.object.lock_shared();
  EXPECT_LAYOUT(word_at(laid.object, 0), 0u) << "readers are in their slots alone";
  EXPECT_LAYOUT(first_slot(laid.segment).held_object[0].load(),
                std::uint64_t{2} << 56 | std::uint64_t{1} << 40 | kDataOffset >> 2);
  EXPECT_LAYOUT(static_cast<std::uint32_t>(first_slot(laid.segment).held_state[0].load()), 1u);
  laid.object.unlock_shared();
}

TEST(Layout, the_word_of_a_used_barrier_means_what_it_meant) {
  struct One {
    carom::Barrier barrier{2, std::chrono::seconds(3)};
  };
  Laid<One> laid;
  carom::Barrier& barrier = laid.object.barrier;
  EXPECT_LAYOUT(word_at(barrier, 8), kHome);
  EXPECT_LAYOUT(word_at(barrier, 12), kFirstSerial | 2u);
  EXPECT_LAYOUT(long_word_at(barrier, 16), 3'000'000'000u);
  support::Forked party([&] { barrier.wait(carom::Deadline::never()); });
  support::wait_until([&] { return barrier.n_waiting() == 1 && barrier.waiters() == 1; });
  EXPECT_LAYOUT(word_at(barrier, 0), 0x8000'0000u) << "round 0, filling, contended";
  EXPECT_LAYOUT(word_at(barrier, 4), 1u) << "one has arrived";
  barrier.wait();
  EXPECT_EQ(party.wait(), 0);
  EXPECT_LAYOUT(long_word_at(barrier, 0), 1u) << "round 1, empty";
  barrier.reset();
  EXPECT_LAYOUT(long_word_at(barrier, 0), 1u) << "it was as new";
  barrier.abort();
  EXPECT_LAYOUT(word_at(barrier, 0), 5u << 28 | 1u);
  EXPECT_LAYOUT(word_at(barrier, 4), laid.segment.join().id);
  barrier.reset();
  EXPECT_LAYOUT(long_word_at(barrier, 0), 2u | 1u << 16) << "round 2; the one before was reset";
}
