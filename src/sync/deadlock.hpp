// Following who waits for what, and who has it: the inside of carom/deadlock.hpp.
#pragma once

#include <cstdint>

#include "memory/mapped_segment.hpp"

namespace carom::sync {

/// Whether the calling thread, which has announced what it waits for, waits in a cycle. Remembers it for
/// last_deadlock(). `has_it`: the caller knows that the thread waits for what is its own.
bool in_deadlock(const memory::MappedSegment& segment, std::uint32_t self, bool has_it = false) noexcept;

}  // namespace carom::sync
