// Everything that carom keeps in shared memory beside the primitives themselves. Other processes, perhaps of
// another build, read these bytes: a change here is a change of kLayoutVersion, and tests/layout holds both
// to it.
//
//   offset 0                 SegmentHeader, one page
//   kHeaderBytes             Slot[capacity], the roster
//   header.data_offset       the user's bytes, with the primitives wherever the user puts them
//   header.life_offset       the slots' life words: the last four words, 8 bytes apart, of each page
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
#include "platform/robust_list.hpp"

namespace carom::memory {

inline constexpr std::uint64_t kMagic = 0x006d'6f72'6163'0a89;  // reads "\x89\ncarom\0" in a dump
inline constexpr std::uint32_t kLayoutVersion = 6;

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
  std::atomic<std::uint64_t> claim;  ///< a ClaimWord: whose slot it is

  // Written by the claimant alone.
  std::atomic<std::uint32_t> generation;  ///< of the last id given out for this slot
  std::atomic<std::uint32_t> id;          ///< of the participant; kNoId once it left in good order

  // About the participant `about_id`; may be half written while that is kNoId.
  std::atomic<std::uint32_t> about_id;
  std::atomic<std::uint32_t> pid;
  std::atomic<std::uint32_t> tid;
  std::atomic<std::uint32_t> place;  ///< in the line of the FifoLock that `waiting_on` says: a PlaceWord
  std::atomic<std::uint32_t> pid_namespace;
  std::atomic<std::uint32_t> time_namespace;
  std::atomic<std::uint64_t> start_time;
  std::atomic<std::uint64_t> name[2];
  std::atomic<std::uint64_t> whereabouts;  ///< which boot of which machine, and which file; 0: unknown
  std::atomic<std::uint32_t> program;      ///< changes with every exec; 0: unknown
  std::atomic<std::uint32_t> first;  ///< the id of the thread's first slot in this segment, maybe this one

  std::atomic<std::uint32_t> declared;  ///< an id that the second witness has declared dead
  std::atomic<std::uint32_t>
      asked;  ///< when the second witness was last asked, in milliseconds; any value will do
  std::atomic<std::uint32_t> waits;  ///< raised with each begin and each end of what `waiting_on` says
  std::atomic<std::uint32_t>
      looked;  ///< when the participant, waiting, last looked at what it waits for; as `asked`

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
  std::uint64_t life_offset;
  std::uint64_t type_fingerprint;  ///< of the user's type; 0: untyped
  std::uint32_t capacity;          ///< slots in the roster, a power of two

  alignas(
      64) std::atomic<std::uint32_t> high_water;  ///< slots from here on were never claimed; may be too high
  std::atomic<std::uint32_t> next_slot;           ///< where the search for a slot begins; any value will do
  std::atomic<std::uint32_t> births;              ///< how many objects with a serial were made in it
  std::atomic<std::uint64_t> takeovers;           ///< how often something was taken over from the dead
  std::atomic<std::uint64_t> built_below;         ///< no object was ever made at this offset or above
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
                                    offsetof(Slot, declared),
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
                                    platform::LifePage::kWords};
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const std::size_t fact : kFacts) hash = (hash ^ static_cast<std::uint32_t>(fact)) * 16777619u;
  return hash;
}

/// Where things lie in a segment with so many slots and bytes of data.
struct Extent {
  std::size_t data_offset;
  std::size_t life_offset;  ///< nothing from here on has memory before it is used
  std::size_t total_bytes;

  static constexpr std::size_t round_up(std::size_t value, std::size_t unit) {
    return (value + unit - 1) / unit * unit;
  }
  static constexpr Extent of(std::size_t capacity, std::size_t data_bytes, std::size_t page_bytes) {
    Extent e{};
    e.data_offset = round_up(kHeaderBytes + capacity * sizeof(Slot), kHeaderBytes);
    e.life_offset = round_up(e.data_offset + data_bytes, page_bytes);
    const std::size_t pages = (capacity + platform::LifePage::kWords - 1) / platform::LifePage::kWords;
    e.total_bytes = e.life_offset + pages * page_bytes;
    return e;
  }
};

static_assert(sizeof(Slot) == 384 && std::is_standard_layout_v<Slot>);
static_assert(sizeof(SegmentHeader) <= kHeaderBytes && std::is_standard_layout_v<SegmentHeader>);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace carom::memory
