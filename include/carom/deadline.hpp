// The one type for time: every call that may wait takes a Deadline, and nothing below it knows another.
#pragma once

#include <chrono>
#include <cstdint>

namespace carom {

/// An instant on the monotonic clock, or never. Made once, at the call's entry, so that every wait inside one
/// call is covered by one bound, and a stepped wall clock changes nothing.
///
/// A duration converts by itself: `lock.acquire(250ms)`. Zero and negative durations are "one try".
/// Infinite ones, and those beyond 200 years, never pass. One that is not a number throws Error
/// (bad_timeout).
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr Deadline never() noexcept { return Deadline(kNever); }
  static constexpr Deadline passed() noexcept { return Deadline(0); }

  template <class Rep, class Period>
  Deadline(std::chrono::duration<Rep, Period> timeout)  // NOLINT(google-explicit-constructor): see above
      : ns_(from_now(std::chrono::duration<double>(timeout).count())) {}

  template <class AnyClock, class Duration>
  Deadline(std::chrono::time_point<AnyClock, Duration> when)  // NOLINT(google-explicit-constructor)
      : ns_(until(when, AnyClock::now())) {}

  constexpr bool is_never() const noexcept { return ns_ == kNever; }
  bool expired() const noexcept { return !is_never() && (ns_ == 0 || now_ns() >= ns_); }

  /// Nanoseconds since the monotonic clock's start; 0 for a deadline that has always been past.
  constexpr std::int64_t ns() const noexcept { return ns_; }

  /// The earlier of this deadline and `timeout` from now.
  Deadline or_after(std::chrono::nanoseconds timeout) const noexcept {
    const std::int64_t other = now_ns() + timeout.count();
    return Deadline(other < ns_ ? other : ns_);
  }

  static std::int64_t now_ns() noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
  }

 private:
  static constexpr std::int64_t kNever = INT64_MAX;

  explicit constexpr Deadline(std::int64_t ns) noexcept : ns_(ns) {}
  static std::int64_t from_now(double seconds);

  // The distance to the ends of a clock does not fit the clock's own duration.
  template <class TimePoint, class Now>
  static std::int64_t until(TimePoint when, Now now) {
    using Seconds = std::chrono::duration<double>;
    const double rough = Seconds(when.time_since_epoch()).count() - Seconds(now.time_since_epoch()).count();
    return from_now(rough > -1e9 && rough < 1e9 ? Seconds(when - now).count() : rough);
  }

  std::int64_t ns_;
};

}  // namespace carom
