// Finding the mapping that an object lies in.
#pragma once

#include "carom/error.hpp"
#include "memory/mapped_segment.hpp"

namespace carom::sync {

/// The segment that begins at `base`, if one that is open here does and the object lies in it; nothing otherwise. The base was
/// read from shared memory, so an object may name a segment that it does not lie in.
inline memory::MappedSegment* find_mapped(const void* object, const void* base) noexcept {
  memory::MappedSegment* const segment = memory::MappedSegment::at(base);
  return segment != nullptr && segment->holds(object) ? segment : nullptr;
}

/// The same. Throws Error (corrupted) if there is none.
inline memory::MappedSegment& mapped(const void* object, const void* base, const char* what) {
  memory::MappedSegment* const segment = find_mapped(object, base);
  if (segment == nullptr) throw Error(Errc::corrupted, what, "does not lie in any segment that is open here");
  return *segment;
}

}  // namespace carom::sync
