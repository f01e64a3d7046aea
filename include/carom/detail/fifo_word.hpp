// The word of FifoLock, and what stands beside it in the slot of each participant that waits for it: their values, and
// the steps between them. No atomics, no waiting: those are in src/sync/fifo_lock.cpp.
//
// WORD
//   FifoWord, 64 bits, in the object:
//     owner       as in a Lock's word: an id of the segment's roster; 0: nobody; 1: handed over, nobody in particular
//     inherited   the owner took it over from one that died
//     queued      somebody may wait, so whoever comes has to queue as well
//     ticket      the last that was drawn
//   PlaceWord, 32 bits, in the slot; it means something while the slot says that its participant waits for the object:
//     ticket      the participant's, or the one that it is about to draw
//     state       drawing: it has the ticket, or is about to, or somebody else was faster; awake: it has it, and looks at
//                 the object by itself; asleep: it may sleep on this word
//
// STATES               from                  to                            by whom
//   take               free                  held                          whoever comes, if nobody is queued
//   queue              held, or queued       queued, one more ticket       a waiter; its place, drawing, has the ticket already
//   take in turn       free, queued          held, queued if others are    the first in line
//   take over          held, owner gone      held, inherited, the same     the first in line
//   give back          held                  free, the rest as it was      anyone
//   hand over          held                  handed over                   the owner
//   adopt              held                  held, otherwise as it was     a child its owner forked
//   declare consistent held, owner gone      free, the rest as it was      anyone, policy refuse
//
// INVARIANTS
//   The first in line is the living waiter with the earliest ticket of those drawn. Only the first takes the word while
//   there is one, so nobody passes anybody: whose ticket was drawn before another's acquire began has the lock before it.
//   A place is there for everybody to see before its ticket is drawn. So who sees the word sees everybody in line.
//   queued is set while anybody is in line.
//   Whoever makes the first in line able to take the word, by giving it back or by leaving the line, or comes upon it,
//   wakes the first of those that are not drawing. Who draws looks at the word after that, and again if it failed.
//
// ORDER
//   [F1] Taking acquires; [F2] giving back releases. [F3] Leaving the line is visible before the word is looked at, and
//   giving back before the line is: of one that leaves and one that gives back at least one sees the other. [F4] The same
//   holds for falling asleep and giving back.
//
// WAKE
//   Each waiter sleeps on its own place, so exactly the first is woken, and only if it may sleep. Every sleep also ends
//   with the life of the owner, or of one of the three nearest in line before, drawing or not, and after kRecheck.
//
// DEATH                what remains                                  who repairs it
//   fifo_taken         owner recorded, its work not begun            the first in line takes over
//   fifo_taken_over    the same, inherited                           the same, and is told
//   fifo_announced     a place without a ticket, of a dead one       nobody: it is passed over
//   fifo_queued        a ticket of a dead one                        nobody: it is passed over
//   fifo_to_sleep      the same                                      the same
//   fifo_released      free, the first in line not woken             the kernel wakes a sleeper that watched the dead;
//                                                                    if it was not the owner: their own re-check
//   fifo_poked         the first in line to be awake, and asleep     the same
//   fifo_leaving       a ticket of a dead one, or a dead owner       as after fifo_queued, or fifo_taken
//   fifo_left          free, and the next in line not woken          the kernel wakes one that was behind the dead
//   fifo_adopted       owner recorded: the child                     the next takes over, and is told
//   fifo_handed_over   nobody in particular holds it, on purpose     nobody: whoever was to release it does
//   about_to_sleep     a ticket of a dead one                        nobody: it is passed over
//   woken              the first in line is dead                     the kernel wakes one that was behind it
//
// LIMITS
//   A waiter that is stopped holds up those behind it, and so may one that is drawing. 2^29 waits may begin while one
//   waits.
//
// LAYOUT
//   Version 4: FifoWord owner:30 inherited:1 queued:1 ticket:30 unused:2; PlaceWord ticket:30 state:2; from bit 0. Word
//   at offset 0, home at 8; 16 bytes, aligned to 8. tests/layout holds them.
#pragma once

