// RLock: a lock that its owner may acquire again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "carom/lock.hpp"

namespace carom {

/// A recursive lock, placed anywhere in a segment. The thread that holds it may acquire it again, and must
/// release it as often. When the owner dies at any depth, the next to acquire it holds it once, and is told.
///
/// Unlike std::recursive_timed_mutex: works between processes; owner death, owner(), waiters(), inherited().
/// Unlike Lock: only the owner may release it, so there is no hand_over(); a forked child owns nothing of its
/// parent's. Acquired again by its owner it returns at once: the deadline is not looked at.
///
/// What Lock says of blocking, seats, fork, signals, cancellation, death and memory ordering holds here too.
class RLock {
 public:
  static constexpr std::uint32_t kMaxDepth = 0x7fff'ffff;

  RLock() : RLock(OwnerDeath::recover) {}
  explicit RLock(OwnerDeath policy) : word_(policy) {}

  RLock(const RLock&) = delete;
  RLock& operator=(const RLock&) = delete;

  /// As Lock::acquire. Throws Error (too_deep) beyond kMaxDepth.
  Acquisition acquire(Deadline deadline = Deadline::never()) {
    const std::uint32_t self = detail::seat_in(word_.segment());
    if (word_.load().owner() == self) return deepen();
    const Acquisition outcome = word_.try_take(self) ? Acquisition::acquired : word_.take(self, deadline);
    if (outcome) depth_.store(1, std::memory_order_relaxed);  // only the owner reads or writes it
    return outcome;
  }
  Acquisition acquire(bool block, Deadline deadline = Deadline::never()) {
    return acquire(block ? deadline : Deadline::passed());
  }

  /// The same; also gives up, with `deadlocked`, when it waits in a cycle, which last_deadlock() then names.
  Acquisition acquire(DetectDeadlock, Deadline deadline = Deadline::never()) {
    const std::uint32_t self = detail::seat_in(word_.segment());
    if (word_.load().owner() == self) return deepen();
    const Acquisition outcome = word_.take(self, deadline, true);
    if (outcome) depth_.store(1, std::memory_order_relaxed);
    return outcome;
  }

  /// Gives back one level. Does not block. Outcomes: released, not_owner (which includes: nobody holds it).
  Release release() {
    if (word_.load().owner() != detail::seat_in(word_.segment())) [[unlikely]]
      return Release::not_owner;
    const std::uint32_t depth = depth_.load(std::memory_order_relaxed);
    if (depth > 1) {
      depth_.store(depth - 1, std::memory_order_relaxed);
      return Release::released;
    }
    depth_.store(0, std::memory_order_relaxed);
    CAROM_STEP(rlock_released);
    return word_.give();
  }

  /// As Lock's.
  void lock() { static_cast<void>(Lock::holding(acquire())); }
  bool try_lock() { return Lock::holding(acquire(Deadline::passed())); }
  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> timeout) {
    return Lock::holding(acquire(Deadline(timeout)));
  }
  template <class Clock, class Duration>
  bool try_lock_until(std::chrono::time_point<Clock, Duration> when) {
    return Lock::holding(acquire(Deadline(when)));
  }
  void unlock() { Lock::check(release()); }

  bool locked() const noexcept { return !word_.load().free(); }
  bool owned() const { return word_.load().owner() == detail::seat_in(word_.segment()); }

  /// How often the owner has acquired it; 0 if it is free. Exact for the owner, a glimpse for others.
  std::uint32_t depth() const noexcept { return locked() ? depth_.load(std::memory_order_relaxed) : 0; }

  std::optional<Participant> owner() const { return word_.owner(); }
  std::vector<Participant> waiting() const { return word_.waiting(); }
  std::size_t waiters() const { return word_.count_waiting(); }
  bool inherited() const noexcept { return word_.load().inherited(); }
  bool adopt() { return word_.adopt(detail::seat_in(word_.segment())); }
  bool make_consistent() { return word_.make_consistent(); }

 private:
  Acquisition deepen();
  friend class Condition;

  /// The owner's: gives all levels back at once, and says how many.
  std::uint32_t release_all() {
    const std::uint32_t depth = depth_.load(std::memory_order_relaxed);
    depth_.store(0, std::memory_order_relaxed);
    CAROM_STEP(rlock_released);
    static_cast<void>(word_.give());
    return depth;
  }
  void set_depth(std::uint32_t depth) noexcept { depth_.store(depth, std::memory_order_relaxed); }

  detail::RawLock word_;
  std::atomic<std::uint32_t> depth_{0};  // of the owner; what a dead owner left is overwritten by the next
};

}  // namespace carom
