// SharedLock: many readers or one writer, and any of them may die.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "carom/deadline.hpp"
#include "carom/detail/home.hpp"
#include "carom/detail/shared_word.hpp"
#include "carom/error.hpp"
#include "carom/outcome.hpp"
#include "carom/participant.hpp"

namespace carom {

/// A readers-writer lock, placed anywhere in a segment.
///
///     std::shared_lock reading(board->table_lock);   // beside other readers
///     std::scoped_lock writing(board->table_lock);   // alone
///
/// Unlike std::shared_timed_mutex: works between processes. A dead reader stops counting by itself. After the death of
/// a writer everybody who acquires, reader or writer, is told (acquired_owner_died) until a writer has released.
/// A writer that waits keeps new readers out, so it is never starved. A reader may acquire it shared again.
///
/// Readers share no memory they write: each counts in its own slot. A writer looks at the slots of all participants,
/// so its cost grows with how many there have been.
///
/// Only who has it may release it. What Lock says of seats, fork, signals, cancellation and
/// threads that end holds here too.
class SharedLock {
 public:
  /// Does not block. Throws Error (outside_segment).
  SharedLock() : home_(this, "shared lock"), serial_(home_.new_serial(this)) {}
  SharedLock(const SharedLock&) = delete;
  SharedLock& operator=(const SharedLock&) = delete;

  /// Waits to be alone. Outcomes: acquired, acquired_owner_died, timed_out, corrupted. A thread that has it already, in
  /// either way, waits like everybody else. One deadline covers the whole call. If the caller dies inside: the next are
  /// told of an owner's death, or see nothing. Memory ordering: everything done by those who had it before is visible.
  Acquisition acquire(Deadline deadline = Deadline::never()) { return take(deadline, false); }
  Acquisition acquire(bool block, Deadline deadline = Deadline::never()) {
    return acquire(block ? deadline : Deadline::passed());
  }
  /// The same; also gives up, with `deadlocked`, when it waits in a cycle, which last_deadlock() then names. A thread
  /// that has it already is a cycle of one.
  Acquisition acquire(DetectDeadlock, Deadline deadline = Deadline::never()) { return take(deadline, true); }

  /// Waits until no writer has it or waits for it. Outcomes as those of acquire().
  Acquisition acquire_shared(Deadline deadline = Deadline::never()) { return enter(deadline, false); }
  Acquisition acquire_shared(bool block, Deadline deadline = Deadline::never()) {
    return acquire_shared(block ? deadline : Deadline::passed());
  }
  Acquisition acquire_shared(DetectDeadlock, Deadline deadline = Deadline::never()) {
    return enter(deadline, true);
  }

  /// Do not block. Outcomes: released, not_owner.
  Release release();
  Release release_shared();

  /// For std::scoped_lock, std::unique_lock and std::shared_lock. Throw Error (corrupted, not_owner).
  void lock() { static_cast<void>(holding(acquire())); }
  bool try_lock() { return holding(acquire(Deadline::passed())); }
  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> timeout) {
    return holding(acquire(Deadline(timeout)));
  }
  template <class Clock, class Duration>
  bool try_lock_until(std::chrono::time_point<Clock, Duration> when) {
    return holding(acquire(Deadline(when)));
  }
  void unlock() { check(release()); }
  void lock_shared() { static_cast<void>(holding(acquire_shared())); }
  bool try_lock_shared() { return holding(acquire_shared(Deadline::passed())); }
  template <class Rep, class Period>
  bool try_lock_shared_for(std::chrono::duration<Rep, Period> timeout) {
    return holding(acquire_shared(Deadline(timeout)));
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(std::chrono::time_point<Clock, Duration> when) {
    return holding(acquire_shared(Deadline(when)));
  }
  void unlock_shared() { check(release_shared()); }

  /// Whether a writer has it or waits for the readers to leave.
  bool locked() const noexcept { return word().writer() != 0; }
  bool owned() const;
  std::optional<Participant> owner() const;
  /// Who reads: the living, and how many they are.
  std::vector<Participant> readers() const;
  std::size_t reader_count() const;
  /// Who sleeps for it, to read or to write.
  std::vector<Participant> waiting() const;
  std::size_t waiters() const;
  /// For whoever has it: whether a writer died inside and none has released since, so that what it guards may be half done.
  bool inherited() const noexcept { return word().tainted(); }

 private:
  detail::SharedWord word() const noexcept {
    return detail::SharedWord(word_.load(std::memory_order_relaxed));
  }
  Acquisition take(Deadline deadline, bool detect);
  Acquisition enter(Deadline deadline, bool detect);
  Acquisition give_up(std::uint32_t self, Acquisition outcome);
  std::uint64_t object_at(const void* segment) const noexcept;
  static bool holding(Acquisition outcome) {
    if (outcome.kind() > Acquisition::timed_out) [[unlikely]]
      refuse(outcome);
    return static_cast<bool>(outcome);
  }
  static void check(Release outcome) {
    if (outcome != Release::released) [[unlikely]]
      refuse(outcome);
  }
  [[noreturn]] static void refuse(Acquisition outcome);
  [[noreturn]] static void refuse(Release outcome);

  std::atomic<std::uint64_t> word_{0};
  detail::Home home_;
  detail::Serial serial_;
};

}  // namespace carom
