// The word of Latch: its values, and the steps between them. No atomics, no waiting: those are in src/sync/latch.cpp.
//
// WORD
//   bit 31      contended: somebody may be asleep until this word changes
//   bit 30      forsaken: a party that had promised to count down died before it did
//   bits 0-29   how often it is still to be counted down; 0: open
//   Beside it, in the slots of parties: how often each has promised to count down (a holding).
//
// STATES           from        to                        by whom
//   count down     n           n - k, not below 0        anyone
//   open           k           0, contended cleared      whoever counts down last
//   mark           any but 0   contended                 a waiter before it sleeps
//   forsake        any but 0   forsaken                  anyone who finds a dead party's promise
//
// INVARIANTS
//   Once 0, always 0: the latch is open for ever. forsaken stays until it is open, and means nothing then.
//   A promise is taken back only after what it promised has been counted.
//
// ORDER
//   [C1] Counting down releases, and [C2] seeing 0 acquires: what everybody did before is visible after the wait.
//
// WAKE
//   Who opens or forsakes it wakes everybody if contended. Every sleep also ends with the life of one of up to eight
//   parties that promised, and after kRecheck.
//
// DEATH                what remains                                who repairs it
//   latch_counted      counted, the promise not taken back         the next to look: forsaken, unless it is open
//   latch_opened       open, its sleepers not woken                their own re-check
//   latch_promised     a promise of somebody who died              the next to look: forsaken
//   latch_marked       contended, nobody asleep                    one spare wake
//   latch_forsaken     forsaken, its sleepers not woken            their own re-check
//
// LIMITS
//   2^30 - 1 counts. Of a party that dies inside of count_down() both may be seen: its count and its death.
//
// LAYOUT
//   Version 2: word at offset 0, home at 4; 8 bytes, aligned to 4. tests/layout holds it.
#pragma once

#include <cstdint>

namespace carom::detail {

class LatchWord {
 public:
  static constexpr std::uint32_t kMax = (1u << 30) - 1;

  constexpr explicit LatchWord(std::uint32_t bits) noexcept : bits_(bits) {}

  constexpr std::uint32_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t left() const noexcept { return bits_ & kMax; }
  constexpr bool open() const noexcept { return left() == 0; }
  constexpr bool contended() const noexcept { return (bits_ & kContended) != 0; }
  constexpr bool forsaken() const noexcept { return (bits_ & kForsaken) != 0; }

  constexpr LatchWord less(std::uint32_t n) const noexcept {
    return n >= left() ? LatchWord(0) : LatchWord(bits_ - n);
  }
  constexpr LatchWord with_contended() const noexcept { return LatchWord(bits_ | kContended); }
  constexpr LatchWord with_forsaken() const noexcept { return LatchWord((bits_ | kForsaken) & ~kContended); }

  constexpr bool operator==(const LatchWord&) const noexcept = default;

 private:
  static constexpr std::uint32_t kContended = 1u << 31;
  static constexpr std::uint32_t kForsaken = 1u << 30;

  std::uint32_t bits_;
};

}  // namespace carom::detail
