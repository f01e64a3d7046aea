// What is put through the kill proofs: a lock of carom's, or one of those that serve as controls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace crash {

struct Attempt {
  bool held = false;
  bool told = false;   ///< that the last owner died
  bool wrong = false;  ///< any outcome that the lock should never have
};

/// A lock in shared memory, and everything it depends on there.
class Subject {
 public:
  virtual ~Subject() = default;

  virtual std::string name() const = 0;

  /// Whether the heirs are promised to be told of the death; a control may promise nothing.
  virtual bool tells() const = 0;

  /// Acts as what a process does before it can use the lock for the first time.
  virtual void join() = 0;

  /// Waits `timeout_ms`; 0: one try; -1: for ever.
  virtual Attempt acquire(int timeout_ms) = 0;
  virtual void release() = 0;

  /// All shared bytes, and putting them back. Nobody may be inside of any call.
  virtual std::vector<std::byte> save() const = 0;
  virtual void restore(const std::vector<std::byte>& bytes) = 0;

  /// The shared state as far as what happens next depends on it, without the numbers that differ from run to
  /// run.
  virtual std::vector<std::uint32_t> state() const = 0;
};

std::unique_ptr<Subject> make_lock();
std::unique_ptr<Subject> make_rlock();
std::unique_ptr<Subject> make_fifo_lock();
std::unique_ptr<Subject> make_pthread();
std::unique_ptr<Subject> make_robust();
std::unique_ptr<Subject> make_sem();

}  // namespace crash
