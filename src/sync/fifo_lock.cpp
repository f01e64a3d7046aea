#include "carom/fifo_lock.hpp"

#include <algorithm>
#include <span>

#include "carom/detail/watched.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/seat.hpp"
#include "memory/waiting.hpp"
#include "sync/deadlock.hpp"
#include "sync/placed.hpp"
#include "sync/spin.hpp"
#include "sync/takeover.hpp"

namespace carom {

using detail::FifoWord;
using detail::PlaceWord;
using memory::MappedSegment;
using memory::Roster;
using memory::Slot;
using memory::Standing;
using memory::Witness;

namespace {

std::uint64_t object_of(const MappedSegment& segment, const FifoLock& lock) noexcept {
  return memory::object_ref(memory::ObjectKind::fifo_lock, segment.offset_of(&lock));
}

/// Whether the first in line may take it.
bool to_be_had(FifoWord seen, OwnerDeath policy, Standing owner) noexcept {
  return seen.free() || (owner == Standing::gone && policy == OwnerDeath::recover);
}

Standing standing_of_owner(const Roster& roster, FifoWord seen, Witness witness = Witness::mark) noexcept {
  return seen.free() || seen.handed_over() ? Standing::lives : roster.standing(seen.owner(), witness);
}

/// Calls visit(slot, place) for the living who are in line, as of when the word was `seen`. One that does not look any
/// more, since it is stopped or has left the wait by a jump, keeps its place for when it comes back, and is passed over.
template <class Visit>
void each_in_line(const Roster& roster, std::uint64_t object, FifoWord seen, Witness witness, Visit visit) {
  const std::uint32_t now = Roster::now();
  roster.each_slot([&](Slot& slot, std::uint32_t) {
    if (slot.waiting_on.load(std::memory_order_seq_cst) != object) return;  // [F3]
    const PlaceWord place(slot.place.load(std::memory_order_seq_cst));
    if (place.drawn_by(seen.last_ticket()) && roster.lives(slot, witness) && !roster.absent(slot, now))
      visit(slot, place);
  });
}

/// Lets the participant of the slot look at the lock.
void wake(Slot& slot) noexcept {
  std::uint32_t seen = slot.place.load(std::memory_order_seq_cst);  // [F4]
  if (!PlaceWord(seen).asleep()) return;
  if (!slot.place.compare_exchange_strong(seen, PlaceWord(seen).to_awake().bits(), std::memory_order_seq_cst))
    return;
  CAROM_STEP(fifo_poked);
  platform::wake(slot.place, 1);
}

void wake_first_in_line(const Roster& roster, std::uint64_t object, FifoWord seen) noexcept {
  Slot* first = nullptr;
  PlaceWord earliest(0);
  each_in_line(roster, object, seen, Witness::mark, [&](Slot& slot, PlaceWord place) {
    if (place.drawing() || (first != nullptr && !place.before(earliest))) return;
    first = &slot;
    earliest = place;
  });
  if (first != nullptr) wake(*first);
}

/// The calling thread's place in line.
class Place {
 public:
  Place(Roster& roster, std::uint32_t self, std::uint64_t object) noexcept
      : roster_(roster),
        self_(self),
        slot_(roster.slot(self)),
        waiting_(roster, self, object),
        object_(object) {}

  bool queued() const noexcept { return queued_; }
  bool shown() const noexcept { return shown_; }
  memory::Waiting& waiting() noexcept { return waiting_; }

  /// To the end of the line. False if the word was not `seen` any more.
  bool queue(std::atomic<std::uint64_t>& word, FifoWord seen) noexcept {
    const FifoWord to = seen.with_waiter();
    place_ = PlaceWord::drawing(to.last_ticket());
    slot_.place.store(place_.bits(), std::memory_order_seq_cst);
    roster_.look(self_);
    waiting_.announce();
    shown_ = true;
    CAROM_STEP(fifo_announced);
    std::uint64_t bits = seen.bits();
    queued_ = word.compare_exchange_strong(bits, to.bits(), std::memory_order_seq_cst);
    if (!queued_) return false;
    CAROM_STEP(fifo_queued);
    look_awake();
    return true;
  }

