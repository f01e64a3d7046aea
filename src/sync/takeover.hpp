// The one record of what a thread last took over from the dead.
#pragma once

#include <cstdint>

#include "memory/roster.hpp"

namespace carom::sync {

/// Counts the takeover and remembers, for the calling thread, from whom it was. Call it when the object is
/// taken.
void record_takeover(memory::Roster& roster, std::uint32_t from, const void* object) noexcept;

}  // namespace carom::sync
