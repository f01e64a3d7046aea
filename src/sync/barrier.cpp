#include "carom/barrier.hpp"

#include <algorithm>
#include <cmath>

#include "carom/detail/seat.hpp"
#include "carom/detail/step.hpp"
#include "carom/detail/watched.hpp"
#include "memory/settlement.hpp"
#include "memory/waiting.hpp"
#include "sync/holders.hpp"
#include "sync/placed.hpp"
#include "sync/spin.hpp"

namespace carom {

using detail::BarrierState;
using detail::BarrierWord;
using memory::Holding;
using memory::MappedSegment;
using memory::Roster;
using Fate = BarrierWord::Fate;

namespace {

MappedSegment& mapped(const void* object, const void* base) {
  return sync::mapped(object, base, "barrier");
}

BarrierBreak reason(BarrierState state) noexcept {
  switch (state) {
    case BarrierState::timed_out:
      return BarrierBreak::timed_out;
    case BarrierState::action_failed:
      return BarrierBreak::action_failed;
    case BarrierState::aborted:
      return BarrierBreak::aborted;
    default:
      return BarrierBreak::party_died;
  }
}

std::string sentence(BarrierBreak why, const std::optional<Participant>& culprit) {
  std::string text = std::string("is broken: ") + to_string(why);
  if (culprit && culprit->pid != 0) {
    text += " (process " + std::to_string(culprit->pid) + ", thread " + std::to_string(culprit->tid) +
            ", \"" + culprit->name() + "\")";
  }
  return text;
}

/// The note in the calling thread's slot that it has arrived, for as long as the call lasts. An action may itself wait
/// at a barrier, so what was noted before comes back.
class ArrivalNote {
 public:
  explicit ArrivalNote(memory::Slot& slot)
      : slot_(slot), before_(slot.arrived.load(std::memory_order_relaxed)) {}
  ArrivalNote(const ArrivalNote&) = delete;
  ArrivalNote& operator=(const ArrivalNote&) = delete;
  ~ArrivalNote() { slot_.arrived.store(before_, std::memory_order_seq_cst); }
  void set(std::uint64_t note) { slot_.arrived.store(note, std::memory_order_seq_cst); }

