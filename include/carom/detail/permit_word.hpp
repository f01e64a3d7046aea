// The word of Semaphore and BoundedSemaphore, and what stands beside it in the slot of each participant that holds
// permits: their values, and the steps between them. No atomics, no waiting: those are in src/sync/permits.cpp and
// src/memory/settlement.cpp.
//
// WORD
//   PermitWord, 64 bits, in the object:
//     value       how many permits are free
//     contended   somebody may be asleep until there is one; with the value in the half that sleepers sleep on
//     debt        BoundedSemaphore: how many permits were released by threads that held none; 0 for Semaphore
//     stamp       the last change by a holder: what it was (take, give, give all on behalf of the dead), the holder's
//                 slot, which of its holdings, and the low bits of the change's tag
//   HoldingState, 64 bits, in the slot, one for each object that its participant holds permits of:
//     count       how many it holds
//     tag         that of the last change noted here; one more with every change, and never starts again
//
// STATES                 object                                holding            by whom
//   change               value -/+, stamped with tag + 1         -                  the holder; give all: anyone, once the
//                                                                                   holder is gone
//   note                 -                                     count -/+ 1 or 0,  the holder at once; anyone who is about
//                                                              tag + 1            to write over the stamp
//   bare take, give      value -/+, stamp unchanged              -                  anyone
//   foreign give         value + 1, debt + 1                     -                  anyone (BoundedSemaphore)
//   pay                  value - 1, debt - 1                -                  a holder that takes one more
//   adopt                debt + 1, stamped as a taking           -                  a child the holder forked (the same)
//   mark, unmark         contended                               -                  waiters; who woke nobody
//
// INVARIANTS
//   Change is one compare-and-exchange of the whole word, so it happens once, and at one instant. At most one change of
//   a word is not noted yet: the one whose stamp the word bears, if its holding has the tag before. For whoever writes
//   over a stamp has its change noted first.
//   A holding that comes to another object skips the tag that the other's word may bear of it from long ago.
//   BoundedSemaphore: the counts of all holdings, and what is not noted, less debt, are the capacity less value.
//   A slot is given to another participant only when all its holdings are noted and count 0.
//   contended is set before anybody sleeps, and cleared only by a release whose wake found fewer sleepers than it has
//   brought permits, and only if nothing changed since.
//
// ORDER
//   [P1] A change that takes acquires; [P2] one that gives releases: what was done with a permit is visible to whoever
//   takes it next. [P3] The note of a change is visible before the holder's next change, and before anybody's that writes
//   over its stamp: changes release, and who reads a stamp acquires.
//
// WAKE
//   Giving n permits wakes n sleepers if contended. A sleeper that gives up tries once more, so it never swallows one.
//   Every sleep also ends with the life of one of up to eight holders, or of a fellow waiter, and after kRecheck.
//
// DEATH                what remains                                     who repairs it
//   permit_taken       a permit less, not noted                         the next that finds no permit, or the slot's
//                                                                       next claimant: the stamp says it was taken; all
//                                                                       the dead held is given back, once
//   permit_marked      contended, nobody asleep                         one spare wake
//   permit_returned    a permit more, not noted                         who gives back what the dead held, or writes over
//                                                                       the stamp: it says it was given
//   permit_adopted     a permit more of the child's, not noted          as permit_taken
//   permit_given       free permits, their sleepers not woken           the kernel wakes a sleeper that watched the
//                                                                       dead; if it held none: their re-check
//   estate_given       what the dead held given back, not noted; its    who looks next: the stamp says they were given;
//                      sleepers not woken                               the sleepers' own re-check
//
// LIMITS
//   Semaphore: 2^31 - 1 permits. BoundedSemaphore: 65,535. A tag's low 11 bits are in the word: for a mistake somebody
//   must be stopped between two instructions while one holding changes a multiple of 2,048 times, the word returns to
//   the very same value, and the holder dies in the one instruction between the last of those changes and its note.
//   Whose permit a foreign release gave back cannot be known: it lowers what the next that dies gives back, or is paid by
//   the next to take one more than it has. So a thread that takes what another releases, again and again, has a count of 1.
//
// LAYOUT
//   Version 3: Semaphore value:31 contended:1 change:2 slot:14 entry:4 tag:12; BoundedSemaphore value:16 contended:1
//   debt:16 change:2 slot:14 entry:4 tag:11; from bit 0. HoldingState count:32 tag:32. tests/layout holds them.
#pragma once

#include <cstdint>

namespace carom::detail {

/// What a holder, or somebody on behalf of a dead one, did last.
enum class Change : std::uint8_t { none, take, give, give_all };

/// The last change by a holder, as the word tells it.
struct Stamp {
  Change change;        ///< none: there was none yet
  std::uint32_t slot;   ///< the roster's slot
  std::uint32_t entry;  ///< which of the slot's holdings
  std::uint32_t tag;    ///< of the change; only its low bits are kept in the word
};

class HoldingState {
 public:
  constexpr explicit HoldingState(std::uint64_t bits) noexcept : bits_(bits) {}
  constexpr HoldingState(std::uint32_t count, std::uint32_t tag) noexcept
      : bits_(count | std::uint64_t{tag} << 32) {}

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(bits_); }
  constexpr std::uint32_t tag() const noexcept { return static_cast<std::uint32_t>(bits_ >> 32); }