  /// Who else is in line, as of when the word was `seen`.
  struct Others {
    bool before = false;
    bool any = false;
    std::uint32_t nearest[memory::kWatchedFellows] = {};  ///< of those before, latest first
    std::size_t count = 0;
  };
  Others others(FifoWord seen, Witness witness) const noexcept {
    Others others;
    PlaceWord places[memory::kWatchedFellows] = {PlaceWord(0), PlaceWord(0), PlaceWord(0)};
    each_in_line(roster_, object_, seen, witness, [&](const Slot& slot, PlaceWord place) {
      if (&slot == &slot_) return;
      others.any = true;
      if (queued_ && !place.before(place_)) return;
      others.before = true;
      std::size_t at = others.count;
      for (; at != 0 && places[at - 1].before(place); --at) {
        if (at == memory::kWatchedFellows) continue;
        places[at] = places[at - 1];
        others.nearest[at] = others.nearest[at - 1];
      }
      if (at == memory::kWatchedFellows) return;
      places[at] = place;
      others.nearest[at] = slot.id.load(std::memory_order_seq_cst);
      if (others.count < memory::kWatchedFellows) ++others.count;
    });
    return others;
  }

  void look_asleep() noexcept {
    slot_.place.store(place_.to_asleep().bits(), std::memory_order_seq_cst);  // [F4]
  }
  void look_awake() noexcept { slot_.place.store(place_.to_awake().bits(), std::memory_order_seq_cst); }

  memory::Waited sleep(std::span<const std::uint32_t> watched, Deadline deadline) {
    return waiting_.sleep(slot_.place, place_.to_asleep().bits(), {.holders = watched, .fellows = false},
                          deadline);
  }

