// Latch: opens once it has been counted down.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "carom/deadline.hpp"
#include "carom/detail/home.hpp"
#include "carom/detail/latch_word.hpp"
#include "carom/detail/watched.hpp"
#include "carom/participant.hpp"

namespace carom {

namespace memory {
class MappedSegment;
}

/// How a wait for a Latch ended. Converts to bool: whether the latch is open.
class [[nodiscard]] LatchWait {
 public:
  enum Kind : std::uint8_t {
    open,       ///< it has been counted down to 0
    timed_out,  ///< the deadline passed
    forsaken    ///< a party that had promised to count down died before it did
  };
  constexpr LatchWait(Kind kind) noexcept : kind_(kind) {}  // NOLINT(google-explicit-constructor)
  constexpr Kind kind() const noexcept { return kind_; }
  constexpr explicit operator bool() const noexcept { return kind_ == open; }
  constexpr bool operator==(const LatchWait&) const noexcept = default;

 private:
  Kind kind_;
};

/// A count that goes down once, placed anywhere in a segment; waiting ends when it is 0.
///
/// Unlike std::latch: works between processes; a party may promise() to count down, and if it dies first, those who
/// wait are told (`forsaken`) instead of waiting for ever. Counting down below 0 does nothing.
///
/// Waiting and promising take a seat in the roster, as Lock says; fork too. Counting down is safe in a signal handler
/// of a thread that has promised nothing. pthread_cancel: a wait is a cancellation point.
class Latch {
 public:
  static constexpr std::ptrdiff_t max() noexcept { return detail::LatchWord::kMax; }

  /// Does not block. Throws Error (outside_segment, bad_value).
  explicit Latch(std::ptrdiff_t expected)
      : word_(checked(expected)), home_(this, "latch"), serial_(home_.new_serial(this)) {}
  Latch(const Latch&) = delete;
  Latch& operator=(const Latch&) = delete;

  /// The calling thread promises to count down n times more. What it counts is taken off its promise. Throws Error
  /// (bad_value) if that would be more than max().
  void promise(std::uint32_t n = 1);

  /// Counts n down; the last wakes all who wait. Does not block. If the caller dies inside: it was counted, or not, and
  /// of what it has promised its death may be told. Memory ordering: what was done before is visible after the wait.
  void count_down(std::ptrdiff_t n = 1);

  /// Does not block.
  bool try_wait() const noexcept {
    const bool open = detail::LatchWord(word_.load(std::memory_order_acquire)).open();
    if (open) detail::acquired(&word_);
    return open;
  }  // [C2]

  /// Waits until it is open. Outcomes: open, timed_out, forsaken. If the caller dies inside: nothing is left behind.
  LatchWait wait(Deadline deadline = Deadline::never());

  LatchWait arrive_and_wait(std::ptrdiff_t n = 1, Deadline deadline = Deadline::never()) {
    count_down(n);
    return wait(deadline);
  }

  /// How often it is still to be counted down. A glimpse.
  std::uint32_t left() const noexcept {
    return detail::LatchWord(word_.load(std::memory_order_relaxed)).left();
  }
  /// Who has promised to count down and has not yet, dead or alive; and who sleeps until it is open.
  std::vector<Participant> promised() const;
  std::vector<Participant> waiting() const;
  std::size_t waiters() const;

 private:
  static std::uint32_t checked(std::ptrdiff_t expected);
  std::uint64_t object_in(const memory::MappedSegment& segment) const noexcept;

  std::atomic<std::uint32_t> word_;
  detail::Home home_;
  detail::Serial serial_;
};

}  // namespace carom
