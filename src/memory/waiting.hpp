// The one way to wait (docs/design/waiting.md): on a word and on the life of whoever has what is waited for,
// never longer than kRecheck without looking again.
#pragma once

#include <chrono>

#include "memory/roster.hpp"
#include "platform/futex.hpp"

namespace carom::memory {

/// No lost wake costs more than this. Far below the 100 ms that carom promises, so that a busy machine has
/// room.
inline constexpr std::chrono::milliseconds kRecheck{50};

/// Why the wait ended. Except for timed_out the caller looks at everything again and may find nothing
/// changed.
enum class Waited { look_again, timed_out };

/// Sleeps until `word` is woken or changes from `expected`, or `owner` ends, or it is time to look again, or
/// the deadline passes. kNoId as `owner`: there is nobody whose end would matter.
Waited wait_for_change(Roster& roster, const platform::Word& word, std::uint32_t expected,
                       std::uint32_t owner, Deadline deadline);

}  // namespace carom::memory
