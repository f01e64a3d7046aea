// The word of Semaphore and BoundedSemaphore, and what stands beside it in the slot of each participant that holds
// permits: their values, and the steps between them. No atomics, no waiting: those are in src/sync/permits.cpp and
// src/memory/settlement.cpp.
//
// WORD
//   PermitWord, 64 bits, in the object:
//     value       how many permits are free
//     contended   somebody may be asleep until there is one; with the value in the half that sleepers sleep on
//     debt        BoundedSemaphore: how many permits were released by threads that held none; 0 for Semaphore
//     stamp       the last change by a holder: its slot, which of its holdings, and the low bits of that change's tag
//   HoldingState, 64 bits, in the slot, one for each object that its participant holds permits of:
//     count       how many it holds
//     tag         one more with every change; never starts again
//     pending     the change under way: none, take one, give one, give all (on behalf of the dead)
//
// STATES                 object                            holding                          by whom
//   intend                 -                               count, tag + 1, pending          the holder; give all: anyone,
//                                                                                           once the holder is gone
//   change               value -/+, stamped with the tag     -                              the same
//   settle                 -                               count -/+ 1 or 0, none pending   the holder with its next
//                                                                                           intent; anyone who sees the
//                                                                                           stamp
//   bare take, give      value -/+, stamp unchanged          -                              anyone
//   foreign give         value + 1, debt + 1                 -                              anyone (BoundedSemaphore)
//   mark, unmark         contended                           -                              waiters; who woke nobody
//
// INVARIANTS
//   Change is one compare-and-exchange of the whole word, so it happens once, and at one instant. Whoever is about to
//   write over a stamp settles its holding first: so a change has happened exactly if the word bears its stamp, or its
//   holding is settled. What a living holder has pending between its calls has happened. Nobody ever intends a tag
//   whose stamp the word bears already.
//   BoundedSemaphore: the settled counts of all holdings, less debt, are the capacity less value.
//   A slot is given to another participant only when all its holdings are settled and count 0.
//   contended is set before anybody sleeps, and cleared only by a release whose wake found fewer sleepers than it has
//   brought permits, and only if nothing changed since.
//
// ORDER
//   [P1] A change that takes acquires; [P2] one that gives releases: what was done with a permit is visible to whoever
//   takes it next. [P3] Intent is visible before the change: the change releases, and who reads a stamp acquires.
//
// WAKE
//   Giving n permits wakes n sleepers if contended. A sleeper that gives up tries once more, so it never swallows one.
//   Every sleep also ends with the life of one of up to eight holders, or of a fellow waiter, and after kRecheck.
//
// DEATH                what remains                                     who repairs it
//   permit_intended    a pending take that never happened               who settles: the word bears no such stamp
//   permit_taken       a permit less, its holding not settled           the next that finds no permit, or the slot's
//                                                                       next claimant: the stamp says it was taken; all
//                                                                       the dead held is given back, once
//   permit_marked      contended, nobody asleep                         one spare wake
//   permit_returned    a permit more, its holding not settled           who settles: the stamp says it was given
//   permit_given       free permits, their sleepers not woken           the kernel wakes a sleeper that watched the
//                                                                       dead; if it held none: their re-check
//   estate_intended    a pending give all, by one that is gone too      the next that finds it
//   estate_given       the permits given, the holding not settled,      who settles: the stamp says they were given; the
//                      sleepers not woken                               sleepers' own re-check
//
// LIMITS
//   Semaphore: 2^31 - 1 permits. BoundedSemaphore: 65,535. A tag's low 13 bits are in the word: for a mistake somebody
//   must be stopped between two instructions while one holding changes a multiple of 8,191 times, the word returns to
//   the very same value, and the holder dies within the few instructions before it settles the last of those changes.
//   Whose permit a foreign release gave back cannot be known: it lowers what the next that dies gives back.
//
// LAYOUT
//   Version 2: Semaphore value:31 contended:1 tag:14 entry:4 slot:14; BoundedSemaphore value:16 contended:1 debt:16
//   tag:13 entry:4 slot:14; from bit 0. HoldingState count:32 tag:30 pending:2. tests/layout holds them.
#pragma once

#include <cstdint>

namespace carom::detail {

/// Which holding changed a word last, and by which of its changes.
struct Stamp {
  std::uint32_t slot;   ///< the roster's slot
  std::uint32_t entry;  ///< which of the slot's holdings
  std::uint32_t tag;    ///< of the change; only its low bits are kept in the word
};

enum class Pending : std::uint8_t { none, take, give, give_all };

class HoldingState {
 public:
  constexpr explicit HoldingState(std::uint64_t bits) noexcept : bits_(bits) {}
  constexpr HoldingState(std::uint32_t count, std::uint32_t tag, Pending pending) noexcept
      : bits_(count | std::uint64_t{tag & kTagMask} << 32 |
              std::uint64_t{static_cast<std::uint8_t>(pending)} << 62) {}

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(bits_); }
  constexpr std::uint32_t tag() const noexcept { return static_cast<std::uint32_t>(bits_ >> 32) & kTagMask; }
  constexpr Pending pending() const noexcept { return static_cast<Pending>(bits_ >> 62); }
  constexpr bool settled() const noexcept { return pending() == Pending::none; }
  constexpr bool empty() const noexcept { return settled() && count() == 0; }

