// The layout of what processes share, number by number. Another process, perhaps of another build, reads
// these bytes: a number may change only together with the version.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "carom/lock.hpp"
#include "carom/rlock.hpp"
#include "carom/segment.hpp"
#include "carom/shared.hpp"
#include "memory/layout.hpp"

using carom::memory::SegmentHeader;
using carom::memory::Slot;

namespace {

// The version that the numbers below belong to.
constexpr std::uint32_t kVersion = 2;

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

}  // namespace

TEST(Layout, the_version_is_the_one_these_numbers_belong_to) {
  EXPECT_LAYOUT(carom::memory::kLayoutVersion, kVersion);
}

TEST(Layout, the_fingerprint_is_that_of_the_version) {
  EXPECT_LAYOUT(carom::memory::fingerprint(), 0x4c10'5b3bu);
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
  EXPECT_LAYOUT(offsetof(SegmentHeader, type_fingerprint), 40u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, capacity), 48u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, high_water), 64u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, reserved), 68u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, takeovers), 72u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, removed), 80u);
  EXPECT_LAYOUT(offsetof(SegmentHeader, ready), 84u);
}

TEST(Layout, a_slot_is_two_cache_lines_and_four_of_holdings) {
  EXPECT_LAYOUT(sizeof(Slot), 384u);
  EXPECT_LAYOUT(alignof(Slot), 128u);
  EXPECT_LAYOUT(offsetof(Slot, life), 0u);
  EXPECT_LAYOUT(sizeof(Slot::life), 40u);
  EXPECT_LAYOUT(offsetof(Slot, generation), 40u);
  EXPECT_LAYOUT(offsetof(Slot, id), 44u);
  EXPECT_LAYOUT(offsetof(Slot, about_id), 48u);
  EXPECT_LAYOUT(offsetof(Slot, pid), 52u);
  EXPECT_LAYOUT(offsetof(Slot, tid), 56u);
  EXPECT_LAYOUT(offsetof(Slot, pid_namespace), 64u);
  EXPECT_LAYOUT(offsetof(Slot, start_time), 72u);
  EXPECT_LAYOUT(offsetof(Slot, name), 80u);
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

TEST(Layout, an_rlock_is_a_lock_with_a_depth) {
  EXPECT_LAYOUT(sizeof(carom::RLock), 12u);
  EXPECT_LAYOUT(alignof(carom::RLock), 4u);
  EXPECT_TRUE(std::is_standard_layout_v<carom::RLock>) << kHint;
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
