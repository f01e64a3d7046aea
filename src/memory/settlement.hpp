// Seeing to what the dead left behind: the one way in which permits, promises and turns come back.
//
// Anyone may do it, at any time, any number at once; each step is one compare-and-exchange that only the first of them
// makes, and dying between two steps leaves what the next finishes. The rules: carom/detail/permit_word.hpp,
// carom/detail/barrier_word.hpp, carom/detail/latch_word.hpp, memory/turn_word.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "memory/holding.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/turn_word.hpp"

namespace carom::memory {

struct Settled {
  std::uint32_t permits = 0;   ///< given back
  std::uint32_t from = kNoId;  ///< one of the dead they were held by
};

/// Gives back what the dead hold of the object.
Settled settle_object(MappedSegment& segment, std::uint64_t object, Witness witness = Witness::mark);

/// Sees to everything that the last participant of a slot left behind. For the slot's next claimant. False: it was
/// notified and another waiter is yet to take that over from here.
bool settle_slot(MappedSegment& segment, std::uint32_t index);

/// How a slot notes that its participant has arrived at the barrier in that round; never 0.
std::uint64_t arrival_note(std::uint64_t barrier, std::uint32_t round) noexcept;

/// Breaks the round of the barrier if somebody that had arrived is dead. True if somebody was.
bool settle_arrivals(MappedSegment& segment, std::uint64_t barrier, std::uint32_t round,
                     Witness witness = Witness::mark);

/// For a new object of so many bytes at the offset: takes away what slots note of objects that lay there. Whoever has
/// something of one has nothing any more. Costs a look at every slot, but where no object was ever made.
void forget_what_lay_at(MappedSegment& segment, std::uint64_t offset, std::size_t bytes) noexcept;

/// Has the change noted whose stamp the word bears, before that is written over. `from`: what was read of the word.
template <class Word>
void settle_stamp(const Roster& roster, const std::atomic<std::uint64_t>& word, std::uint64_t object,
                  Word from) {
  const detail::Stamp stamp = from.stamp();
  const Holding holding{&roster.slot_at(stamp.slot), stamp.slot, stamp.entry};
  const detail::HoldingState state = holding.state();
  if (!from.bears_next(stamp.slot, stamp.entry, state)) return;
  if (holding.object().load(std::memory_order_acquire) != object) return;
  // Read again: the holding may be further by as many changes as there are tags in a word.
  if (word.load(std::memory_order_acquire) != from.bits()) return;
  std::uint64_t expected = state.bits();
  holding.word().compare_exchange_strong(expected, state.after(stamp.change).bits(),
                                         std::memory_order_acq_rel);
}

/// A living participant that waits at a condition.
struct Waiter {
  Slot* slot;
  std::uint32_t index;
  std::uint32_t ticket;
};

/// Calls visit(waiter) for those who wait at the condition with a ticket drawn by `limit`.
template <class Visit>
void each_waiter(const Roster& roster, std::uint64_t condition, std::uint32_t limit, Visit visit) {
  roster.each_slot([&](Slot& slot, std::uint32_t index) {
    if (slot.parked_at.load(std::memory_order_acquire) != condition) return;
    const TurnWord turn(slot.turn.load(std::memory_order_seq_cst));
    // As whole words: one with more than a ticket was never stored, and nobody could notify it.
    if (turn != TurnWord::waiting(turn.ticket()) || !drawn_by(turn.ticket(), limit) || !roster.lives(slot))
      return;
    visit(Waiter{&slot, index, turn.ticket()});
  });
}

/// The one of them with the first ticket. One that does not look any more, since it is stopped or has left the wait by a
/// jump, comes after all others.
std::optional<Waiter> first_waiter(const Roster& roster, std::uint64_t condition, std::uint32_t limit);

/// Passes on the turns of the dead that were notified at the condition, to those who waited then; and that in one slot.
void pass_on_turns(MappedSegment& segment, std::uint64_t condition);
void pass_on_turn_if_dead(MappedSegment& segment, std::uint32_t index, Witness witness = Witness::mark);

/// Passes on the turn in the slot, of a participant that is dead. True if it is no longer there.
bool pass_on_turn(MappedSegment& segment, std::uint32_t index);

}  // namespace carom::memory
