// A child that is run one instruction at a time and can be killed between any two.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

namespace crash {

/// Where a victim begins to be counted: it stops here until the tracer goes on.
#define CRASH_BEGIN() asm volatile("int3" ::: "memory")

class Tracee {
 public:
  enum class State { stopped, asleep, ended };

  /// Forks the victim; it has run up to its CRASH_BEGIN().
  explicit Tracee(const std::function<void()>& body);
  Tracee(const Tracee&) = delete;
  Tracee& operator=(const Tracee&) = delete;
  ~Tracee() { kill(); }

  /// Runs one instruction. If that is a system call which blocks: asleep, until stopped_again().
  State step();

  /// Runs it to its next sleep in the kernel, which it is still in. False: it has ended without one. When it wakes it stops at
  /// the instruction after.
  bool run_to_sleep();

  /// For a victim that is asleep: whether its system call has come back; waits at most that long.
  bool stopped_again(int timeout_ms);

  /// Runs freely until the instruction at `address` is about to run for the `count`th time. False if it ended
  /// first.
  bool run_to(std::uint64_t address, std::uint64_t count);

  std::uint64_t instruction() const { return instruction_; }

  /// Kills it and waits until the kernel has cleaned up after it.
  void kill();

  pid_t pid() const { return pid_; }

 private:
  State wait_for_stop(bool may_sleep);

  pid_t pid_;
  std::uint64_t instruction_ = 0;
  bool ended_ = false;
};

/// The function an address of this program or its libraries lies in, and how far.
std::string describe(std::uint64_t address);

}  // namespace crash