  /// With one more change noted. Needs count() > 0 to give.
  constexpr HoldingState after(Change change) const noexcept {
    switch (change) {
      case Change::take:
        return HoldingState(bits_ + kOneTag + 1);
      case Change::give:
        return HoldingState(bits_ + kOneTag - 1);
      case Change::give_all:
        return with_count(0);
      default:
        return *this;
    }
  }
  /// The same; also for holdings that no word counts.
  constexpr HoldingState with_count(std::uint32_t count) const noexcept {
    return HoldingState(count, tag() + 1);
  }
  /// One whose next change is not taken for that of the stamp.
  constexpr HoldingState apart_from(const Stamp& stamp) const noexcept {
    const bool same = ((stamp.tag ^ (tag() + 1)) & ((1u << kLeastTagBits) - 1)) == 0;
    return same ? with_count(count()) : *this;
  }

  constexpr bool operator==(const HoldingState&) const noexcept = default;

  static constexpr int kLeastTagBits = 11;  ///< that any word keeps

 private:
  static constexpr std::uint64_t kOneTag = std::uint64_t{1} << 32;

  std::uint64_t bits_;
};

template <int ValueBits, int DebtBits>
class PermitWord {
 public:
  static constexpr std::uint32_t kMaxValue = static_cast<std::uint32_t>((std::uint64_t{1} << ValueBits) - 1);
  static constexpr std::uint32_t kMaxDebt =
      DebtBits == 0 ? ~0u : static_cast<std::uint32_t>((std::uint64_t{1} << DebtBits) - 1);

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
    return {static_cast<Change>(field(kStampAt, kChangeBits)), field(kSlotAt, kSlotBits),
            field(kEntryAt, kEntryBits), field(kTagAt, kTagBits)};
  }
  /// Whether the last change was that of the holding at (slot, entry) with that tag.
  constexpr bool bears(std::uint32_t slot, std::uint32_t entry, std::uint32_t tag) const noexcept {
    return (bits_ ^ packed(slot, entry, tag)) >> kSlotAt == 0;
  }
  /// Whether it was the one after what that holding notes.
  constexpr bool bears_next(std::uint32_t slot, std::uint32_t entry, HoldingState noted) const noexcept {
    return bears(slot, entry, noted.tag() + 1) && stamp().change != Change::none;
  }

  /// The half that sleepers sleep on.
  constexpr std::uint32_t low_half() const noexcept { return static_cast<std::uint32_t>(bits_); }

  constexpr PermitWord with_contended() const noexcept { return PermitWord(bits_ | kContended); }
  constexpr PermitWord without_contended() const noexcept { return PermitWord(bits_ & ~kContended); }
  constexpr PermitWord with_stamp(Stamp stamp) const noexcept {
    return PermitWord((bits_ & ((std::uint64_t{1} << kStampAt) - 1)) |
                      std::uint64_t{static_cast<std::uint8_t>(stamp.change)} << kStampAt |
                      packed(stamp.slot, stamp.entry, stamp.tag));
  }
  /// After one more change, take or give, by the same holder: one permit less or more, the change, and one tag more. Two
  /// operations, for the compare-and-exchange waits for them.
  constexpr PermitWord changed_again(Change change) const noexcept {
    constexpr std::uint64_t kChange = ((std::uint64_t{1} << kChangeBits) - 1) << kStampAt;
    const std::uint64_t permits = change == Change::take ? ~std::uint64_t{0} : 1;
    const std::uint64_t more = permits + (std::uint64_t{static_cast<std::uint8_t>(change)} << kStampAt) +
                               (std::uint64_t{1} << kTagAt);
    return PermitWord((bits_ & ~kChange) + more);
  }
  /// One permit less. Needs value() > 0.
  constexpr PermitWord less_one() const noexcept { return PermitWord(bits_ - 1); }
  /// Needs value() + n <= kMaxValue.
  constexpr PermitWord plus(std::uint32_t n) const noexcept { return PermitWord(bits_ + n); }
  constexpr PermitWord with_debt(std::uint32_t debt) const noexcept {
    if constexpr (DebtBits == 0) return *this;
    return PermitWord((bits_ & ~(kDebtMask << kDebtAt)) | std::uint64_t{debt} << kDebtAt);
  }

  constexpr bool operator==(const PermitWord&) const noexcept = default;

 private:
  static constexpr int kChangeBits = 2;
  static constexpr int kSlotBits = 14;
  static constexpr int kEntryBits = 4;
  static constexpr int kDebtAt = ValueBits + 1;
  static constexpr int kStampAt = kDebtAt + DebtBits;
  static constexpr int kSlotAt = kStampAt + kChangeBits;
  static constexpr int kEntryAt = kSlotAt + kSlotBits;
  static constexpr int kTagAt = kEntryAt + kEntryBits;  // last, so that its high bits fall off
  static constexpr int kTagBits = 64 - kTagAt;
  static constexpr std::uint64_t kContended = std::uint64_t{1} << ValueBits;
  static constexpr std::uint64_t kDebtMask = (std::uint64_t{1} << DebtBits) - 1;

  static_assert(kTagBits >= HoldingState::kLeastTagBits);

  static constexpr std::uint64_t packed(std::uint32_t slot, std::uint32_t entry, std::uint32_t tag) noexcept {
    return std::uint64_t{slot} << kSlotAt | std::uint64_t{entry} << kEntryAt | std::uint64_t{tag} << kTagAt;
  }
  constexpr std::uint32_t field(int at, int width) const noexcept {
    return static_cast<std::uint32_t>(bits_ >> at & ((std::uint64_t{1} << width) - 1));
  }

  std::uint64_t bits_;
};

using SemaphoreWord = PermitWord<31, 0>;
using BoundedWord = PermitWord<16, 16>;

}  // namespace carom::detail
