// Deadlocks: who waits in a cycle, and for what.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "carom/participant.hpp"
#include "carom/segment.hpp"

namespace carom {

/// One thread of a cycle: it waits for an object that the next one has, and the last one for what the first has.
struct Blocked {
  Participant who;
  const char* kind = "";         ///< "Lock" (or an RLock), "SharedLock", "BoundedSemaphore"
  const void* object = nullptr;  ///< what it waits for, as this process sees it
  std::uint64_t offset = 0;      ///< the same, from the begin of its segment
};

/// A cycle among those who wait for something in the segment; empty if there is none. Changes nothing. Where there seems
/// to be one it takes up to 0.1 s, until each thread of it has looked again and waits still; it counts no others. Cycles that lead through another segment, or through
/// bare permits, events, conditions and the like, which nobody holds, are not seen. Throws std::bad_alloc.
std::vector<Blocked> find_deadlock(const Segment& segment);

/// The cycle that the calling thread's last acquire(detect_deadlock) would have closed: the first is the thread itself.
/// Forgotten when the thread ends, with its thread_local objects.
std::vector<Blocked> last_deadlock();

/// "process 12 (thread 12, "worker") waits for the Lock at 4096, which process 14 ... has; ..." for people.
std::string to_string(const std::vector<Blocked>& cycle);

}  // namespace carom
