// The word of Barrier: its values, and the steps between them. No atomics, no waiting: those are in
// src/sync/barrier.cpp.
//
// WORD
//   low half, which sleepers sleep on:
//     round       how many rounds have ended, completed or reset
//     history     one bit for each of the last 12 rounds: it was reset
//     state       filling; acting: the last to arrive runs the action; or broken, and why
//     contended   somebody may be asleep until the low half changes
//   high half:
//     filling: how many have arrived; acting: the id of who runs the action; broken: the id of whose fault it is
//
// STATES                 from               to                           by whom
//   arrive               filling            filling, one more            a party, if others are missing
//   arrive last          filling            the next round, filling      a party, if it is the last and has no action
//   begin action         filling            acting                       a party, if it is the last and has an action
//   complete             acting             the next round, filling      who runs the action
//   break                filling, acting    broken                       a party that gives up; anyone, for the dead
//                                                                        or on request
//   reset                any but empty      the next round, filling      anyone; history says so
//   mark                 filling, acting    the same, contended          a waiter before it sleeps
//
// INVARIANTS
//   What became of a round never changes once it has ended or broken: it is in the word until 12 more rounds have.
//   Every party inside of a call has noted the barrier and the round in its slot before it arrives, and until it has
//   seen what became of it.
//   The index of an arrival is the number of those before it in the round.
//
// ORDER
//   [B1] Arriving releases and acquires, so what each did before it arrived is visible to the action, and [B2] seeing
//   the round ended acquires, so that and what the action did is visible to all after they leave.
//
// WAKE
//   Whatever ends or breaks a round wakes everybody if contended. Every sleep also ends with the life of one of up to
//   eight enrolled parties, or of a fellow that sleeps there too, and after kRecheck.
//
// DEATH                  what remains                                  who repairs it
//   barrier_noted        a note of a dead party in the open round      whoever sleeps, or arrives next: breaks it
//   barrier_arrived      the same, and an arrival more                 the same
//   barrier_acting       acting, by a dead party                       the same
//   barrier_marked       contended, nobody asleep                      one spare wake
//   barrier_completed    the next round, its sleepers not woken        their own re-check
//   barrier_broken       broken, its sleepers not woken                their own re-check
//   barrier_reset        the next round, its sleepers not woken        their own re-check
//   barrier_enrolled     an enrolment of somebody who died             whoever sleeps, or arrives next: breaks it
//
// LIMITS
//   65,535 parties. A waiter that is stopped while 13 rounds go by without it believes that its round was completed.
//
// LAYOUT
//   Version 2: round:16 history:12 state:3 contended:1, then 32 bits of count or id; from bit 0. tests/layout holds it.
#pragma once

#include <cstdint>

namespace carom::detail {

enum class BarrierState : std::uint8_t { filling, acting, party_died, timed_out, action_failed, aborted };

class BarrierWord {
 public:
  static constexpr std::uint32_t kMaxParties = 65'535;
  static constexpr std::uint32_t kRounds = 1u << 16;

  /// What became of a round.
  enum class Fate { open, completed, broken, reset };

  constexpr explicit BarrierWord(std::uint64_t bits) noexcept : bits_(bits) {}

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t low_half() const noexcept { return static_cast<std::uint32_t>(bits_); }
  constexpr std::uint32_t round() const noexcept { return low_half() & (kRounds - 1); }
  constexpr BarrierState state() const noexcept {
    return static_cast<BarrierState>(low_half() >> kStateAt & kStateMask);
  }
  constexpr bool contended() const noexcept { return (low_half() & kContended) != 0; }
  constexpr bool filling() const noexcept { return state() == BarrierState::filling; }
  constexpr bool acting() const noexcept { return state() == BarrierState::acting; }
  constexpr bool broken() const noexcept { return state() > BarrierState::acting; }
  constexpr bool possible() const noexcept { return state() <= BarrierState::aborted; }
  constexpr std::uint32_t arrived() const noexcept { return filling() ? high_half() : 0; }
  constexpr std::uint32_t who() const noexcept { return filling() ? 0 : high_half(); }

  constexpr Fate fate_of(std::uint32_t round) const noexcept {
    const std::uint32_t ended_since = (this->round() - round) & (kRounds - 1);
    if (ended_since == 0) return broken() ? Fate::broken : Fate::open;
    if (ended_since > kHistoryBits) return Fate::completed;
    return (history() >> (ended_since - 1) & 1) != 0 ? Fate::reset : Fate::completed;
  }

  constexpr BarrierWord one_more() const noexcept { return BarrierWord(bits_ + kOne); }
  constexpr BarrierWord acted_on_by(std::uint32_t id) const noexcept {
    return make(round(), history(), BarrierState::acting, contended(), id);
  }
  constexpr BarrierWord broken_by(BarrierState why, std::uint32_t id) const noexcept {
    return make(round(), history(), why, false, id);
  }
  constexpr BarrierWord completed() const noexcept { return next(0); }
  constexpr BarrierWord reset() const noexcept { return next(1); }
  constexpr BarrierWord with_contended() const noexcept { return BarrierWord(bits_ | kContended); }

  constexpr bool operator==(const BarrierWord&) const noexcept = default;

 private:
  static constexpr std::uint32_t kHistoryBits = 12;
  static constexpr std::uint32_t kHistoryAt = 16;
  static constexpr std::uint32_t kStateAt = kHistoryAt + kHistoryBits;
  static constexpr std::uint32_t kStateMask = 7;
  static constexpr std::uint32_t kContended = 1u << 31;
  static constexpr std::uint64_t kOne = std::uint64_t{1} << 32;

  constexpr std::uint32_t high_half() const noexcept { return static_cast<std::uint32_t>(bits_ >> 32); }
  constexpr std::uint32_t history() const noexcept {
    return low_half() >> kHistoryAt & ((1u << kHistoryBits) - 1);
  }
  constexpr BarrierWord next(std::uint32_t was_reset) const noexcept {
    return make((round() + 1) & (kRounds - 1), (history() << 1 | was_reset) & ((1u << kHistoryBits) - 1),
                BarrierState::filling, false, 0);
  }
  static constexpr BarrierWord make(std::uint32_t round, std::uint32_t history, BarrierState state,
                                    bool contended, std::uint32_t high) noexcept {
    const std::uint32_t low = round | history << kHistoryAt | static_cast<std::uint32_t>(state) << kStateAt |
                              (contended ? kContended : 0);
    return BarrierWord(low | std::uint64_t{high} << 32);
  }

  std::uint64_t bits_;
};

}  // namespace carom::detail
