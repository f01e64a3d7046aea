// Lock: a mutual exclusion lock between processes and threads that survives the death of its owner.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "carom/deadline.hpp"
#include "carom/detail/raw_lock.hpp"
#include "carom/detail/seat.hpp"
#include "carom/error.hpp"
#include "carom/outcome.hpp"
#include "carom/participant.hpp"

namespace carom {

/// A non-recursive lock, placed anywhere in a segment. Whoever holds it may die at any instruction: the next
/// to acquire it gets it at once and is told.
///
///     struct Board { carom::Lock lock; int balls = 0; };
///     carom::Shared<Board> board;
///     { std::scoped_lock hold(board->lock); ++board->balls; }
///
/// Unlike std::timed_mutex:
///  - it works between processes, and its owner may be a thread of any of them;
///  - anyone may release it, from any thread or process; ownership follows the word, not the caller;
///  - when its owner ends while holding it, however it ends, the next acquire says acquired_owner_died and
///    inherited() is true until that holder releases it; OwnerDeath chooses otherwise;
///  - misuse is reported: by release() as an outcome, by unlock() as an Error.
/// Unlike multiprocessing.Lock: owner death, hand_over(), owner(), waiters(); timeouts are monotonic.
///
/// Where the owner's end is the end of its *thread*: other threads of the same process may live on, or take a
/// moment longer to die, and write what they wrote without the lock.
///
/// It goes to whoever comes while it is free, which is fastest. So that a thread which takes it again and again starves
/// nobody, those who sleep for it go first after a millisecond of that; not in the order in which they came.
///
/// The first use of a segment by a thread takes a seat in its roster, which can throw Error (roster_full,
/// roster_exhausted, unknown_thread, corrupted); no later use by that thread can.
/// Fork: the child holds nothing that its parent holds, unless it takes it over with adopt(). Signals: not safe in a handler.
/// Leaving a wait by siglongjmp is allowed: the thread does not wait any more, as others see within a moment. pthread_cancel:
/// no cancellation point, as a pthread mutex is none.
class Lock {
 public:
  /// Does not block. Throws Error (outside_segment) when not placed in a segment.
  Lock() : Lock(OwnerDeath::recover) {}
  explicit Lock(OwnerDeath policy) : word_(policy) {}

  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  /// Waits for the lock until the deadline (a duration will do); for ever by default.
  /// Outcomes: acquired, acquired_owner_died, timed_out, refused_owner_died, corrupted. A thread that holds
  /// it already waits like everybody else. Returns early for no signal. If the caller dies inside: the others
  /// see it as never having asked, or as an owner that died. Memory ordering: whatever an owner did before it
  /// released the lock is visible to the next after it acquired it.
  Acquisition acquire(Deadline deadline = Deadline::never()) {
    const std::uint32_t self = detail::seat_in(word_.segment());
    if (word_.try_take(self)) [[likely]]
      return Acquisition::acquired;
    return word_.take(self, deadline);
  }

  /// As billiard spells it: block = false is one try, whatever the deadline.
  Acquisition acquire(bool block, Deadline deadline = Deadline::never()) {
    return acquire(block ? deadline : Deadline::passed());
  }

  /// The same; also gives up, with `deadlocked`, when it waits in a cycle, which last_deadlock() then names. A thread
  /// that holds the lock already is a cycle of one.
  Acquisition acquire(DetectDeadlock, Deadline deadline = Deadline::never()) {
    const std::uint32_t self = detail::seat_in(word_.segment());
    return word_.take(self, deadline, true);
  }

  /// Releases the lock, whoever holds it. Does not block. Outcomes: released, not_held, refused_owner_died.
  /// If the caller dies inside: the lock is held by it, which is owner death, or free.
  Release release() noexcept { return word_.give(); }

  /// For std::scoped_lock and its kind. lock() returns holding the lock, and throws Error (owner_died,
  /// corrupted) where acquire() would refuse; so does try_lock(). unlock() throws Error (not_held,
  /// owner_died) where release() would refuse: in the destructor of a guard that ends the program, with the
  /// reason.
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

  /// Whether anyone holds it: owner, heir to be, or nobody in particular after hand_over().
  bool locked() const noexcept { return !word_.load().free(); }

  /// Whether the calling thread holds it.
  bool owned() const { return word_.load().owner() == detail::seat_in(word_.segment()); }

  /// Who holds it, dead or alive; nothing if it is free or handed over.
  std::optional<Participant> owner() const { return word_.owner(); }

  /// Who sleeps until it is free, and how many. Those about to sleep or to wake may be missing.
  std::vector<Participant> waiting() const { return word_.waiting(); }
  std::size_t waiters() const { return word_.count_waiting(); }

  /// Whether the present holder took it over from an owner that died: what it guards may be half done. For
  /// code that locks through std::scoped_lock; last_takeover() says who died.
  bool inherited() const noexcept { return word_.load().inherited(); }

  /// The owner's: makes the held lock nobody's in particular, on purpose, so that the end of this thread
  /// means nothing to it and somebody else is to release it. False if the calling thread does not hold it.
  bool hand_over() { return word_.hand_over(detail::seat_in(word_.segment())); }

  /// For a child of fork(): what the thread that forked it holds here becomes the calling thread's, without a gap; that
  /// thread holds it no more and must not release it. So a program can take a lock, to be the only instance, and then become a
  /// daemon. False, and nothing changed, if that thread does not hold it (any more): it ended first and another took over, say.
  /// Does not block. If the caller dies inside: an owner's death, the forking thread's or its own.
  bool adopt() { return word_.adopt(detail::seat_in(word_.segment())); }

  /// For OwnerDeath::refuse: declares that what the dead owner left is in order again, and frees the lock.
  /// False if no dead owner holds it.
  bool make_consistent() { return word_.make_consistent(); }

 private:
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
  friend class FifoLock;
  friend class RLock;

  detail::RawLock word_;
};

}  // namespace carom
