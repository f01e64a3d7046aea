// Semaphore and BoundedSemaphore: counted permits between processes and threads that survive the death of their holders.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "carom/deadline.hpp"
#include "carom/detail/permits.hpp"
#include "carom/error.hpp"
#include "carom/outcome.hpp"
#include "carom/participant.hpp"

namespace carom {

namespace detail {
[[noreturn]] void refuse_permit(Acquisition outcome);
[[noreturn]] void refuse_permit(Release outcome);

/// What both semaphores offer alike.
template <class Derived, class Word>
class SemaphoreBase {
 public:
  /// For std::scoped_lock and its kind: a permit taken in a scope is held by the calling thread until unlock(). As
  /// Lock::lock() and its kind; throw Error (corrupted).
  void lock() { static_cast<void>(holding(permits_.take_held(Deadline::never()))); }
  bool try_lock() { return holding(permits_.take_held(Deadline::passed())); }
  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> timeout) {
    return holding(permits_.take_held(Deadline(timeout)));
  }
  template <class Clock, class Duration>
  bool try_lock_until(std::chrono::time_point<Clock, Duration> when) {
    return holding(permits_.take_held(Deadline(when)));
  }

  /// Gives back one permit that the calling thread holds. Throws Error (not_held; too_many, of a Semaphore that others have
  /// given kMaxValue permits meanwhile).
  void unlock() {
    const Release outcome = permits_.give_held();
    if (outcome != Release::released) [[unlikely]]
      refuse_permit(outcome);
  }

  /// As std::counting_semaphore has them.
  bool try_acquire() { return static_cast<bool>(self().acquire(Deadline::passed())); }
  template <class Rep, class Period>
  bool try_acquire_for(std::chrono::duration<Rep, Period> timeout) {
    return static_cast<bool>(self().acquire(Deadline(timeout)));
  }
  template <class Clock, class Duration>
  bool try_acquire_until(std::chrono::time_point<Clock, Duration> when) {
    return static_cast<bool>(self().acquire(Deadline(when)));
  }

  /// How many permits are free, those of the dead included. A glimpse.
  std::uint32_t get_value() const { return permits_.value(); }
  bool locked() const { return get_value() == 0; }

  /// How many the calling thread holds.
  std::uint32_t held() const { return permits_.held_by_me(); }
  /// Who holds permits, dead or alive; and who sleeps for one.
  std::vector<Participant> holders() const { return permits_.holders(); }
  std::vector<Participant> waiting() const { return permits_.waiting(); }
  std::size_t waiters() const { return permits_.count_waiting(); }

 protected:
  SemaphoreBase(std::uint32_t value, std::uint32_t limit, std::uint32_t bits = 0)
      : permits_("semaphore", value, limit, bits) {}

  Permits<Word> permits_;

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }
  static bool holding(Acquisition outcome) {
    if (outcome.kind() > Acquisition::timed_out) [[unlikely]]
      refuse_permit(outcome);
    return static_cast<bool>(outcome);
  }
};
}  // namespace detail

/// Whether a Semaphore's bare acquire() has a holder too.
enum class Holders : std::uint8_t {
  of_scopes,  ///< no: what acquire() takes is a signal, consumed for good
  tracked  ///< yes: it comes back when the thread that acquired it dies, unless that has released it itself; so only for
  ///< programs in which nobody else does
};

/// A counting semaphore, placed anywhere in a segment.
///
///     struct Board { carom::Semaphore slots{4}; };
///     { std::scoped_lock hold(board->slots); ... }     // a permit with a holder: comes back if the holder is killed
///     board->slots.acquire(); board->slots.release();  // bare: a signal, from anybody to anybody
///
/// Unlike std::counting_semaphore: works between processes; a permit taken in a scope comes back exactly once when its
/// holder dies, whoever notices; release() reports what would overflow. Unlike multiprocessing.Semaphore: those, and
/// release(n), monotonic timeouts, holders(), waiters().
///
/// A waiter that is killed, woken or not, swallows no permit. acquire() says acquired_owner_died when it had to give a
/// permit back for the dead first; if somebody else has, say the next to get the dead one's seat, it is simply there.
///
/// Holding permits, and waiting, takes a seat in the roster, as Lock says; fork and signals too. release() of bare
/// permits takes none and may be called in a signal handler. pthread_cancel: every call that waits for a permit is a
/// cancellation point, as sem_wait(3) is; a thread that is cancelled there has taken nothing.
class Semaphore : public detail::SemaphoreBase<Semaphore, detail::SemaphoreWord> {
 public:
  static constexpr std::uint32_t kMaxValue = detail::SemaphoreWord::kMaxValue;

