// Finding the mapping that an object lies in.
#pragma once

#include "carom/error.hpp"
#include "memory/mapped_segment.hpp"

namespace carom::sync {

/// The segment that begins at `base`. Throws Error (corrupted) if none that is open here does, or the object does not lie
/// in that one: where an object says it lies was read from shared memory.
inline memory::MappedSegment& mapped(const void* object, const void* base, const char* what) {
  memory::MappedSegment* const segment = memory::MappedSegment::at(base);
  if (segment == nullptr || !segment->holds(object))
    throw Error(Errc::corrupted, what, "does not lie in any segment that is open here");
  return *segment;
}

}  // namespace carom::sync
