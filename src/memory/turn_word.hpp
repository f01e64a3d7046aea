// Condition: its own word, and the word in the slot of each participant that waits for its turn. Their values, and the
// steps between them. No atomics, no waiting: those are in src/sync/condition.cpp and src/memory/settlement.cpp.
//
// WORD
//   ConditionWord, in the object: a ticket counter (30 bits), and bit 31: somebody may be waiting.
//   TurnWord, in the slot, 64 bits; beside it the slot says of which condition:
//     none
//     waiting     its ticket
//     notified    the last ticket that was waiting then; its own, in short, or the slot this turn was granted from
//     granted     of a dead participant: its turn now belongs to another, named by slot and ticket
//
// STATES            from                     to                       by whom
//   wait            none                     waiting                  the participant, under its lock
//   notify          waiting                  notified                 anyone
//   give up         waiting                  none                     the participant: deadline, or stopped
//   leave           notified                 none                     the participant, once it has its lock again
//   grant           notified, dead           granted to a waiter      anyone, to the waiter with the first ticket
//   grant again     granted, but the other   granted to the next      anyone
//                   waits no more
//   adopt           waiting, granted to it   notified, from there     the participant
//   adopted         granted                  none                     anyone who sees it adopted
//   void            notified, dead           none                     anyone, if nobody waits who waited then
//
// INVARIANTS
//   A notification is one turn word that is notified or granted, from notify until its participant has its lock again:
//   every step above is one compare-and-exchange of one word, so it exists at every instant, once.
//   While a turn is granted and its new participant is notified from it, only one of the two counts: the new one. It
//   leaves only after the old one is none.
//   A dead participant's slot is not given away while its turn is notified or granted.
//
// ORDER
//   [T1] waiting is stored before the lock is given back, so who notifies under the lock sees it; and before the object's
//   word says for good that somebody waits: who finds nobody and has the word say so, which it may without the lock,
//   looked before the second of the two tickets that each waiter draws, or does not change the word. [T2] Notifying
//   releases and leaving acquires. What the data guarded by the lock needs, the lock gives.
//
// WAKE
//   Each waiter sleeps on its own turn word, so nobody is woken who was not meant, and on a word of the object that never
//   changes: who has notified all wakes them there in one call. Its own word comes second in the kernel's list, so one
//   that finds it unchanged has joined the other. Every sleep also ends with the life of a fellow waiter, and after
//   kRecheck.
//
// DEATH                   what remains                                   who repairs it
//   ticket_drawn          waiters noted in the object, nobody waits      the next to notify, who finds nobody
//   turn_waiting          a waiter that is none                          who notifies passes over it
//   turn_notified         notified, and its waiter not woken             its own re-check
//   condition_unlocked    a waiter that is none, the lock free           who notifies passes over it
//   turn_taken            notified, dead                                 a fellow: grants it to the first that waits
//   turn_granted          granted, its new participant not woken         its own re-check
//   turn_adopted          two words for one turn                         whoever looks next sees which one counts
//   turn_left             nothing of its turn, its lock held             the next owner of the lock
//
// LIMITS
//   Tickets are compared within 2^29 of each other.
//
// LAYOUT
//   Version 5: ConditionWord ticket:30 unused:1 waiters:1. TurnWord ticket or limit:30 state:2, then ticket:16
//   adopted:1 slot:14 unused:1. tests/layout holds them.
#pragma once

#include <cstdint>

namespace carom::memory {

inline constexpr std::uint32_t kTicketMask = (1u << 30) - 1;

/// Whether `ticket` was drawn before `limit`, or is it.
constexpr bool drawn_by(std::uint32_t ticket, std::uint32_t limit) noexcept {
  return ((limit - ticket) & kTicketMask) < kTicketMask / 2;
}

class ConditionWord {
 public:
  constexpr explicit ConditionWord(std::uint32_t bits) noexcept : bits_(bits) {}
  constexpr std::uint32_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t last_ticket() const noexcept { return bits_ & kTicketMask; }
  constexpr bool waiters() const noexcept { return (bits_ & kWaiters) != 0; }
  constexpr ConditionWord with_waiter() const noexcept {
    return ConditionWord(((bits_ + 1) & kTicketMask) | kWaiters);
  }
  constexpr ConditionWord without_waiters() const noexcept { return ConditionWord(bits_ & ~kWaiters); }

 private:
  static constexpr std::uint32_t kWaiters = 1u << 31;
  std::uint32_t bits_;
};

class TurnWord {
 public:
  enum class State : std::uint8_t { none, waiting, notified, granted };

  constexpr explicit TurnWord(std::uint64_t bits) noexcept : bits_(bits) {}

  static constexpr TurnWord none() noexcept { return TurnWord(0); }
  static constexpr TurnWord waiting(std::uint32_t ticket) noexcept { return make(State::waiting, ticket, 0); }
  static constexpr TurnWord notified(std::uint32_t limit, std::uint32_t ticket) noexcept {
    return make(State::notified, limit, ticket & kShortTicket);
  }
  /// Adopted from the turn of the dead participant at `slot`.
  static constexpr TurnWord adopted(std::uint32_t limit, std::uint32_t slot) noexcept {
    return make(State::notified, limit, kFromSlot | slot << kSlotAt);
  }
  static constexpr TurnWord granted(std::uint32_t limit, std::uint32_t slot, std::uint32_t ticket) noexcept {
    return make(State::granted, limit, slot << kSlotAt | (ticket & kShortTicket));
  }

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t low_half() const noexcept { return static_cast<std::uint32_t>(bits_); }
  constexpr State state() const noexcept { return static_cast<State>(low_half() >> 30); }
  constexpr std::uint32_t ticket() const noexcept { return low_half() & kTicketMask; }
  constexpr std::uint32_t limit() const noexcept { return ticket(); }

  constexpr bool granted_to(std::uint32_t slot, std::uint32_t ticket) const noexcept {
    return state() == State::granted && high_half() == (slot << kSlotAt | (ticket & kShortTicket));
  }
  constexpr std::uint32_t other_slot() const noexcept { return high_half() >> kSlotAt & kSlotMask; }
  /// Whether this turn was adopted from the one in `slot`.
  constexpr bool adopted_from(std::uint32_t slot) const noexcept {
    return state() == State::notified && high_half() == (kFromSlot | slot << kSlotAt);
  }
  constexpr bool adopted() const noexcept {
    return state() == State::notified && (high_half() & kFromSlot) != 0;
  }

  constexpr bool operator==(const TurnWord&) const noexcept = default;

 private:
  static constexpr std::uint32_t kSlotAt = 17;
  static constexpr std::uint32_t kSlotMask = (1u << 14) - 1;
  static constexpr std::uint32_t kFromSlot = 1u << 16;
  static constexpr std::uint32_t kShortTicket = kFromSlot - 1;

  constexpr std::uint32_t high_half() const noexcept { return static_cast<std::uint32_t>(bits_ >> 32); }
  static constexpr TurnWord make(State state, std::uint32_t low, std::uint32_t high) noexcept {
    return TurnWord((low & kTicketMask) | std::uint64_t{static_cast<std::uint8_t>(state)} << 30 |
                    std::uint64_t{high} << 32);
  }

  std::uint64_t bits_;
};

}  // namespace carom::memory