 private:
  memory::Slot& slot_;
  std::uint64_t before_;
};

}  // namespace

const char* to_string(BarrierBreak why) noexcept {
  switch (why) {
    case BarrierBreak::party_died:
      return "a party died";
    case BarrierBreak::timed_out:
      return "a party timed out";
    case BarrierBreak::action_failed:
      return "the action failed";
    case BarrierBreak::aborted:
      return "aborted";
    case BarrierBreak::reset:
      return "reset while parties waited";
  }
  return "?";
}

BrokenBarrierError::BrokenBarrierError(BarrierBreak why, const std::optional<Participant>& culprit)
    : Error(Errc::barrier_broken, "barrier", sentence(why, culprit)), why_(why), culprit_(culprit) {}

std::uint64_t Barrier::object_in(const MappedSegment& segment) const noexcept {
  return memory::object_ref(memory::ObjectKind::barrier, segment.offset_of(this), serial_);
}

std::uint32_t Barrier::checked(std::int64_t parties) {
  if (parties < 1 || parties > kMaxParties) {
    throw Error(Errc::bad_value, "barrier",
                "cannot have " + std::to_string(parties) + " parties; from 1 to " +
                    std::to_string(kMaxParties) + " are possible");
  }
  return static_cast<std::uint32_t>(parties);
}

std::int64_t Barrier::in_ns(double seconds) {
  if (std::isnan(seconds)) throw Error(Errc::bad_timeout, "barrier", "its timeout is not a number");
  if (seconds < 0) return 0;
  return seconds < 9e9 ? static_cast<std::int64_t>(seconds * 1e9) : kNoTimeout;
}

Deadline Barrier::timeout() const {
  if (timeout_ns_ == kNoTimeout) return Deadline::never();
  return std::chrono::nanoseconds(timeout_ns_);
}

void Barrier::throw_broken(BarrierWord seen, std::uint32_t round) const {
  // One that all have arrived for and that has gone by without its action was reset, if so long ago that the word no
  // longer says it.
  if (seen.fate_of(round) != Fate::broken) throw BrokenBarrierError(BarrierBreak::reset, std::nullopt);
  throw BrokenBarrierError(reason(seen.state()),
                           mapped(this, home_.segment_of(this)).roster().about(seen.who()));
}

bool Barrier::break_round(std::uint32_t round, BarrierState why, std::uint32_t culprit) {
  std::uint64_t bits = word_.load(std::memory_order_acquire);
  for (;;) {
    const BarrierWord seen(bits);
    if (seen.fate_of(round) != Fate::open) return false;
    if (!word_.compare_exchange_weak(bits, seen.broken_by(why, culprit).bits(), std::memory_order_acq_rel))
      continue;
    CAROM_STEP(barrier_broken);
    if (seen.contended()) platform::wake(platform::low_half(word_), platform::kEverybody);
    return true;
  }
}

int Barrier::meet(Deadline deadline, void (*action)(void*), void* argument) {
  const void* const base = home_.segment_of(this);
  MappedSegment& segment = mapped(this, base);
  const std::uint64_t object = object_in(segment);
  const std::uint32_t self = detail::seat_in(base);
  ArrivalNote note(segment.roster().slot(self));
  for (;;) {
    std::uint64_t bits = word_.load(std::memory_order_acquire);
    const BarrierWord seen(bits);
    if (!seen.possible() || seen.arrived() >= parties_)
      throw Error(Errc::corrupted, "barrier", "has an impossible value; something wrote over it");
    if (seen.broken()) throw_broken(seen, seen.round());
    const std::uint32_t round = seen.round();
    if (seen.acting()) {  // of a round that all have arrived for; the next begins when it is over
      note.set(0);
      memory::settle_arrivals(segment, object, round);
      if (wait_for_others(round, -1, deadline) < 0) continue;
    }
    note.set(memory::arrival_note(object, round));
    CAROM_STEP(barrier_noted);
    const int index = static_cast<int>(seen.arrived());
    const bool last = seen.arrived() + 1 == parties_;
    if (last) {  // the others see to the dead before they sleep
      // Arrivals first, here and everywhere: an arrival ends with its round, but the enrolment of one that died between
      // the two would break the next one after a reset once more.
      const bool broken = memory::settle_arrivals(segment, object, round);
      memory::settle_object(segment, object);
      if (broken) continue;
    }
    const BarrierWord to = !last               ? seen.one_more()
                           : action != nullptr ? seen.acted_on_by(self)
                                               : seen.completed();
    detail::releasing(&word_);
    if (!word_.compare_exchange_strong(bits, to.bits(), std::memory_order_acq_rel)) continue;  // [B1]
    detail::acquired(&word_);
    if (!last) {
      CAROM_STEP(barrier_arrived);
      return wait_for_others(round, index, deadline);
    }
    if (action != nullptr) {
      CAROM_STEP(barrier_acting);
      act(round, action, argument);
    } else {
      CAROM_STEP(barrier_completed);
      if (seen.contended()) platform::wake(platform::low_half(word_), platform::kEverybody);
    }
    return index;
  }
}

void Barrier::act(std::uint32_t round, void (*action)(void*), void* argument) {
  try {
    action(argument);
  } catch (...) {
    break_round(round, BarrierState::action_failed, detail::seat_in(home_.segment_of(this)));
    throw;
  }
  std::uint64_t bits = word_.load(std::memory_order_acquire);
  for (;;) {
    const BarrierWord seen(bits);
    if (seen.fate_of(round) != Fate::open) throw_broken(seen, round);
    detail::releasing(&word_);
    if (!word_.compare_exchange_weak(bits, seen.completed().bits(), std::memory_order_acq_rel)) continue;
    CAROM_STEP(barrier_completed);
    if (seen.contended()) platform::wake(platform::low_half(word_), platform::kEverybody);
    return;
  }
}

// Returns `index` once the round is completed; one that only waits for the round to be over has -1.
int Barrier::wait_for_others(std::uint32_t round, int index, Deadline deadline) {
  const void* const base = home_.segment_of(this);
  MappedSegment& segment = mapped(this, base);
  const std::uint64_t object = object_in(segment);
  Roster roster = segment.roster();
  const std::uint32_t self = detail::seat_in(base);
  memory::Waiting waiting(roster, self, object, memory::Cancellation::point);
  sync::Spin spin(sync::Awaited::signal);
  for (;;) {
    std::uint64_t bits = word_.load(std::memory_order_acquire);  // [B2]
    const BarrierWord seen(bits);
    const Fate fate = seen.fate_of(round);
    if (fate == Fate::completed || (fate == Fate::reset && index < 0)) {
      detail::acquired(&word_);
      return index;
    }
    if (fate != Fate::open) throw_broken(seen, round);
    if (deadline.expired()) {
      if (index < 0) throw BrokenBarrierError(BarrierBreak::timed_out, roster.about(self));
      break_round(round, BarrierState::timed_out, self);
      continue;
    }
    if (!waiting.has_slept() && spin.again()) continue;
    memory::settle_arrivals(segment, object, round, waiting.witness());
    memory::settle_object(segment, object, waiting.witness());
    if (seen.acting() && roster.standing(seen.who(), waiting.witness()) == memory::Standing::gone)
      break_round(round, BarrierState::party_died, seen.who());
    if (BarrierWord(word_.load(std::memory_order_acquire)).fate_of(round) != Fate::open) continue;
    if (!seen.contended()) {
      if (!word_.compare_exchange_strong(bits, seen.with_contended().bits(), std::memory_order_relaxed))
        continue;
      CAROM_STEP(barrier_marked);
    }
    std::uint32_t ids[memory::kWatchedHolders];
    std::size_t count = sync::some_holders(roster, object, ids).size();
    if (seen.acting()) {
      ids[0] = seen.who();
      count = std::max<std::size_t>(count, 1);
    }
    try {
      waiting.sleep(platform::low_half(word_), seen.with_contended().low_half(), {.holders = {ids, count}},
                    deadline);
    } catch (...) {  // a cancellation: it ends the thread once this is done
      if (index >= 0) break_round(round, BarrierState::aborted, self);
      throw;
    }
  }
}

void Barrier::abort() {
  break_round(word().round(), BarrierState::aborted, detail::seat_in(home_.segment_of(this)));
}

/// Breaks the round if a party of it is dead by now, and sees to the enrolments of the dead.
void Barrier::see_to_the_dead() const {
  MappedSegment& segment = mapped(this, home_.segment_of(this));
  const auto witness = memory::Witness::identity;
  memory::settle_arrivals(segment, object_in(segment), word().round(), witness);
  memory::settle_object(segment, object_in(segment), witness);
}

void Barrier::reset() {
  see_to_the_dead();  // or who died before would break it once more afterwards
  std::uint64_t bits = word_.load(std::memory_order_acquire);
  for (;;) {
    const BarrierWord seen(bits);
    if (seen.filling() && seen.arrived() == 0) return;
    if (!word_.compare_exchange_weak(bits, seen.reset().bits(), std::memory_order_acq_rel)) continue;
    CAROM_STEP(barrier_reset);
    if (seen.contended()) platform::wake(platform::low_half(word_), platform::kEverybody);
    return;
  }
}

void Barrier::enrol() {
  const void* const base = home_.segment_of(this);
  memory::make_holding(base, object_in(mapped(this, base))).set_count(1);
  CAROM_STEP(barrier_enrolled);
}

void Barrier::leave() {
  const void* const base = home_.segment_of(this);
  const Holding own = memory::find_own_holding(base, object_in(mapped(this, base)));
  if (own && own.count() != 0) own.set_count(0);
}

bool Barrier::broken() const {
  see_to_the_dead();
  return word().broken();
}

std::vector<Participant> Barrier::enrolled() const {
  const MappedSegment& segment = mapped(this, home_.segment_of(this));
  return sync::holders_of(segment, object_in(segment));
}

std::vector<Participant> Barrier::waiting() const {
  const MappedSegment& segment = mapped(this, home_.segment_of(this));
  return segment.roster().waiting_on(object_in(segment));
}

std::size_t Barrier::waiters() const {
  const MappedSegment& segment = mapped(this, home_.segment_of(this));
  return segment.roster().count_waiting_on(object_in(segment));
}

}  // namespace carom
