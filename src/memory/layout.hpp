// Everything that carom keeps in shared memory beside the primitives themselves. Other processes, perhaps of
// another build, read these bytes: a change here is a change of kLayoutVersion, and tests/layout holds both
// to it.
//
//   offset 0                 SegmentHeader, one page
//   kHeaderBytes             Slot[capacity], the roster
//   header.data_offset       the user's bytes, with the primitives wherever the user puts them
//
// DEATH                what remains                                     who repairs it
//   segment_filled     a file without a name                            the kernel frees it
//   segment_published  the whole segment, by its name                   nothing to repair
//
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "carom/detail/object_ref.hpp"
#include "platform/life_word.hpp"

namespace carom::memory {

inline constexpr std::uint64_t kMagic = 0x006d'6f72'6163'0a89;  // reads "\x89\ncarom\0" in a dump
inline constexpr std::uint32_t kLayoutVersion = 5;

/// An id is slot + generation * capacity, and fits into the 30 bits a lock word has for it.
inline constexpr std::uint32_t kIdBits = 30;
inline constexpr std::uint32_t kMaxParticipants = 1u << 14;

/// Ids of generation 0 are never given to a participant.
inline constexpr std::uint32_t kNoId = 0;

using detail::kHoldings;
using detail::kind_of;
using detail::object_ref;
using detail::ObjectKind;
using detail::offset_in;

struct alignas(128) Slot {
  platform::LifeWord life;  ///< claimed by the participant until its thread ends

  // Written by the claimant of `life` alone.
  std::atomic<std::uint32_t> generation;  ///< of the last id given out for this slot
  std::atomic<std::uint32_t> id;          ///< of the participant; kNoId once it left in good order

  // About the participant `about_id`; may be half written while that is kNoId.
  std::atomic<std::uint32_t> about_id;
  std::atomic<std::uint32_t> pid;
  std::atomic<std::uint32_t> tid;
  std::atomic<std::uint32_t> place;  ///< in the line of the FifoLock that `waiting_on` says: a PlaceWord
  std::atomic<std::uint64_t> pid_namespace;
  std::atomic<std::uint64_t> start_time;
  std::atomic<std::uint64_t> name[2];

  /// What the participant waits for, an object_ref; 0: nothing. Means something only while it lives.
  std::atomic<std::uint64_t> waiting_on;

  std::atomic<std::uint64_t> parked_at;  ///< the condition whose turn `turn` is, an object_ref
  std::atomic<std::uint64_t> turn;       ///< a TurnWord (memory/turn_word.hpp)
  std::atomic<std::uint64_t> arrived;    ///< the barrier it has arrived at, and for which round; 0: none

  // What the participant holds besides locks, in as many places: of what, and how often (detail/permit_word.hpp).
  // Outlives the participant, until somebody has settled it.
  std::atomic<std::uint64_t> held_object[kHoldings];
  std::atomic<std::uint64_t> held_state[kHoldings];
};

struct SegmentHeader {
  std::uint64_t magic;
  std::uint32_t layout_version;
  std::uint32_t layout_fingerprint;
  std::uint64_t total_bytes;
  std::uint64_t data_offset;
  std::uint64_t data_bytes;
  std::uint64_t type_fingerprint;  ///< of the user's type; 0: untyped
  std::uint32_t capacity;          ///< slots in the roster, a power of two

  alignas(
      64) std::atomic<std::uint32_t> high_water;  ///< slots from here on were never claimed; may be too high
  std::atomic<std::uint32_t> next_slot;           ///< where the search for a slot begins; any value will do
  std::atomic<std::uint64_t> takeovers;           ///< how often something was taken over from the dead
  std::atomic<std::uint32_t> removed;             ///< its name has been taken away
  std::atomic<std::uint32_t> ready;               ///< kReady, stored last by the creator
};

inline constexpr std::uint32_t kReady = 0x72656479;
inline constexpr std::size_t kHeaderBytes = 4096;

/// Folds what both sides must agree on into one number.
constexpr std::uint32_t fingerprint() {
  constexpr std::size_t kFacts[] = {sizeof(Slot),
                                    offsetof(Slot, generation),
                                    offsetof(Slot, id),
                                    offsetof(Slot, about_id),
                                    offsetof(Slot, name),
                                    offsetof(Slot, waiting_on),
                                    offsetof(Slot, turn),
                                    offsetof(Slot, held_object),
                                    offsetof(Slot, held_state),
                                    kHoldings,
                                    sizeof(SegmentHeader),
                                    offsetof(SegmentHeader, capacity),
                                    offsetof(SegmentHeader, high_water),
                                    offsetof(SegmentHeader, ready),
                                    kHeaderBytes,
                                    kIdBits,
                                    sizeof(void*),
                                    sizeof(pthread_mutex_t)};
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const std::size_t fact : kFacts) hash = (hash ^ static_cast<std::uint32_t>(fact)) * 16777619u;
  return hash;
}

static_assert(sizeof(Slot) == 384 && std::is_standard_layout_v<Slot>);
static_assert(sizeof(SegmentHeader) <= kHeaderBytes && std::is_standard_layout_v<SegmentHeader>);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace carom::memory
