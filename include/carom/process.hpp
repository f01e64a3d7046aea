// Process: a callable running in a forked child.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "carom/deadline.hpp"

namespace carom {

struct ProcessOptions {
  std::string name;     ///< "Process-<pid>" if empty; the child's thread gets its first 15 characters
  bool daemon = false;  ///< the kernel kills it when the thread that started it ends, however that ends
};

class Process;

/// What a Process can run: anything that can be copied, and called without arguments.
template <class Body>
concept ProcessBody = std::invocable<Body&> && std::copy_constructible<std::decay_t<Body>> &&
    !std::same_as<std::remove_cvref_t<Body>, Process>;

/// A child process that runs a callable; what the callable refers to is the child's copy, except for what
/// lives in segments, which is shared.
///
///     carom::Shared<Board> board;
///     carom::Process worker([&] { std::scoped_lock hold(board->lock); ++board->balls; });
///     worker.join();
///
/// The child ends with 0, or with the int that the callable returns, or with 1 and the exception's text in
/// exception(), and on stderr. It does not run the parent's destructors and exit handlers.
/// Like std::jthread the destructor joins, so no zombie is left; a daemon is killed first. In a child that
/// inherited the object by fork, the destructor does nothing and the other calls mean nothing. Not for
/// several threads at once. Not safe in a signal handler. In a program with other threads the callable finds
/// their locks as fork() left them: keep to carom's and to what POSIX allows after fork.
/// When this process dies, children go on, but for daemons.
///
/// Streams: stdout, stderr, std::cout and std::clog are flushed before the child starts, unless another
/// thread is using them, so that nothing is printed twice; no stream is waited for. What any other stream has
/// not written yet the child may write too: flush it before.
///
/// Sandboxes and old kernels: it works without pidfd_open, pidfd_send_signal and waitid of a descriptor. What
/// cannot be done without a call that the kernel refuses throws an Error that names the call. Only the
/// destructor cannot: it still waits if it can, but without waitid it leaves a zombie.
///
/// Threads that are cancelled (pthread_cancel): no call here is a cancellation point. The callable starts
/// with cancellation disabled, since a request to end the thread that started the child is not one to end the
/// child.
class Process {
 public:
  template <ProcessBody Body>
  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): the concept excludes Process itself
  explicit Process(Body&& body, ProcessOptions options = {})
      : Process(std::in_place, wrap(std::forward<Body>(body)), std::move(options)) {}

  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  /// Waits for its end; false if the deadline passes first. Blocks; no signal ends the wait early. Not a
  /// cancellation point. Throws Error (system) if the kernel refuses waitid, or, with a deadline, ppoll.
  bool join(Deadline deadline = Deadline::never());

  void
  terminate();  ///< SIGTERM. Throws Error (system) if the kernel refuses; nothing happens if it has ended.
  void kill();  ///< SIGKILL. Throws likewise.

  bool is_alive();
  int pid() const noexcept;
  const std::string& name() const noexcept;
  bool daemon() const noexcept;

  /// Once it has ended: its exit code, or minus the signal that killed it. Nothing while it runs, or if
  /// somebody else has waited for it.
  std::optional<int> exit_code();

  /// Once it has ended with an exception: what() of it.
  std::optional<std::string> exception();

  /// A descriptor that poll, select and epoll report as readable once it has ended. Closed with this object.
  /// Where the kernel has no pidfds it is readable also once the child runs another program (exec) or has
  /// closed all descriptors, and not before processes have ended that the child started by vfork or clone and
  /// that run no other program; join() and is_alive() know better.
  int sentinel() const noexcept;

 private:
  using Erased = std::function<int()>;

  template <class Body>
  static Erased wrap(Body&& body) {
    if constexpr (std::is_convertible_v<std::invoke_result_t<Body&>, int>) {
      return std::forward<Body>(body);
    } else {
      return [body = std::forward<Body>(body)]() mutable {
        body();
        return 0;
      };
    }
  }

  Process(std::in_place_t, const Erased& body, ProcessOptions options);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace carom
