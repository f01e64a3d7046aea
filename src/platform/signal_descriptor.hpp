// A descriptor that is readable or not, for poll and its kind; and threads that take no signals.
#pragma once

#include <functional>
#include <thread>

namespace carom::platform {

class SignalDescriptor {
 public:
  /// Not readable. Throws Error (no_descriptors, system).
  SignalDescriptor();
  SignalDescriptor(const SignalDescriptor&) = delete;
  SignalDescriptor& operator=(const SignalDescriptor&) = delete;
  ~SignalDescriptor();

  int number() const noexcept { return descriptor_; }
  void raise() noexcept;
  /// True if it was readable.
  bool lower() noexcept;

 private:
  int descriptor_;
};

/// A thread in which no signal handler ever runs: those are for the user's own threads. Throws Error
/// (not_started).
std::thread thread_without_signals(std::function<void()> body);

/// Waits for its end. Not a cancellation point.
void join(std::thread& thread) noexcept;

/// The calling process, to tell whether it has forked since.
int process_number() noexcept;

}  // namespace carom::platform