 private:
  Roster& roster_;
  std::uint32_t self_;
  Slot& slot_;
  memory::Waiting waiting_;
  std::uint64_t object_;
  PlaceWord place_{0};
  bool shown_ = false;
  bool queued_ = false;
};

}  // namespace

Acquisition FifoLock::take(std::uint32_t self, Deadline deadline, bool detect) {
  MappedSegment& segment = sync::mapped(this, this->segment(), "lock");
  Roster roster = segment.roster();
  Place place(roster, self, object_of(segment, *this));
  sync::Spin spin(sync::Awaited::release);
  // Out of line, and only then is the word looked at once more: who was to see to it was perhaps this one.
  const auto leave = [&](Acquisition outcome) {
    CAROM_STEP(fifo_leaving);
    place.waiting().withdraw();  // [F3]
    CAROM_STEP(fifo_left);
    if (place.shown()) wake_first();
    return outcome;
  };
  for (;;) {
    std::uint64_t bits = word_.load(std::memory_order_seq_cst);
    const FifoWord seen(bits);
    const Standing owner = standing_of_owner(roster, seen, place.waiting().witness());
    if (owner == Standing::impossible) return leave(Acquisition::corrupted);
    if (owner == Standing::gone && policy() == OwnerDeath::refuse)
      return leave(Acquisition::refused_owner_died);
    if (to_be_had(seen, policy(), owner)) {
      const Place::Others others = place.others(seen, place.waiting().witness());
      if (!others.before) {
        const FifoWord mine =
            seen.free() ? seen.held_by(self, others.any) : seen.taken_over_by(self, others.any);
        if (!word_.compare_exchange_strong(bits, mine.bits(), std::memory_order_seq_cst)) continue;  // [F1]
        detail::acquired(&word_);
        if (seen.free()) {
          CAROM_STEP(fifo_taken);
          return leave(Acquisition::acquired);
        }
        CAROM_STEP(fifo_taken_over);
        sync::record_takeover(roster, seen.owner(), this);
        return leave(Acquisition::acquired_owner_died);
      }
      wake_first();
    }
    if (deadline.expired()) {
      if (owner == Standing::lives && !seen.free() && !seen.handed_over() && roster.is_dead(seen.owner()))
        continue;
      return leave(Acquisition::timed_out);
    }
    if (!place.queued()) {
      place.queue(word_, seen);
      continue;
    }
    if (!place.waiting().has_slept() && spin.again()) continue;
    if (detect && sync::in_deadlock(segment, self)) return leave(Acquisition::deadlocked);
    CAROM_STEP(fifo_to_sleep);
    place.look_asleep();
    // Before the word is looked at again: one that takes it after that, and dies, is among those that are watched.
    const Place::Others others = place.others(seen, Witness::mark);
    const bool has_turn = !others.before && to_be_had(seen, policy(), owner);
    if (word_.load(std::memory_order_seq_cst) == bits && !has_turn) {
      std::uint32_t watched[1 + memory::kWatchedFellows];
      std::copy_n(others.nearest, others.count, watched);
      std::size_t count = others.count;
      if (!seen.free() && !seen.handed_over() && owner == Standing::lives) watched[count++] = seen.owner();
      place.sleep({watched, count}, deadline);
    }
    place.look_awake();
  }
}

Release FifoLock::give() noexcept {
  std::uint64_t bits = word_.load(std::memory_order_relaxed);
  const MappedSegment* const segment = sync::find_mapped(this, this->segment());
  do {
    const FifoWord seen(bits);
    if (seen.free()) return Release::not_held;
    if (policy() == OwnerDeath::refuse && segment != nullptr &&
        standing_of_owner(segment->roster(), seen) == Standing::gone) {
      return Release::refused_owner_died;
    }
  } while (
      !word_.compare_exchange_weak(bits, FifoWord(bits).freed().bits(), std::memory_order_seq_cst));  // [F2]
  CAROM_STEP(fifo_released);
  if (FifoWord(bits).queued()) wake_first();
  return Release::released;
}

// If it is to be had; whoever comes upon it once it is does the same.
void FifoLock::wake_first() const noexcept {
  const MappedSegment* const segment = sync::find_mapped(this, this->segment());
  if (segment == nullptr) return;
  const Roster roster = segment->roster();
  const FifoWord seen(word_.load(std::memory_order_seq_cst));  // [F3]
  if (seen.queued() && to_be_had(seen, policy(), standing_of_owner(roster, seen)))
    wake_first_in_line(roster, object_of(*segment, *this), seen);
}

bool FifoLock::hand_over() {
  const std::uint32_t self = detail::seat_in(segment());
  std::uint64_t bits = word_.load(std::memory_order_relaxed);
  do {
    if (FifoWord(bits).owner() != self) return false;
  } while (!word_.compare_exchange_weak(bits, FifoWord(bits).to_nobody().bits(), std::memory_order_release,
                                        std::memory_order_relaxed));
  CAROM_STEP(fifo_handed_over);
  return true;
}

bool FifoLock::adopt() {
  const std::uint32_t self = detail::seat_in(segment());
  std::uint64_t bits = word_.load(std::memory_order_relaxed);
  do {
    if (FifoWord(bits).free() || !memory::is_forkers(segment(), FifoWord(bits).owner())) return false;
  } while (!word_.compare_exchange_weak(bits, FifoWord(bits).to(self).bits(), std::memory_order_seq_cst));
  CAROM_STEP(fifo_adopted);
  return true;
}

bool FifoLock::make_consistent() {
  const Roster roster = sync::mapped(this, segment(), "lock").roster();
  std::uint64_t bits = word_.load(std::memory_order_relaxed);
  do {
    if (standing_of_owner(roster, FifoWord(bits)) != Standing::gone) return false;
  } while (!word_.compare_exchange_weak(bits, FifoWord(bits).freed().bits(), std::memory_order_seq_cst));
  wake_first();
  return true;
}

std::optional<Participant> FifoLock::owner() const {
  const FifoWord word = load();
  if (word.free() || word.handed_over()) return std::nullopt;
  return sync::mapped(this, segment(), "lock").roster().about(word.owner());
}

std::vector<Participant> FifoLock::waiting() const {
  const MappedSegment& segment = sync::mapped(this, this->segment(), "lock");
  return segment.roster().waiting_on(object_of(segment, *this));
}

std::size_t FifoLock::waiters() const {
  const MappedSegment& segment = sync::mapped(this, this->segment(), "lock");
  return segment.roster().count_waiting_on(object_of(segment, *this));
}

}  // namespace carom
