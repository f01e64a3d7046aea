// The calling thread's identity in a segment, found in two loads and two predicted branches.
#pragma once

#include <atomic>
#include <cstdint>

#include "carom/detail/object_ref.hpp"

namespace carom::detail {

/// An object that the calling thread holds, or held a moment ago, and the place in a slot that notes how much of it.
struct RecentHolding {
  std::uint64_t object = 0;  ///< its kind and address
  std::atomic<std::uint64_t>* state = nullptr;
  std::uint32_t slot = 0;
  std::uint32_t entry = 0;
};

/// The segment the calling thread used last, and who the thread is there.
struct Seat {
  const void* segment = nullptr;
  std::uint32_t id = 0;
  std::uint32_t epoch = 0;  ///< of the process that took the seat; a forked child has another

  static constexpr std::uint32_t kRecent = 8;
  RecentHolding recent[kRecent];  ///< of any segment; each in its place
  RecentHolding& recent_at(std::uint64_t object) noexcept { return recent[first_entry(object) % kRecent]; }
};

// initial-exec: one addition to the thread pointer instead of a call, also from a shared library.
extern constinit thread_local Seat this_seat __attribute__((tls_model("initial-exec")));

/// The epoch of this process. Lives in a page that the kernel clears at fork, so that a child, even one made
/// behind the C library's back, never passes for the thread it was copied from.
extern const std::atomic<std::uint32_t>* process_epoch;

/// Finds, or makes, the calling thread's seat in the segment. Throws Error (roster_full, roster_exhausted,
/// unknown_thread).
std::uint32_t take_seat(const void* segment);

inline std::uint32_t seat_in(const void* segment) {
  const Seat& seat = this_seat;
  if (seat.segment == segment && seat.epoch == process_epoch->load(std::memory_order_relaxed)) [[likely]] {
    return seat.id;
  }
  return take_seat(segment);
}

/// Where the calling thread notes what it holds of the object, named by kind and address, if that is known without
/// looking for it.
inline const RecentHolding* recent_holding(std::uint64_t sought) noexcept {
  const RecentHolding& recent = this_seat.recent_at(sought);
  if (recent.object == sought && this_seat.epoch == process_epoch->load(std::memory_order_relaxed)) [[likely]]
    return &recent;
  return nullptr;
}

}  // namespace carom::detail
