// Following who waits for what, and who has it: the inside of carom/deadlock.hpp.
#pragma once

#include <cstdint>

#include "memory/mapped_segment.hpp"

namespace carom::sync {

/// Whether the calling thread, which has announced what it waits for, waits in a cycle. Remembers it for
/// last_deadlock().
bool in_deadlock(const memory::MappedSegment& segment, std::uint32_t self);

}  // namespace carom::sync
