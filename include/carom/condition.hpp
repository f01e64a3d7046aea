// Condition: to wait, under a lock, until somebody says that something has changed.
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include "carom/deadline.hpp"
#include "carom/detail/home.hpp"
#include "carom/error.hpp"
#include "carom/lock.hpp"
#include "carom/outcome.hpp"
#include "carom/participant.hpp"
#include "carom/rlock.hpp"

namespace carom {

namespace memory {
class MappedSegment;
}

/// How a wait ended. Converts to bool: whether the caller was notified. The lock is held either way.
class [[nodiscard]] ConditionWait {
 public:
  constexpr ConditionWait(bool notified, bool owner_died) noexcept
      : notified_(notified), owner_died_(owner_died) {}
  constexpr bool notified() const noexcept { return notified_; }
  constexpr explicit operator bool() const noexcept { return notified_; }
  /// Whether the lock had to be taken over from an owner that died meanwhile.
  constexpr bool owner_died() const noexcept { return owner_died_; }

 private:
  bool notified_;
  bool owner_died_;
};

/// A condition variable, placed anywhere in a segment; over a Lock or RLock beside it, or over an RLock of its own.
///
///     struct Board { carom::Lock lock; carom::Condition ready; std::deque... };
///     std::unique_lock hold(board->lock);
///     board->ready.wait(hold, [&] { return board->count != 0; });
///
///     carom::Condition& c = *condition;        // with a lock of its own, as in Python
///     { std::scoped_lock hold(c); c.wait(5s); }
///
/// Unlike std::condition_variable_any: works between processes; a notification is never lost to a waiter that timed
/// out, was stopped or died on its way: it goes to another that waited then; no wake-ups without a notification;
/// waiters are notified in the order they came, one that is stopped or has left its wait by a jump after all others.
/// Unlike multiprocessing.Condition: notify() never waits for anybody, so a waiter that is killed or stopped holds up
/// nobody.
///
/// Waiting takes a seat in the roster, as Lock says; fork and signals too. notify needs no seat. pthread_cancel: a wait is a
/// cancellation point, as pthread_cond_wait(3) is: the lock is taken again before the thread unwinds, and a notification that
/// it was given goes to another waiter.
class Condition {
  class StopRequest;

 public:
  /// Does not block. The lock must lie in the same segment. Throws Error (outside_segment).
  Condition();
  explicit Condition(Lock& lock);
  explicit Condition(RLock& lock);
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  /// Gives the lock back, at whatever depth it is held, sleeps until notified or until the deadline, and takes the lock
  /// again at that depth, which the deadline does not bound. Throws Error (not_owner) if the caller does not hold the
  /// lock; (owner_died, corrupted) if the lock refuses it afterwards, and then the lock is not held.
  /// If the caller dies inside: a notification it had got goes to another waiter; the lock, if held, to the next.
  ConditionWait wait(Lock& lock, Deadline deadline = Deadline::never());
  ConditionWait wait(RLock& lock, Deadline deadline = Deadline::never());

  /// Over the lock that it was made with.
  ConditionWait wait(Deadline deadline = Deadline::never());

  /// Waits until predicate() is true, or the deadline; returns the predicate's last value. True at once: the lock is
  /// not even looked at.
  template <std::invocable Predicate>
  auto wait_for(Predicate predicate, Deadline deadline = Deadline::never()) {
    auto value = std::invoke(predicate);
    while (!value && !deadline.expired()) {
      static_cast<void>(wait(deadline));
      value = std::invoke(predicate);
    }
    return value;
  }

  /// As std::condition_variable_any has them.
  template <class L>
  void wait(std::unique_lock<L>& hold) {
    static_cast<void>(wait_holding(hold, Deadline::never(), nullptr));
  }
  template <class L, class Predicate>
  void wait(std::unique_lock<L>& hold, Predicate predicate) {
    while (!predicate()) wait(hold);
  }
  template <class L, class Predicate>
  bool wait(std::unique_lock<L>& hold, std::stop_token stop, Predicate predicate) {
    while (!stop.stop_requested()) {
      if (predicate()) return true;
      StopRequest request;
      const std::stop_callback on_stop(stop, [&request] { request.stop(); });
      static_cast<void>(wait_holding(hold, Deadline::never(), &request));
    }
    return predicate();
  }
  template <class L, class Rep, class Period>
  std::cv_status wait_for(std::unique_lock<L>& hold, std::chrono::duration<Rep, Period> timeout) {
    return status(wait_holding(hold, Deadline(timeout), nullptr));
  }
  template <class L, class Rep, class Period, class Predicate>
  bool wait_for(std::unique_lock<L>& hold, std::chrono::duration<Rep, Period> timeout, Predicate predicate) {
    return wait_until_true(hold, Deadline(timeout), predicate);
  }
  template <class L, class Clock, class Duration>
  std::cv_status wait_until(std::unique_lock<L>& hold, std::chrono::time_point<Clock, Duration> when) {
    return status(wait_holding(hold, Deadline(when), nullptr));
  }
  template <class L, class Clock, class Duration, class Predicate>
  bool wait_until(std::unique_lock<L>& hold, std::chrono::time_point<Clock, Duration> when,
                  Predicate predicate) {
    return wait_until_true(hold, Deadline(when), predicate);
  }

