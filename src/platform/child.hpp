// Child processes: fork, and the descriptor that tells of their end.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "carom/deadline.hpp"
#include "platform/shared_file.hpp"

namespace carom::platform {

/// What the sentinel of a child is.
enum class Sentinel {
  pidfd,
  /// One end of a channel whose other end only the child has. For where the kernel refuses pidfd_open. It
  /// hangs up also when the child closes every descriptor or runs another program, and late if a process that
  /// was not made by fork() (vfork, clone), or by another thread just while the child was started, holds the
  /// other end. So it is for the user's poll alone: what is said here of a child's end is asked of the kernel
  /// by pid.
  channel
};

struct Child {
  int pid = 0;
  Sentinel kind = Sentinel::pidfd;
  File sentinel;  ///< readable once the child has ended
  File report;    ///< where the child's last words can be read once it has ended
};

// No function here is a cancellation point. Errors name the system call.

/// Forks a child that runs `body` and ends with its result; an exception ends it with code 1 and its text as
/// last words. With `dies_with_parent` the kernel kills the child when the calling thread ends; if it refuses
/// to, the body does not run, and the last words say so. Throws Error.
Child start_child(const std::function<int()>& body, bool dies_with_parent, const std::string& object);

/// Waits until the child has ended; false at the deadline. Does not reap it. Throws Error if the kernel
/// refuses.
bool wait_for_end(const Child& child, Deadline deadline, const std::string& object);

/// The exit code of an ended child, or minus the signal that killed it; nothing if somebody else reaped it.
/// Throws Error if the kernel refuses.
std::optional<int> reap(const Child& child, const std::string& object);

/// What the ended child's exception said; nothing if there was none.
std::optional<std::string> last_words(const Child& child);

/// Signals the child, and never another process that has its pid by now. Throws Error if the kernel refuses.
void signal_child(const Child& child, int signal, const std::string& object);
int terminate_signal() noexcept;
int kill_signal() noexcept;

/// The calling process's pid.
int this_process() noexcept;

}  // namespace carom::platform
