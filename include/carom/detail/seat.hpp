// The calling thread's identity in a segment, found in two loads and two predicted branches.
#pragma once

#include <atomic>
#include <cstdint>

namespace carom::detail {

/// The segment the calling thread used last, and who the thread is there.
struct Seat {
  const void* segment = nullptr;
  std::uint32_t id = 0;
  std::uint32_t epoch = 0;  ///< of the process that took the seat; a forked child has another
  std::uint32_t index = 0;  ///< of its slot in the roster

  // What it holds, in its slot.
  std::atomic<std::uint64_t>* held_object = nullptr;
  std::atomic<std::uint64_t>* held_state = nullptr;
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

}  // namespace carom::detail
