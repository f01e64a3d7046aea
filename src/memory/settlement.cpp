#include "memory/settlement.hpp"

#include <cstddef>

#include "carom/detail/barrier_word.hpp"
#include "carom/detail/latch_word.hpp"
#include "carom/detail/step.hpp"
#include "platform/futex.hpp"

namespace carom::memory {
namespace {

using detail::BarrierWord;
using detail::Change;
using detail::HoldingState;
using detail::LatchWord;

/// Gives back all permits of one holding whose participant is gone; how many that were. `still_gone()` is asked after
/// each look at the holding.
template <class Word, class StillGone>
std::uint32_t give_all_back(const Roster& roster, std::atomic<std::uint64_t>& word, std::uint64_t object,
                            const Holding& holding, StillGone still_gone) {
  std::uint32_t given = 0;
  for (;;) {
    const HoldingState state = holding.state();
    if (holding.object().load(std::memory_order_acquire) != object || !still_gone()) return given;
    const Word seen(word.load(std::memory_order_acquire));
    if (seen.bears_next(holding.slot_index, holding.entry, state)) {
      std::uint64_t expected = state.bits();
      holding.word().compare_exchange_strong(expected, state.after(seen.stamp().change).bits(),
                                             std::memory_order_acq_rel);
      continue;
    }
    if (holding.state() != state) continue;  // noted since
    if (state.count() == 0) return given;
    settle_stamp(roster, word, object, seen);
    const std::uint32_t cancelled = state.count() < seen.debt() ? state.count() : seen.debt();
    const std::uint32_t permits = state.count() - cancelled;
    if (permits > Word::kMaxValue - seen.value()) return given;  // somebody wrote over one of them
    std::uint64_t from = seen.bits();
    const Word to = seen.plus(permits)
                        .with_debt(seen.debt() - cancelled)
                        .with_stamp({Change::give_all, holding.slot_index, holding.entry, state.tag() + 1});
    if (!word.compare_exchange_strong(from, to.bits(), std::memory_order_acq_rel)) continue;
    CAROM_STEP(estate_given);
    given += permits;
    if (seen.contended() && permits != 0) platform::wake(platform::low_half(word), static_cast<int>(permits));
  }
}

/// Breaks the barrier's open round, if `still()` before it is done.
template <class Still>
void break_barrier(std::atomic<std::uint64_t>& word, std::uint32_t culprit, Still still) {
  std::uint64_t seen = word.load(std::memory_order_acquire);
  for (;;) {
    const BarrierWord barrier(seen);
    if (barrier.broken() || !barrier.possible() || !still(barrier)) return;
    const BarrierWord broken = barrier.broken_by(detail::BarrierState::party_died, culprit);
    if (word.compare_exchange_weak(seen, broken.bits(), std::memory_order_acq_rel)) {
      CAROM_STEP(barrier_broken);
      if (barrier.contended()) platform::wake(platform::low_half(word), platform::kEverybody);
      return;
    }
  }
}

void forsake_latch(std::atomic<std::uint32_t>& word) {
  std::uint32_t seen = word.load(std::memory_order_acquire);
  for (;;) {
    const LatchWord latch(seen);
    if (latch.open() || latch.forsaken()) return;
    if (word.compare_exchange_weak(seen, latch.with_forsaken().bits(), std::memory_order_acq_rel)) {
      CAROM_STEP(latch_forsaken);
      if (latch.contended()) platform::wake(word, platform::kEverybody);
      return;
    }
  }
}

/// Sees to one holding of `who`, a participant that is gone. Returns the permits given back.
template <class StillGone>
std::uint32_t settle_holding(MappedSegment& segment, std::uint32_t who, const Holding& holding,
                             StillGone still_gone) {
  const Roster roster = segment.roster();
  const HoldingState state = holding.state();
  const std::uint64_t object = holding.object().load(std::memory_order_acquire);
  const ObjectKind kind = kind_of(object);
  // Of permits more may be held than is noted.
  if (kind == ObjectKind::semaphore || kind == ObjectKind::bounded_semaphore) {
    if (auto* const word = segment.word_of<std::uint64_t>(object)) {
      return kind == ObjectKind::semaphore
                 ? give_all_back<detail::SemaphoreWord>(roster, *word, object, holding, still_gone)
                 : give_all_back<detail::BoundedWord>(roster, *word, object, holding, still_gone);
    }
  }
  if (state.count() == 0 || !still_gone()) return 0;
  if (kind == ObjectKind::barrier) {
    if (auto* const word = segment.word_of<std::uint64_t>(object))
      break_barrier(*word, who, [&](BarrierWord) { return holding.state() == state; });
  }
  if (kind == ObjectKind::latch) {
    if (auto* const word = segment.word_of<std::uint32_t>(object)) forsake_latch(*word);
  }
  // What nothing counts is over when it has been seen to.
  std::uint64_t expected = state.bits();
  holding.word().compare_exchange_strong(expected, state.with_count(0).bits(), std::memory_order_acq_rel);
  return 0;
}

// The barrier that a participant had arrived at, as its slot notes it.
constexpr int kRoundBits = 16;
constexpr int kSerialBits = 8;
constexpr int kSerialAt = kRoundBits + 1;
constexpr int kOffsetAt = kSerialAt + kSerialBits;

std::uint64_t barrier_of(std::uint64_t note) noexcept {
  return object_ref(ObjectKind::barrier, note >> kOffsetAt << 3);
}

/// Whether any byte of the object is one of those.
bool lies_in(std::uint64_t object, std::uint64_t offset, std::size_t bytes) noexcept {
  const std::uint64_t begin = offset_in(object);
  return begin < offset + bytes && offset < begin + detail::held_bytes(kind_of(object));
}

void settle_arrival(MappedSegment& segment, std::uint32_t index, std::uint64_t note) {
  if (note == 0) return;
  const std::uint64_t object = segment.present_object(ObjectKind::barrier, offset_in(barrier_of(note)));
  if ((detail::serial_in(object) ^ note >> kSerialAt) % (1u << kSerialBits) != 0)
    return;  // another lies there
  const auto round = static_cast<std::uint32_t>(note >> 1) & ((1u << kRoundBits) - 1);
  if (auto* const word = segment.word_of<std::uint64_t>(object))
    break_barrier(*word, segment.roster().last_id(index),
                  [=](BarrierWord barrier) { return barrier.round() == round; });
}

}  // namespace

std::uint64_t arrival_note(std::uint64_t barrier, std::uint32_t round) noexcept {
  return offset_in(barrier) >> 3 << kOffsetAt |
         std::uint64_t{detail::serial_in(barrier)} % (1u << kSerialBits) << kSerialAt |
         std::uint64_t{round} << 1 | 1;
}

Settled settle_object(MappedSegment& segment, std::uint64_t object, Witness witness) {
  Settled settled;
  const Roster roster = segment.roster();
  roster.each_slot([&](Slot& slot, std::uint32_t index) {
    for (std::uint32_t entry = 0; entry < kHoldings; ++entry) {
      if (slot.held_object[entry].load(std::memory_order_acquire) != object) continue;
      const std::uint32_t who = roster.last_id(index);  // before it can be another
      const Holding holding{&slot, index, entry};
      const std::uint32_t permits =
          settle_holding(segment, who, holding, [&] { return !roster.lives(slot, witness); });
      if (permits == 0) continue;
      settled.permits += permits;
      settled.from = who;
    }
  });
  return settled;
}

bool settle_arrivals(MappedSegment& segment, std::uint64_t barrier, std::uint32_t round, Witness witness) {
  bool found = false;
  const Roster roster = segment.roster();
  const std::uint64_t note = arrival_note(barrier, round);
  roster.each_slot([&](Slot& slot, std::uint32_t index) {
    if (slot.arrived.load(std::memory_order_seq_cst) != note || roster.lives(slot, witness)) return;
    settle_arrival(segment, index, note);
    found = true;
  });
  return found;
}

bool settle_slot(MappedSegment& segment, std::uint32_t index) {
  Slot& slot = segment.roster().slot_at(index);
  if (!pass_on_turn(segment, index)) return false;
  for (std::uint32_t entry = 0; entry < kHoldings; ++entry) {
    settle_holding(segment, segment.roster().last_id(index), {&slot, index, entry}, [] { return true; });
    if (Holding{&slot, index, entry}.count() != 0) return false;  // makes no sense, so nobody gets it
  }
  settle_arrival(segment, index, slot.arrived.load(std::memory_order_acquire));
  return true;
}

bool pass_on_turn(MappedSegment& segment, std::uint32_t index) {
  const Roster roster = segment.roster();
  Slot& slot = roster.slot_at(index);
  for (;;) {
    const std::uint64_t condition = slot.parked_at.load(std::memory_order_acquire);
    std::uint64_t seen = slot.turn.load(std::memory_order_seq_cst);
    const TurnWord turn(seen);
    if (turn.state() == TurnWord::State::none || turn.state() == TurnWord::State::waiting) return true;
    if (turn.adopted()) {  // then the one it came from must be gone first
      Slot& origin = roster.slot_at(turn.other_slot());
      std::uint64_t from = origin.turn.load(std::memory_order_seq_cst);
      const TurnWord left(from);
      // Its ticket was drawn by whoever adopted it, so it is that one if it is granted to this slot.
      if (left.state() == TurnWord::State::granted && left.other_slot() == index) {
        origin.turn.compare_exchange_strong(from, 0, std::memory_order_seq_cst);
      }
    }
    if (turn.state() == TurnWord::State::granted) {
      Slot& other = roster.slot_at(turn.other_slot());
      // Asked first: one that was dead adopts nothing any more, so what is read of its turn afterwards stays true.
      const bool alive = roster.lives(other);
      const TurnWord theirs(other.turn.load(std::memory_order_seq_cst));
      if (theirs.adopted_from(index)) {
        slot.turn.compare_exchange_strong(seen, 0, std::memory_order_seq_cst);
        continue;
      }
      if (theirs.state() == TurnWord::State::waiting && turn.granted_to(turn.other_slot(), theirs.ticket()) &&
          alive) {
        platform::wake(platform::low_half(other.turn), 1);
        return false;
      }
      if (slot.turn.load(std::memory_order_seq_cst) != seen) continue;
    }
    const std::optional<Waiter> next = first_waiter(roster, condition, turn.limit());
    const TurnWord to = next ? TurnWord::granted(turn.limit(), next->index, next->ticket) : TurnWord::none();
    if (!slot.turn.compare_exchange_strong(seen, to.bits(), std::memory_order_seq_cst)) continue;
    if (!next) return true;
    CAROM_STEP(turn_granted);
    platform::wake(platform::low_half(next->slot->turn), 1);
    return false;
  }
}

void pass_on_turn_if_dead(MappedSegment& segment, std::uint32_t index, Witness witness) {
  const Roster roster = segment.roster();
  const Slot& slot = roster.slot_at(index);
  const TurnWord turn(slot.turn.load(std::memory_order_seq_cst));
  if (turn.state() != TurnWord::State::notified && turn.state() != TurnWord::State::granted) return;
  if (!roster.lives(slot, witness)) pass_on_turn(segment, index);
}

std::optional<Waiter> first_waiter(const Roster& roster, std::uint64_t condition, std::uint32_t limit) {
  std::optional<Waiter> first;
  bool first_is_absent = false;
  const std::uint32_t now = Roster::now();
  each_waiter(roster, condition, limit, [&](const Waiter& waiter) {
    const bool absent = roster.absent(*waiter.slot, now);
    if (first && (absent != first_is_absent ? absent : !drawn_by(waiter.ticket, first->ticket))) return;
    first = waiter;
    first_is_absent = absent;
  });
  return first;
}

void forget_what_lay_at(MappedSegment& segment, std::uint64_t offset, std::size_t bytes) noexcept {
  std::atomic<std::uint64_t>& built_below = segment.header().built_below;
  std::uint64_t below = built_below.load(std::memory_order_relaxed);
  const bool new_ground = offset >= below;
  while (below < offset + bytes &&
         !built_below.compare_exchange_weak(below, offset + bytes, std::memory_order_relaxed)) {
  }
  if (new_ground) return;
  segment.roster().each_slot([&](Slot& slot, std::uint32_t) {
    for (std::uint32_t entry = 0; entry < kHoldings; ++entry) {
      std::uint64_t object = slot.held_object[entry].load(std::memory_order_acquire);
      std::uint64_t state = slot.held_state[entry].load(std::memory_order_acquire);
      // In this order: the slot's participant uses a place for another object once it counts nothing.
      if (object == 0 || !lies_in(object, offset, bytes) ||
          !slot.held_object[entry].compare_exchange_strong(object, 0, std::memory_order_acq_rel))
        continue;
      while (HoldingState(state).count() != 0 &&
             !slot.held_state[entry].compare_exchange_weak(state, HoldingState(state).with_count(0).bits(),
                                                           std::memory_order_acq_rel)) {
      }
    }
    std::uint64_t note = slot.arrived.load(std::memory_order_acquire);
    if (note != 0 && lies_in(barrier_of(note), offset, bytes))
      slot.arrived.compare_exchange_strong(note, 0, std::memory_order_acq_rel);
  });
}

void pass_on_turns(MappedSegment& segment, std::uint64_t condition) {
  segment.roster().each_slot([&](const Slot& slot, std::uint32_t index) {
    if (slot.parked_at.load(std::memory_order_acquire) == condition) pass_on_turn_if_dead(segment, index);
  });
}

}  // namespace carom::memory