  /// Does not block. Throws Error (outside_segment, bad_value).
  Semaphore() : Semaphore(1) {}
  explicit Semaphore(std::int64_t value, Holders holders = Holders::of_scopes)
      : SemaphoreBase(checked(value), kMaxValue, static_cast<std::uint32_t>(holders)) {}

  /// Takes one permit; waits for it until the deadline. Outcomes: acquired, acquired_owner_died, timed_out, corrupted.
  /// If the caller dies inside: it either took the permit or it did not; taken bare, it is gone as if the caller had
  /// died after the call. Memory ordering: what was done before a release is visible after the acquire that it enabled.
  Acquisition acquire(Deadline deadline = Deadline::never()) {
    return tracked() ? permits_.take_held(deadline) : permits_.take_bare(deadline);
  }
  Acquisition acquire(bool block, Deadline deadline = Deadline::never()) {
    return acquire(block ? deadline : Deadline::passed());
  }
  /// Adds n permits, from anybody. Does not block. Outcomes: released; too_many beyond kMaxValue, nothing added.
  /// Tracked: gives back the caller's own first. If the caller dies inside: all n were added, or none; of a tracked
  /// semaphore's own ones, some.
  Release release(std::uint32_t n = 1) {
    if (!tracked()) [[likely]]
      return permits_.give_bare(n);
    return release_tracked(n);
  }

  static constexpr std::ptrdiff_t max() noexcept { return kMaxValue; }

  bool tracked() const noexcept { return permits_.bits() != 0; }

 private:
  Release release_tracked(std::uint32_t n);
  static std::uint32_t checked(std::int64_t value);
};

/// A semaphore that never has more permits than it was made with, and always knows who holds them. Every permit comes
/// back, exactly once, when its holder dies.
///
/// Anyone may release, as with billiard's: a thread gives back a permit of its own if it has one, otherwise one of
/// somebody else's. Releasing when all are free is reported, atomically. Of a thread whose permit was released by
/// somebody else holders() still speaks until it gives one back or ends.
///
/// The cost of a permit does not depend on how many there are. What Semaphore says of death, seats and ordering holds
/// here too; release() is not for signal handlers.
class BoundedSemaphore : public detail::SemaphoreBase<BoundedSemaphore, detail::BoundedWord> {
 public:
  static constexpr std::uint32_t kMaxValue = detail::BoundedWord::kMaxValue;

  /// Does not block. 0 is legal, as in billiard. Throws Error (outside_segment, bad_value).
  BoundedSemaphore() : BoundedSemaphore(1) {}
  explicit BoundedSemaphore(std::int64_t value) : SemaphoreBase(checked(value), checked(value)) {}

  /// As Semaphore::acquire; the permit's holder is the calling thread.
  Acquisition acquire(Deadline deadline = Deadline::never()) { return permits_.take_held(deadline); }
  Acquisition acquire(bool block, Deadline deadline = Deadline::never()) {
    return acquire(block ? deadline : Deadline::passed());
  }
  /// The same; also gives up, with `deadlocked`, when every holder of a permit waits, at last, for the caller.
  Acquisition acquire(DetectDeadlock, Deadline deadline = Deadline::never()) {
    return permits_.take_held(deadline, true);
  }

  /// Gives back one permit. Does not block. Outcomes: released; too_many when all are free.
  Release release() {
    const Release outcome = permits_.give_held();
    return outcome == Release::not_held ? permits_.give_foreign() : outcome;
  }

  /// For a child of fork(): a permit that the thread which forked it holds becomes the calling thread's, without a gap; that
  /// thread must not release it any more. False, and nothing changed, if it holds none. Does not block. If the caller dies
  /// inside: the permit was the forking thread's, or its own.
  bool adopt() { return permits_.adopt(); }

  std::uint32_t capacity() const noexcept { return permits_.limit(); }

 private:
  static std::uint32_t checked(std::int64_t value);
};

}  // namespace carom
