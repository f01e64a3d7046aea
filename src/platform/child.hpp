// Child processes: fork, and the descriptor that tells of their end.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "carom/deadline.hpp"
#include "platform/shared_file.hpp"

namespace carom::platform {

struct Child {
  int pid = 0;
  File sentinel;  ///< readable once the child has ended
  File report;    ///< where the child's last words can be read once it has ended
};

/// Forks a child that runs `body` and ends with its result; an exception ends it with code 1 and its text as
/// last words. With `dies_with_parent` the kernel kills the child when the calling thread ends. Throws Error.
Child start_child(const std::function<int()>& body, bool dies_with_parent, const std::string& object);

/// Waits until the child has ended; false at the deadline. Does not reap it.
bool wait_for_end(const Child& child, Deadline deadline);

/// The exit code of an ended child, or minus the signal that killed it; nothing if somebody else reaped it.
std::optional<int> reap(const Child& child);

/// What the ended child's exception said; nothing if there was none.
std::optional<std::string> last_words(const Child& child);

/// Signals the child, and never another process that has its pid by now.
void signal_child(const Child& child, int signal) noexcept;
int terminate_signal() noexcept;
int kill_signal() noexcept;

/// The calling process's pid.
int this_process() noexcept;

}  // namespace carom::platform
