// The living: processes that act on the lock when told to, and judge what they are given.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <optional>

#include "crash/subject.hpp"

namespace crash {

/// What all parties share beside the lock: plain memory, written around every call.
struct Scene {
  std::atomic<int> phase{0};    ///< of the victim, see Phase
  std::atomic<int> inside{0};   ///< how many of the living believe they hold the lock
  std::atomic<int> doubled{0};  ///< how often two did
};

enum Phase : int { kBefore, kAcquiring, kHolding, kReleasing, kAfter };

class Actor {
 public:
  Actor(Subject& subject, Scene& scene);
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  ~Actor();

  /// Starts to acquire; the answer comes with wait_for_answer(). Holds the lock afterwards, if it got it.
  void begin_acquire(int timeout_ms);
  std::optional<Attempt> wait_for_answer(int timeout_ms);

  /// The two in one, with room for the answer.
  std::optional<Attempt> acquire(int timeout_ms);
  void release();

  /// Waits until it sleeps in the kernel, or its answer is there.
  void wait_until_asleep();
  bool busy() const { return busy_; }
  pid_t pid() const { return pid_; }

 private:
  enum class Command : int;
  void send(Command command, int argument);
  [[noreturn]] void serve(int commands, int answers);

  Subject& subject_;
  Scene& scene_;
  pid_t pid_;
  int commands_;
  int answers_;
  bool busy_ = false;
};

}  // namespace crash
