// Finding the mapping that an object lies in.
#pragma once

#include "carom/error.hpp"
#include "memory/mapped_segment.hpp"

namespace carom::sync {

/// Throws Error (corrupted) if no segment that is open here begins at `base`.
inline memory::MappedSegment& mapped(const void* base, const char* what) {
  memory::MappedSegment* const segment = memory::MappedSegment::at(base);
  if (segment == nullptr) throw Error(Errc::corrupted, what, "does not lie in any segment that is open here");
  return *segment;
}

}  // namespace carom::sync
