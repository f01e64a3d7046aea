// Who holds something of an object that does not name its owner itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "carom/participant.hpp"
#include "memory/mapped_segment.hpp"

namespace carom::sync {

/// As many of them as a sleeper can watch, dead or alive.
std::span<const std::uint32_t> some_holders(const memory::Roster& roster, std::uint64_t object,
                                            std::span<std::uint32_t> into) noexcept;

/// All of them.
std::vector<Participant> holders_of(const memory::MappedSegment& segment, std::uint64_t object);

}  // namespace carom::sync