#include <cstdint>

namespace carom::detail {

class FifoWord {
 public:
  static constexpr std::uint32_t kHandedOver = 1;  // an id that the roster never gives out

  constexpr explicit FifoWord(std::uint64_t bits) noexcept : bits_(bits) {}

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t owner() const noexcept { return static_cast<std::uint32_t>(bits_ & kOwner); }
  constexpr bool free() const noexcept { return owner() == 0 && !inherited(); }
  constexpr bool handed_over() const noexcept { return owner() == kHandedOver; }
  constexpr bool inherited() const noexcept { return (bits_ & kInherited) != 0; }
  constexpr bool queued() const noexcept { return (bits_ & kQueued) != 0; }
  constexpr std::uint32_t last_ticket() const noexcept {
    return static_cast<std::uint32_t>(bits_ >> kTicketAt) & kTickets;
  }

  constexpr FifoWord held_by(std::uint32_t id, bool queued) const noexcept {
    return FifoWord((bits_ & kTicketMask) | (queued ? kQueued : 0) | id);
  }
  constexpr FifoWord taken_over_by(std::uint32_t id, bool queued) const noexcept {
    return FifoWord(held_by(id, queued).bits() | kInherited);
  }
  constexpr FifoWord freed() const noexcept { return FifoWord(bits_ & (kTicketMask | kQueued)); }
  constexpr FifoWord to_nobody() const noexcept { return to(kHandedOver); }
  constexpr FifoWord to(std::uint32_t id) const noexcept { return FifoWord((bits_ & ~kOwner) | id); }
  constexpr FifoWord with_waiter() const noexcept {
    const std::uint64_t ticket = (last_ticket() + 1) & kTickets;
    return FifoWord((bits_ & ~kTicketMask) | kQueued | ticket << kTicketAt);
  }

  constexpr bool operator==(const FifoWord&) const noexcept = default;

  static constexpr std::uint32_t kTickets = (1u << 30) - 1;

 private:
  static constexpr std::uint64_t kOwner = (1u << 30) - 1;
  static constexpr std::uint64_t kInherited = 1u << 30;
  static constexpr std::uint64_t kQueued = 1u << 31;
  static constexpr int kTicketAt = 32;
  static constexpr std::uint64_t kTicketMask = std::uint64_t{kTickets} << kTicketAt;

  std::uint64_t bits_;
};

class PlaceWord {
 public:
  constexpr explicit PlaceWord(std::uint32_t bits) noexcept : bits_(bits) {}
  static constexpr PlaceWord drawing(std::uint32_t ticket) noexcept {
    return PlaceWord(ticket & FifoWord::kTickets);
  }

  constexpr std::uint32_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t ticket() const noexcept { return bits_ & FifoWord::kTickets; }
  constexpr bool drawing() const noexcept { return state() == kDrawing; }
  constexpr bool asleep() const noexcept { return state() == kAsleep; }
  constexpr PlaceWord to_awake() const noexcept { return PlaceWord(ticket() | kAwake << kStateAt); }
  constexpr PlaceWord to_asleep() const noexcept { return PlaceWord(ticket() | kAsleep << kStateAt); }

  /// Whether its ticket is at or before `last`: so whether it has been drawn.
  constexpr bool drawn_by(std::uint32_t last) const noexcept {
    return ((last - ticket()) & FifoWord::kTickets) <= FifoWord::kTickets / 2;
  }
  constexpr bool before(PlaceWord other) const noexcept {
    return ticket() != other.ticket() && drawn_by(other.ticket());
  }

 private:
  static constexpr std::uint32_t kDrawing = 0;
  static constexpr std::uint32_t kAwake = 1;
  static constexpr std::uint32_t kAsleep = 2;
  static constexpr int kStateAt = 30;

  constexpr std::uint32_t state() const noexcept { return bits_ >> kStateAt; }

  std::uint32_t bits_;
};

}  // namespace carom::detail