  constexpr HoldingState intending(Pending what, std::uint32_t tag) const noexcept {
    return HoldingState(count(), tag, what);
  }
  /// What it is once its pending change has happened.
  constexpr HoldingState done() const noexcept {
    switch (pending()) {
      case Pending::take:
        return HoldingState(count() + 1, tag(), Pending::none);
      case Pending::give:
        return HoldingState(count() - 1, tag(), Pending::none);
      case Pending::give_all:
        return HoldingState(0, tag(), Pending::none);
      default:
        return *this;
    }
  }
  /// What it is if its pending change never happened.
  constexpr HoldingState undone() const noexcept { return HoldingState(count(), tag(), Pending::none); }

  /// For holdings that no word counts: what is held says so by itself.
  constexpr HoldingState counting(std::uint32_t count) const noexcept {
    return HoldingState(count, tag() + 1, Pending::none);
  }

  constexpr bool operator==(const HoldingState&) const noexcept = default;

 private:
  static constexpr std::uint32_t kTagMask = (1u << 30) - 1;

  std::uint64_t bits_;
};

template <int ValueBits, int DebtBits>
class PermitWord {
 public:
  static constexpr std::uint32_t kMaxValue = static_cast<std::uint32_t>((std::uint64_t{1} << ValueBits) - 1);

  constexpr explicit PermitWord(std::uint64_t bits) noexcept : bits_(bits) {}
  static constexpr PermitWord holding(std::uint32_t value) noexcept { return PermitWord(value); }

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t value() const noexcept { return field(0, ValueBits); }
  constexpr bool contended() const noexcept { return (bits_ & kContended) != 0; }
  constexpr std::uint32_t debt() const noexcept {
    if constexpr (DebtBits == 0) return 0;
    return field(kDebtAt, DebtBits);
  }
  constexpr Stamp stamp() const noexcept {
    return {field(kSlotAt, 64 - kSlotAt), field(kEntryAt, kEntryBits), field(kStampAt, kTagBits)};
  }
  constexpr bool bears(Stamp stamp) const noexcept { return bits_ >> kStampAt == packed(stamp); }

  /// The half that sleepers sleep on.
  constexpr std::uint32_t low_half() const noexcept { return static_cast<std::uint32_t>(bits_); }

  constexpr PermitWord with_contended() const noexcept { return PermitWord(bits_ | kContended); }
  constexpr PermitWord without_contended() const noexcept { return PermitWord(bits_ & ~kContended); }
  constexpr PermitWord with_stamp(Stamp stamp) const noexcept {
    return PermitWord((bits_ & ((std::uint64_t{1} << kStampAt) - 1)) | packed(stamp) << kStampAt);
  }
  /// One permit less. Needs value() > 0.
  constexpr PermitWord less_one() const noexcept { return PermitWord(bits_ - 1); }
  /// Needs value() + n <= kMaxValue.
  constexpr PermitWord plus(std::uint32_t n) const noexcept { return PermitWord(bits_ + n); }
  constexpr PermitWord with_debt(std::uint32_t debt) const noexcept {
    if constexpr (DebtBits == 0) return *this;
    return PermitWord((bits_ & ~(kDebtMask << kDebtAt)) | std::uint64_t{debt} << kDebtAt);
  }

  /// The tag for the next change by the holding at (slot, entry) whose last one had `tag`: one whose stamp this word
  /// does not bear. (A new word bears the stamp 0, which is that of nothing that ever happened.)
  constexpr std::uint32_t next_tag(std::uint32_t slot, std::uint32_t entry,
                                   std::uint32_t tag) const noexcept {
    return tag + (bears({slot, entry, tag + 1}) ? 2 : 1);
  }
  /// The next tag of the very stamp that this word bears. Needs !at_last_tag().
  constexpr PermitWord with_next_tag() const noexcept {
    return PermitWord(bits_ + (std::uint64_t{1} << kStampAt));
  }
  constexpr bool at_last_tag() const noexcept { return low_tag(field(kStampAt, kTagBits) + 1) == 0; }
  static constexpr bool same_tag(std::uint32_t in_stamp, std::uint32_t tag) noexcept {
    return low_tag(in_stamp) == low_tag(tag);
  }

  constexpr bool operator==(const PermitWord&) const noexcept = default;

 private:
  static constexpr int kSlotBits = 14;
  static constexpr int kEntryBits = 4;
  static constexpr int kDebtAt = ValueBits + 1;
  static constexpr int kStampAt = kDebtAt + DebtBits;
  static constexpr int kTagBits = 64 - kStampAt - kEntryBits - kSlotBits;
  static constexpr int kEntryAt = kStampAt + kTagBits;
  static constexpr int kSlotAt = kEntryAt + kEntryBits;
  static constexpr std::uint64_t kContended = std::uint64_t{1} << ValueBits;
  static constexpr std::uint64_t kDebtMask = (std::uint64_t{1} << DebtBits) - 1;

  static_assert(kTagBits >= 13);

  static constexpr std::uint32_t low_tag(std::uint32_t tag) noexcept { return tag & ((1u << kTagBits) - 1); }
  static constexpr std::uint64_t packed(Stamp stamp) noexcept {
    return low_tag(stamp.tag) | std::uint64_t{stamp.entry} << kTagBits |
           std::uint64_t{stamp.slot} << (kTagBits + kEntryBits);
  }
  constexpr std::uint32_t field(int at, int width) const noexcept {
    return static_cast<std::uint32_t>(bits_ >> at & ((std::uint64_t{1} << width) - 1));
  }

  std::uint64_t bits_;
};

using SemaphoreWord = PermitWord<31, 0>;
using BoundedWord = PermitWord<16, 16>;

}  // namespace carom::detail
