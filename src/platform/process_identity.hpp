// Who a thread is: for people and for logs; and to tell whether it is still there, where the kernel's mark does not say.
#pragma once

#include <array>
#include <cstdint>

namespace carom::platform {

/// The kernel's name of a thread, padded with zeros (at most 15 characters).
using ThreadName = std::array<char, 16>;

/// What names one thread of this machine since it was booted, as far as others can compare it.
struct ThreadKey {
  std::uint32_t tid = 0;             ///< in its own pid namespace
  std::uint32_t pid_namespace = 0;   ///< inode of the namespace; 0: unknown, as where /proc is not mounted
  std::uint32_t time_namespace = 0;  ///< likewise; start times count from its beginning
  std::uint32_t program = 0;     ///< of the program that its process runs; execve() changes it; 0: unknown
  std::uint64_t start_time = 0;  ///< of the thread, in clock ticks since boot; 0: unknown
  std::uint64_t start_mask = ~std::uint64_t{0};  ///< which bits of that are known
};

struct ThreadIdentity {
  ThreadKey key;
  std::uint32_t pid;  ///< as the process sees itself in its own pid namespace
  ThreadName name;
};

ThreadIdentity this_thread_identity() noexcept;

/// What can be told of a thread from here.
enum class Sighting {
  unknown,  ///< it may well live: nothing that can be seen from here says otherwise
  ending,   ///< it will never run its program's code again, but the kernel is not through with it
  gone      ///< there is no such thread any more
};

/// Looks for the thread. It is `ending` or `gone` only where that is certain: a number that another thread has by now, an
/// exec, a process that dumps its core, a thread that was reaped. Threads of other pid namespaces are unknown. Costs a few
/// system calls.
Sighting look_for(const ThreadKey& who) noexcept;

/// A number for this boot of this machine; 0 where it is unknown.
std::uint64_t this_boot() noexcept;

/// For a forked child: what its parent found out about itself does not hold here.
void forget_own_identity() noexcept;

/// Names the calling thread; what is longer than 15 characters is cut.
void name_this_thread(const char* name) noexcept;

/// The calling thread's number.
std::uint32_t this_thread() noexcept;

/// How many processors this process may run on.
int usable_processors() noexcept;

}  // namespace carom::platform
