// FifoLock: a lock that goes to those who wait for it in the order in which they came.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "carom/deadline.hpp"
#include "carom/detail/fifo_word.hpp"
#include "carom/detail/home.hpp"
#include "carom/detail/seat.hpp"
#include "carom/detail/step.hpp"
#include "carom/detail/watched.hpp"
#include "carom/lock.hpp"
#include "carom/outcome.hpp"
#include "carom/participant.hpp"

namespace carom {

/// A Lock that is strictly first come, first served: nobody gets it before somebody whose wait began earlier.
///
///     carom::Shared<carom::FifoLock> lock;
///     { std::scoped_lock hold(*lock); ... }
///
/// Take it where the order matters, or where nobody may wait longer than everybody before it holds the lock. Otherwise take
/// Lock: here a released lock waits, free, until the next in line runs, so under contention each hand-over costs a
/// switch between threads, and a Lock serves many times as many.
///
/// What Lock says of blocking, owners, seats, fork, signals, cancellation, death and memory ordering holds here too. Of those
/// in line, one that dies or gives up is passed over; one that is stopped (SIGSTOP, a debugger), or has left its wait by a
/// jump, after 250 ms.
/// An acquire whose deadline has passed gets the lock only if it is free and nobody waits.
class FifoLock {
 public:
  /// Does not block. Throws Error (outside_segment) when not placed in a segment.
  FifoLock() : FifoLock(OwnerDeath::recover) {}
  explicit FifoLock(OwnerDeath policy) : home_(this, "lock", static_cast<std::uint32_t>(policy)) {}

  FifoLock(const FifoLock&) = delete;
  FifoLock& operator=(const FifoLock&) = delete;

  /// As Lock::acquire; waits behind those who came before.
  Acquisition acquire(Deadline deadline = Deadline::never()) {
    const std::uint32_t self = detail::seat_in(segment());
    if (try_take(self)) [[likely]]
      return Acquisition::acquired;
    return take(self, deadline, false);
  }
  Acquisition acquire(bool block, Deadline deadline = Deadline::never()) {
    return acquire(block ? deadline : Deadline::passed());
  }

  /// The same; also gives up, with `deadlocked`, when it waits in a cycle, which last_deadlock() then names.
  Acquisition acquire(DetectDeadlock, Deadline deadline = Deadline::never()) {
    return take(detail::seat_in(segment()), deadline, true);
  }

  /// As Lock::release: whoever holds it. It goes to the first in line.
  Release release() noexcept {
    std::uint64_t bits = word_.load(std::memory_order_relaxed);
    const detail::FifoWord seen(bits);
    detail::releasing(&word_);
    if (!seen.free() && !seen.queued() && policy() != OwnerDeath::refuse &&
        word_.compare_exchange_strong(bits, seen.freed().bits(), std::memory_order_release,  // [F2]
                                      std::memory_order_relaxed)) [[likely]] {
      CAROM_STEP(fifo_released);
      return Release::released;
    }
    return give();
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

  bool locked() const noexcept { return !load().free(); }
  bool owned() const { return load().owner() == detail::seat_in(segment()); }
  std::optional<Participant> owner() const;

  /// Who waits for it, not in order, and how many.
  std::vector<Participant> waiting() const;
  std::size_t waiters() const;

  bool inherited() const noexcept { return load().inherited(); }
  bool hand_over();
  bool adopt();
  bool make_consistent();

 private:
  detail::FifoWord load() const noexcept { return detail::FifoWord(word_.load(std::memory_order_relaxed)); }
  const void* segment() const noexcept { return home_.segment_of(this); }
  OwnerDeath policy() const noexcept { return static_cast<OwnerDeath>(home_.bits()); }

  bool try_take(std::uint32_t self) noexcept {
    std::uint64_t bits = word_.load(std::memory_order_relaxed);
    const detail::FifoWord seen(bits);
    const bool taken = seen.free() && !seen.queued() &&
                       word_.compare_exchange_strong(bits, seen.held_by(self, false).bits(),
                                                     std::memory_order_acquire,  // [F1]
                                                     std::memory_order_relaxed);
    if (taken) {
      CAROM_STEP(fifo_taken);
      detail::acquired(&word_);
    }
    return taken;
  }
  Acquisition take(std::uint32_t self, Deadline deadline, bool detect);
  Release give() noexcept;
  void wake_first() const noexcept;

  std::atomic<std::uint64_t> word_{0};
  detail::Home home_;  // with the policy
};

}  // namespace carom
