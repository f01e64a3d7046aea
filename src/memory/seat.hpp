// Seats from the inside; what the primitives use of them is carom/detail/seat.hpp.
#pragma once

#include "memory/mapped_segment.hpp"

namespace carom::memory {

/// Gives the calling thread's seat in the segment back, if it has one. What the thread still holds there
/// counts as left behind by the dead.
void leave_seat(MappedSegment& segment) noexcept;

/// Whether the participant is, or was, the thread that forked this process. It need not live any more.
bool is_forkers(const void* segment, std::uint32_t id) noexcept;

/// Lets go of the memory of segments that is kept for nobody any more: for threads of this process that have ended, and
/// for seats of the calling thread in segments whose last handle was closed.
void clear_away_seats() noexcept;

}  // namespace carom::memory
