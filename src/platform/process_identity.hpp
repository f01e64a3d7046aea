// Who a thread is, for people and for logs. Nothing in carom decides by these numbers who lives or who owns:
// ids repeat, within a machine after a while and between pid namespaces at once.
#pragma once

#include <array>
#include <cstdint>

namespace carom::platform {

/// The kernel's name of a thread, padded with zeros (at most 15 characters).
using ThreadName = std::array<char, 16>;

struct ThreadIdentity {
  std::uint32_t pid;            ///< as the process sees itself in its own pid namespace
  std::uint32_t tid;            ///< likewise
  std::uint64_t pid_namespace;  ///< inode of the namespace; 0 where /proc is not mounted
  std::uint64_t start_time;     ///< of the process, in clock ticks since boot; 0 where /proc is not mounted
  ThreadName name;
};

ThreadIdentity this_thread_identity() noexcept;

/// Names the calling thread; what is longer than 15 characters is cut.
void name_this_thread(const char* name) noexcept;

/// How many processors this process may run on.
int usable_processors() noexcept;

}  // namespace carom::platform
