// Who takes part: what carom can say about a thread that holds, waits for, or died with something.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace carom {

/// A thread that takes part in a segment, as it introduced itself when it first used something there.
/// The numbers are for people: pids repeat, and mean something only in their own pid namespace.
struct Participant {
  std::uint32_t id = 0;   ///< never given out twice within a segment
  std::uint32_t pid = 0;  ///< 0 where its slot has been used by another since
  std::uint32_t tid = 0;
  std::uint64_t pid_namespace = 0;
  std::uint64_t start_time = 0;       ///< of its process, in clock ticks since boot
  std::array<char, 16> name_bytes{};  ///< the thread's name, padded with zeros
  bool alive = false;

  std::string name() const { return name_bytes.data(); }
};

/// What the calling thread most recently took over from the dead.
struct Takeover {
  Participant from;
  const void* object = nullptr;  ///< the lock
};

/// The calling thread's most recent takeover, or nothing. Stays until the next one.
/// For code that uses only std::scoped_lock: ask `lock.inherited()` first, then this for who it was.
std::optional<Takeover> last_takeover() noexcept;

}  // namespace carom
