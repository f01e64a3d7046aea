// Event: something that has happened, or not yet.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "carom/deadline.hpp"
#include "carom/detail/event_word.hpp"
#include "carom/detail/home.hpp"
#include "carom/detail/watched.hpp"
#include "carom/participant.hpp"

namespace carom {

/// A flag to wait for, placed anywhere in a segment.
///
///     board->ready.set();                            // anyone, in a signal handler too
///     if (board->ready.wait(5s)) ...                 // true: it was set
///
/// Unlike multiprocessing.Event: is_set() is one load, set() and clear() take no lock, so nobody's death, and no
/// interrupted wait, leaves anything behind; who sleeps when set() happens is released, even if clear() follows at
/// once. There is no owner, so nobody is told of anything.
///
/// Waiting takes a seat in the roster, as Lock says; fork too. pthread_cancel: a wait is a cancellation point.
class Event {
 public:
  /// Does not block. Throws Error (outside_segment).
  Event() : Event(false) {}
  explicit Event(bool set) : word_(set ? detail::EventWord(0).set().bits() : 0), home_(this, "event") {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// Does not block; safe in a signal handler. What the setter did before is visible to whoever sees it set.
  bool is_set() const noexcept {
    const bool is = detail::EventWord(word_.load(std::memory_order_acquire)).is_set();  // [E2]
    if (is) detail::acquired(&word_);
    return is;
  }

  /// Sets it, and wakes all who wait. Does not block; safe in a signal handler, also one that interrupts wait() of the
  /// same thread. If the caller dies inside: it is set, or not; waiters then see it within kRecheck (50 ms).
  void set() noexcept;

  /// Does not block; safe in a signal handler.
  void clear() noexcept;

  /// Waits until it is set, or was set since the call began; false: the deadline passed before. The first wait of a
  /// thread takes a seat in the roster, as Lock says. If the caller dies inside: nothing is left behind.
  bool wait(Deadline deadline = Deadline::never());

  /// The same by names of the standard library's kind.
  template <class Rep, class Period>
  bool wait_for(std::chrono::duration<Rep, Period> timeout) {
    return wait(Deadline(timeout));
  }
  template <class Clock, class Duration>
  bool wait_until(std::chrono::time_point<Clock, Duration> when) {
    return wait(Deadline(when));
  }

  /// Who sleeps until it is set, and how many. Those about to sleep or to wake may be missing.
  std::vector<Participant> waiting() const;
  std::size_t waiters() const;

 private:
  friend class EventDescriptor;
  bool wait_past(detail::EventWord since, Deadline deadline, const std::atomic<bool>* stop);

  std::atomic<std::uint32_t> word_;
  detail::Home home_;
};

/// A file descriptor that tells of an Event, for poll, select, epoll and whatever is built on them.
///
///     carom::EventDescriptor descriptor(board->ready);
///     poll({descriptor.fd(), POLLIN}); descriptor.acknowledge(); ... board->ready.clear();
///
/// It becomes readable when the event is set, or is set already when the descriptor is made, and stays so until
/// acknowledge(). A set() that is followed by clear() at once is told too; several sets before an acknowledge() are
/// told as one. The event is watched by a thread of this process, which sleeps until then; it costs the setter nothing,
/// and if the setter dies halfway the thread notices within kRecheck.
///
/// The segment must stay open for as long. Fork: the child's copy tells nothing; make one of its own there. Made to
/// close at exec.
class EventDescriptor {
 public:
  /// Throws Error (no_descriptors; not_started if there can be no thread).
  explicit EventDescriptor(Event& event);
  EventDescriptor(EventDescriptor&&) noexcept;
  EventDescriptor& operator=(EventDescriptor&&) noexcept;
  ~EventDescriptor();

  int fd() const noexcept;

  /// Makes it unreadable until the event is set again. True if it was readable. Does not block.
  bool acknowledge() noexcept;

 private:
  struct Watcher;
  std::unique_ptr<Watcher> watcher_;
};

}  // namespace carom
