#include "carom/detail/permits.hpp"

#include <optional>

#include "carom/detail/seat.hpp"
#include "carom/detail/watched.hpp"
#include "carom/error.hpp"
#include "memory/holding.hpp"
#include "memory/seat.hpp"
#include "memory/settlement.hpp"
#include "memory/waiting.hpp"
#include "sync/deadlock.hpp"
#include "sync/holders.hpp"
#include "sync/placed.hpp"
#include "sync/spin.hpp"
#include "sync/takeover.hpp"

namespace carom::detail {

using memory::Holding;
using memory::MappedSegment;
using memory::Roster;
using memory::Waited;
using memory::Waiting;

namespace {

OwnPermits own_permits(const Holding& holding) noexcept {
  return OwnPermits(holding.word(), holding.slot_index, holding.entry);
}

}  // namespace

template <class Word>
Acquisition Permits<Word>::take(Deadline deadline, bool held, bool detect) {
  const void* const base = home_.segment_of(this);
  const std::uint32_t self = seat_in(base);
  const std::uint64_t object = object_at(base);
  MappedSegment& segment = sync::mapped(this, base, "semaphore");
  Roster roster = segment.roster();
  std::optional<OwnPermits> own;
  if (held) {
    const Stamp stamp = Word(word_.load(std::memory_order_acquire)).stamp();
    own.emplace(own_permits(memory::make_holding(base, object, stamp)));
  }
  Waiting waiting(roster, self, object, memory::Cancellation::point);
  sync::Spin spin(sync::Awaited::signal);
  std::uint32_t recovered_from = memory::kNoId;
  bool last_try = false;
  for (;;) {
    std::uint64_t bits = word_.load(std::memory_order_acquire);
    const Word seen(bits);
    if (seen.value() > limit()) return Acquisition::corrupted;
    // Before it is written over; or, when there is none free, so that the last that took one is among the holders.
    if (held || seen.value() == 0) memory::settle_stamp(roster, word_, object, seen);
    if (seen.value() != 0) {
      // Who has slept cannot know whether others still do.
      const bool mark = waiting.has_slept();
      const bool pays = held && own->pays(seen);
      Word less = seen.less_one();
      if (mark) less = less.with_contended();
      if (pays) less = less.with_debt(seen.debt() - 1);
      if (held && !pays
              ? !own->template change<Change::take>(word_, seen, mark)
              : !word_.compare_exchange_strong(bits, less.bits(), std::memory_order_acquire,  // [P1]
                                               std::memory_order_relaxed)) {
        continue;
      }
      detail::acquired(&word_);
      if (recovered_from == memory::kNoId) return Acquisition::acquired;
      sync::record_takeover(roster, recovered_from, this);
      return Acquisition::acquired_owner_died;
    }
    // Once more after the deadline: the wake that ended the sleep may have brought a permit.
    const bool give_up = last_try || (!waiting.has_slept() && deadline.expired());
    if (!give_up && !waiting.has_slept() && spin.again()) continue;
    const bool ever_held = seen.stamp().change != Change::none;
    if (ever_held) {
      const memory::Witness witness = give_up ? memory::Witness::identity : waiting.witness();
      if (const memory::Settled settled = memory::settle_object(segment, object, witness);
          settled.permits != 0) {
        recovered_from = settled.from;
        continue;
      }
    }
    if (give_up) return Acquisition::timed_out;
    if (detect) {
      waiting.announce();
      if (sync::in_deadlock(segment, self)) return Acquisition::deadlocked;
    }
    if (!seen.contended()) {
      if (!word_.compare_exchange_strong(bits, seen.with_contended().bits(), std::memory_order_relaxed))
        continue;
      CAROM_STEP(permit_marked);
    }
    std::uint32_t ids[memory::kWatchedHolders];
    memory::Company company;
    if (ever_held) company.holders = sync::some_holders(roster, object, ids);
    last_try = waiting.sleep(platform::low_half(word_), seen.with_contended().low_half(), company,
                             deadline) == Waited::timed_out;
  }
}

template <class Word>
Release Permits<Word>::give_held_anyhow() {
  const void* const base = home_.segment_of(this);
  const Roster roster = sync::mapped(this, base, "semaphore").roster();
  const std::uint64_t object = object_at(base);
  const Holding holding = memory::find_own_holding(base, object);
  if (!holding) return Release::not_held;
  OwnPermits own = own_permits(holding);
  if (own.count() == 0) return Release::not_held;
  for (;;) {
    const Word seen(word_.load(std::memory_order_acquire));
    if (seen.value() >= limit()) return Release::too_many;
    memory::settle_stamp(roster, word_, object, seen);
    if (!own.template change<Change::give>(word_, seen)) continue;
    if (seen.contended()) wake_one();
    return Release::released;
  }
}

// A foreign release and a taking in one change of the word: the permit is never free, and what the forking thread gives back
// when it dies is less by it.
template <class Word>
bool Permits<Word>::adopt() {
  const void* const base = home_.segment_of(this);
  const Roster roster = sync::mapped(this, base, "semaphore").roster();
  const std::uint64_t object = object_at(base);
  const Stamp stamp = Word(word_.load(std::memory_order_acquire)).stamp();
  OwnPermits own = own_permits(memory::make_holding(base, object, stamp));
  for (;;) {
    const Word seen(word_.load(std::memory_order_acquire));
    memory::settle_stamp(roster, word_, object, seen);
    bool held = false;
    roster.each_slot([&](const memory::Slot& slot, std::uint32_t index) {
      const std::uint32_t id = slot.id.load(std::memory_order_acquire);
      if (!memory::is_forkers(base, id)) return;
      for (std::uint32_t entry = 0; entry < memory::kHoldings; ++entry) {
        if (slot.held_object[entry].load(std::memory_order_acquire) != object) continue;
        held = held || Holding{&roster.slot_at(index), index, entry}.count() != 0;
      }
    });
    if (!held || seen.debt() >= Word::kMaxDebt) return false;
    if (!own.adopt(word_, seen)) continue;
    CAROM_STEP(permit_adopted);
    return true;
  }
}

template <class Word>
void Permits<Word>::wake_one() noexcept {
  wake(Word(word_.load(std::memory_order_relaxed)), 1);
}

template <class Word>
Release Permits<Word>::give_foreign() noexcept {
  std::uint64_t bits = word_.load(std::memory_order_relaxed);
  Word given(bits);
  detail::releasing(&word_);
  do {
    const Word seen(bits);
    if (seen.value() >= limit() || seen.debt() >= Word::kMaxDebt) return Release::too_many;
    given = seen.plus(1).with_debt(seen.debt() + 1);
  } while (!word_.compare_exchange_weak(bits, given.bits(), std::memory_order_release,  // [P2]
                                        std::memory_order_relaxed));
  CAROM_STEP(permit_given);
  if (given.contended()) wake(given, 1);
  return Release::released;
}

template <class Word>
void Permits<Word>::wake(Word given, std::uint32_t n) noexcept {
  if (static_cast<std::uint32_t>(platform::wake(platform::low_half(word_), static_cast<int>(n))) >= n) return;
  // Nobody sleeps any more. Who is about to has not fallen asleep on this value, for it has permits.
  if (given.value() == 0) return;
  std::uint64_t bits = given.bits();
  word_.compare_exchange_strong(bits, given.without_contended().bits(), std::memory_order_relaxed);
}

template <class Word>
std::uint32_t Permits<Word>::value() const {
  MappedSegment& segment = sync::mapped(this, home_.segment_of(this), "semaphore");
  memory::settle_object(segment, object_at(&segment.header()), memory::Witness::identity);
  return Word(word_.load(std::memory_order_relaxed)).value();
}

template <class Word>
std::uint32_t Permits<Word>::held_by_me() const {
  const void* const base = home_.segment_of(this);
  const MappedSegment& segment = sync::mapped(this, base, "semaphore");
  const Holding holding = memory::find_own_holding(base, object_at(&segment.header()));
  return holding ? holding.count() : 0;
}

template <class Word>
std::vector<Participant> Permits<Word>::holders() const {
  const MappedSegment& segment = sync::mapped(this, home_.segment_of(this), "semaphore");
  return sync::holders_of(segment, object_at(&segment.header()));
}

template <class Word>
std::vector<Participant> Permits<Word>::waiting() const {
  const MappedSegment& segment = sync::mapped(this, home_.segment_of(this), "semaphore");
  return segment.roster().waiting_on(object_at(&segment.header()));
}

template <class Word>
std::size_t Permits<Word>::count_waiting() const {
  const MappedSegment& segment = sync::mapped(this, home_.segment_of(this), "semaphore");
  return segment.roster().count_waiting_on(object_at(&segment.header()));
}

template class Permits<SemaphoreWord>;
template class Permits<BoundedWord>;

}  // namespace carom::detail
