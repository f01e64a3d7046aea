// The word of Event: its values, and the steps between them. No atomics, no waiting: those are in src/sync/event.cpp.
// Installed, because is_set() is inlined into the caller.
//
// WORD
//   bit 31      contended: somebody may be asleep until the event is set (again)
//   bit 30      set
//   bits 0-29   how often it has been set
//
// STATES      from              to                                    by whom
//   set       not set           set, one more, contended cleared      anyone, in a signal handler too
//   clear     set               not set, contended as it was          anyone
//   mark      any               contended                             who watches it, before it sleeps
//
// INVARIANTS
//   The count goes up by one with every set, so a waiter that saw it before it slept knows, whatever it is woken by and
//   whatever happened since, whether the event has been set meanwhile.
//
// ORDER
//   [E1] Setting releases; [E2] seeing it set, or counted up, acquires.
//
// WAKE
//   Setting a contended word wakes everybody. Every sleep also ends after kRecheck.
//
// DEATH                what remains                          who repairs it
//   event_marked       contended, nobody asleep              one spare wake
//   event_set          set, its sleepers not woken           their own re-check
//   event_cleared      not set                               nothing to repair
//
// LIMITS
//   A waiter that is stopped while the event is set a multiple of 2^30 times does not notice.
//
// LAYOUT
//   Version 2: word at offset 0, home at 4; 8 bytes, aligned to 4. tests/layout holds it.
#pragma once

#include <cstdint>

namespace carom::detail {

class EventWord {
 public:
  constexpr explicit EventWord(std::uint32_t bits) noexcept : bits_(bits) {}

  constexpr std::uint32_t bits() const noexcept { return bits_; }
  constexpr bool is_set() const noexcept { return (bits_ & kSet) != 0; }
  constexpr bool contended() const noexcept { return (bits_ & kContended) != 0; }
  constexpr std::uint32_t times_set() const noexcept { return bits_ & kCount; }

  constexpr EventWord set() const noexcept {
    return is_set() ? *this : EventWord(((bits_ + 1) & kCount) | kSet);
  }
  constexpr EventWord clear() const noexcept { return EventWord(bits_ & ~kSet); }
  constexpr EventWord with_contended() const noexcept { return EventWord(bits_ | kContended); }

  constexpr bool operator==(const EventWord&) const noexcept = default;

 private:
  static constexpr std::uint32_t kContended = 1u << 31;
  static constexpr std::uint32_t kSet = 1u << 30;
  static constexpr std::uint32_t kCount = kSet - 1;

  std::uint32_t bits_;
};

}  // namespace carom::detail