  /// Notifies the n that have waited longest, or as many as wait. Never blocks; costs a load if nobody waits. Need not
  /// be called under the lock, but a waiter that is on its way to wait is only sure to be seen by one that is.
  /// If the caller dies inside: some were notified.
  void notify(std::uint32_t n = 1) noexcept {
    if (word_.load(std::memory_order_relaxed) >= kWaiters) [[unlikely]]
      notify_waiters(n);
  }
  void notify_one() noexcept { notify(1); }
  void notify_all() noexcept { notify(kAll); }

  /// The lock it was made with, for scoped_lock and its kind and for Python's hands.
  Acquisition acquire(Deadline deadline = Deadline::never());
  Acquisition acquire(bool block, Deadline deadline = Deadline::never()) {
    return acquire(block ? deadline : Deadline::passed());
  }
  Release release();
  void lock();
  bool try_lock();
  void unlock();
  bool owned() const;

  /// Who sleeps until notified, and how many.
  std::vector<Participant> waiting() const;
  std::size_t waiters() const;

 private:
  static constexpr std::uint32_t kWaiters = 1u << 31;
  static constexpr std::uint32_t kAll = UINT32_MAX;
  enum Over : std::uint32_t { over_own, over_lock, over_rlock };

  template <class L>
  ConditionWait wait_over(L& lock, Deadline deadline, StopRequest* stop);
  ConditionWait wait_stoppable(Lock& lock, Deadline deadline, StopRequest* stop);
  ConditionWait wait_stoppable(RLock& lock, Deadline deadline, StopRequest* stop);
  ConditionWait wait_stoppable(Condition& lock, Deadline deadline, StopRequest* stop);

  /// Ends a wait, from another thread: what the wait is is plain data, so that it may end meanwhile.
  class StopRequest {
   public:
    void stop() noexcept;

   private:
    friend class Condition;
    enum class State : std::uint8_t { none, waits, stopped };

    std::atomic<State> state_{State::none};
    memory::MappedSegment* segment_ = nullptr;
    std::uint64_t condition_ = 0;
    std::uint32_t waiter_ = 0;
    std::uint32_t ticket_ = 0;
  };

  template <class L>
  ConditionWait wait_holding(std::unique_lock<L>& hold, Deadline deadline, StopRequest* stop) {
    if (!hold.owns_lock()) refuse();
    L& lock = *hold.mutex();
    try {
      return wait_stoppable(lock, deadline, stop);
    } catch (...) {
      if (!lock.owned()) hold.release();
      throw;
    }
  }
  template <class L, class Predicate>
  bool wait_until_true(std::unique_lock<L>& hold, Deadline deadline, Predicate predicate) {
    while (!predicate()) {
      if (!wait_holding(hold, deadline, nullptr)) return predicate();
    }
    return true;
  }
  static std::cv_status status(ConditionWait outcome) noexcept {
    return outcome ? std::cv_status::no_timeout : std::cv_status::timeout;
  }
  [[noreturn]] static void refuse();
  static std::uint32_t let_go(Lock& lock) noexcept;
  static std::uint32_t let_go(RLock& lock);
  static Acquisition take_again(Lock& lock, std::uint32_t depth);
  static Acquisition take_again(RLock& lock, std::uint32_t depth);
  std::uint32_t draw_ticket() noexcept;
  void notify_waiters(std::uint32_t n) noexcept;
  std::uint64_t object_in(const memory::MappedSegment& segment) const noexcept;
  template <class L>
  L& lock_there() const;
  template <class Visit>
  auto with_lock(Visit visit) const;

  std::atomic<std::uint32_t> word_{0};
  detail::Home home_;  // with Over
  // How far from here, in 4 bytes, with a sign. Never changes, so all who wait can be woken here in one call.
  std::atomic<std::uint32_t> lock_{0};
  RLock own_;
  detail::Serial serial_;
};

}  // namespace carom
