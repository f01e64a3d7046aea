#include "carom/shared_lock.hpp"

#include "carom/detail/seat.hpp"
#include "carom/detail/step.hpp"
#include "carom/detail/watched.hpp"
#include "memory/holding.hpp"
#include "memory/waiting.hpp"
#include "sync/deadlock.hpp"
#include "sync/placed.hpp"
#include "sync/spin.hpp"
#include "sync/takeover.hpp"

namespace carom {

using detail::SharedWord;
using memory::Holding;
using memory::MappedSegment;
using memory::Roster;
using memory::Standing;
using memory::Waited;
using memory::Waiting;

namespace {

MappedSegment& mapped(const void* object, const void* base) {
  return sync::mapped(object, base, "shared lock");
}

/// Calls visit(holding, count) for every living reader, until it returns false.
template <class Visit>
void each_reader(const Roster& roster, std::uint64_t object, Visit visit) {
  bool more = true;
  roster.each_slot([&](memory::Slot& slot, std::uint32_t index) {
    for (std::uint32_t entry = 0; more && entry < memory::kHoldings; ++entry) {
      if (slot.held_object[entry].load(std::memory_order_seq_cst) != object) continue;  // [S1]
      const auto count = static_cast<std::uint32_t>(slot.held_state[entry].load(std::memory_order_seq_cst));
      if (count != 0 && roster.lives(slot)) more = visit(Holding{&slot, index, entry}, count);
    }
  });
}

/// Whether the writer waits for readers to leave, and is not there to see them go: it is dead or stopped, or has left its
/// wait by a jump. The caller's own claim, found when it comes again, is such a one too.
bool passed_over(const Roster& roster, std::uint64_t object, SharedWord seen, Standing standing,
                 std::uint32_t self) noexcept {
  if (!seen.draining()) return false;
  const memory::Slot& slot = roster.slot(seen.writer());
  return standing == Standing::gone || seen.writer() == self ||
         slot.waiting_on.load(std::memory_order_relaxed) != object || roster.absent(slot, Roster::now());
}

/// One thread's wait for the lock, to read or to write.
struct Visit {
  MappedSegment& segment;
  std::uint32_t self;
  Deadline deadline;
  bool detect;
  Waiting waiting;
  sync::Spin spin{sync::Awaited::release};
};

/// Waits a while for the writer that was seen. How the acquire ends; nothing: it is to look again.
std::optional<Acquisition> wait_for_writer(std::atomic<std::uint64_t>& word, SharedWord seen, Visit& visit) {
  if (!visit.waiting.has_slept()) {
    if (visit.deadline.expired()) return Acquisition::timed_out;
    if (visit.spin.again()) return std::nullopt;
  }
  if (!seen.contended()) {
    std::uint64_t expected = seen.bits();
    if (!word.compare_exchange_strong(expected, seen.with_contended().bits(), std::memory_order_relaxed))
      return std::nullopt;
    CAROM_STEP(shared_marked);
  }
  if (visit.detect) {
    visit.waiting.announce();
    const bool has_it = seen.writer() == visit.self;
    if (sync::in_deadlock(visit.segment, visit.self, has_it)) return Acquisition::deadlocked;
  }
  const std::uint32_t writer = seen.writer();
  const Waited waited = visit.waiting.sleep(platform::low_half(word), seen.with_contended().low_half(),
                                            {.holders = {&writer, 1}}, visit.deadline);
  return waited == Waited::timed_out ? std::optional<Acquisition>(Acquisition::timed_out) : std::nullopt;
}

/// Changes the caller's own claim. False if it is not there any more: somebody has passed it over.
template <class Change>
bool change_claim(std::atomic<std::uint64_t>& word, std::uint32_t self, Change change) noexcept {
  std::uint64_t seen = word.load(std::memory_order_relaxed);
  do {
    if (SharedWord(seen).writer() != self) return false;
  } while (!word.compare_exchange_weak(seen, change(SharedWord(seen)).bits(), std::memory_order_acq_rel));
  return true;
}

enum class Drained { alone, passed_over, timed_out, deadlocked };

/// The caller has the word, so nobody comes in any more. Whoever is inside leaves, or dies.
Drained wait_for_readers(std::atomic<std::uint64_t>& word, std::uint64_t object, Visit& visit) {
  const Roster roster = visit.segment.roster();
  sync::Spin patience(sync::Awaited::release);
  bool draining = false;
  for (;;) {
    Holding reader;
    std::uint32_t count = 0;
    std::uint32_t id = memory::kNoId;
    each_reader(roster, object, [&](const Holding& holding, std::uint32_t times) {
      reader = holding;
      count = times;
      id = roster.last_id(holding.slot_index);
      return false;
    });
    if (!reader) {
      const bool alone =
          !draining || change_claim(word, visit.self, [](SharedWord seen) { return seen.to_inside(); });
      return alone ? Drained::alone : Drained::passed_over;
    }
    if (!draining) {
      roster.look(visit.self);
      visit.waiting.announce();
      change_claim(word, visit.self, [](SharedWord seen) { return seen.to_draining(); });
      draining = true;
      CAROM_STEP(writer_draining);
    }
    if (SharedWord(word.load(std::memory_order_relaxed)).writer() != visit.self) return Drained::passed_over;
    if (visit.deadline.expired()) return Drained::timed_out;
    if (patience.again()) continue;
    if (visit.detect && sync::in_deadlock(visit.segment, visit.self)) return Drained::deadlocked;
    visit.waiting.sleep(platform::low_half(reader.word()), count, {.holders = {&id, 1}, .fellows = false},
                        visit.deadline);
  }
}

}  // namespace

std::uint64_t SharedLock::object_at(const void* base) const noexcept {
  return memory::object_ref(memory::ObjectKind::shared_lock, this, base, serial_);
}

Acquisition SharedLock::take(Deadline deadline, bool detect) {
  const void* const base = home_.segment_of(this);
  MappedSegment& segment = mapped(this, base);
  const std::uint64_t object = object_at(&segment.header());
  const std::uint32_t self = detail::seat_in(base);
  Roster roster = segment.roster();
  Visit visit{segment, self, deadline, detect, Waiting(roster, self, object)};
  for (;;) {
    const SharedWord seen = word();
    const Standing standing =
        seen.writer() == 0 ? Standing::lives : roster.standing(seen.writer(), visit.waiting.witness());
    if (standing == Standing::impossible) return Acquisition::corrupted;
    SharedWord mine = seen.taken_by(self, seen.writer() != 0 || visit.waiting.has_slept());
    const bool over = passed_over(roster, object, seen, standing, self);
    const bool owner_died = standing == Standing::gone && !over;
    if (owner_died) {
      mine = seen.taken_over_by(self);
    } else if (seen.writer() != 0 && !over) {
      if (const auto ended = wait_for_writer(word_, seen, visit)) return *ended;
      continue;
    }
    std::uint64_t expected = seen.bits();
    if (!word_.compare_exchange_strong(expected, mine.bits(), std::memory_order_seq_cst)) continue;  // [S1]
    CAROM_STEP(writer_taken);
    const Drained drained = wait_for_readers(word_, object, visit);
    if (drained == Drained::passed_over) continue;
    if (drained != Drained::alone) {
      visit.waiting.withdraw();  // [D2] while it is said to wait it lets go of nothing
      return give_up(self, drained == Drained::deadlocked ? Acquisition::deadlocked : Acquisition::timed_out);
    }
    CAROM_STEP(writer_inside);
    detail::acquired(&word_);
    if (owner_died) sync::record_takeover(roster, seen.writer(), this);
    return word().tainted() ? Acquisition::acquired_owner_died : Acquisition::acquired;
  }
}

Acquisition SharedLock::give_up(std::uint32_t self, Acquisition outcome) {
  SharedWord claim(0);
  const bool given_up = change_claim(word_, self, [&](SharedWord seen) {
    claim = seen;
    return seen.without_writer();
  });
  if (!given_up) return outcome;
  CAROM_STEP(writer_gave_up);
  if (claim.contended()) platform::wake(platform::low_half(word_), 1);
  return outcome;
}

Release SharedLock::release() {
  if (!owned()) return Release::not_owner;
  detail::releasing(&word_);
  const SharedWord old(word_.exchange(0, std::memory_order_release));
  CAROM_STEP(writer_released);
  if (old.contended()) platform::wake(platform::low_half(word_), 1);
  return Release::released;
}

Acquisition SharedLock::enter(Deadline deadline, bool detect) {
  const void* const base = home_.segment_of(this);
  const std::uint32_t self = detail::seat_in(base);
  const std::uint64_t object = object_at(base);
  const Holding own = memory::make_holding(base, object);
  const std::uint32_t times = own.count();
  if (times != 0) {  // no writer can be inside
    own.set_count(times + 1);
    return word().tainted() ? Acquisition::acquired_owner_died : Acquisition::acquired;
  }
  own.set_count(1, std::memory_order_seq_cst);  // [S1]
  if (word_.load(std::memory_order_seq_cst) == 0) [[likely]] {
    CAROM_STEP(shared_counted);
    CAROM_STEP(shared_passed_on);
    detail::acquired(&word_);
    return Acquisition::acquired;
  }
  MappedSegment& segment = mapped(this, base);
  Roster roster = segment.roster();
  Visit visit{segment, self, deadline, detect, Waiting(roster, self, object)};
  for (;;) {
    visit.waiting.withdraw();                     // [D2] while it is said to wait it is not counted
    own.set_count(1, std::memory_order_seq_cst);  // [S1]
    CAROM_STEP(shared_counted);
    SharedWord seen(word_.load(std::memory_order_seq_cst));
    std::uint64_t expected = seen.bits();
    if (seen.writer() == 0) {
      // The wake that ended this sleep was the only one.
      if (visit.waiting.has_slept()) platform::wake(platform::low_half(word_), 1);
      CAROM_STEP(shared_passed_on);
      detail::acquired(&word_);
      return seen.tainted() ? Acquisition::acquired_owner_died : Acquisition::acquired;
    }
    own.set_count(0, std::memory_order_seq_cst);
    CAROM_STEP(shared_withdrawn);
    platform::wake(platform::low_half(own.word()), 1);
    const Standing standing = roster.standing(seen.writer(), visit.waiting.witness());
    if (standing == Standing::impossible) return Acquisition::corrupted;
    if (passed_over(roster, object, seen, standing, self)) {
      if (word_.compare_exchange_strong(expected, seen.without_writer().bits(), std::memory_order_seq_cst))
        platform::wake(platform::low_half(word_), platform::kEverybody);
      continue;
    }
    if (standing == Standing::gone) {
      if (word_.compare_exchange_strong(expected, SharedWord::tainted_by_death().bits(),
                                        std::memory_order_seq_cst)) {
        CAROM_STEP(shared_tainted);
        sync::record_takeover(roster, seen.writer(), this);
        platform::wake(platform::low_half(word_), platform::kEverybody);
      }
      continue;
    }
    do {
      if (const auto ended = wait_for_writer(word_, seen, visit)) return *ended;
      seen = word();
    } while (seen.writer() != 0 && !passed_over(roster, object, seen, Standing::lives, self) &&
             roster.standing(seen.writer(), visit.waiting.witness()) == Standing::lives);
  }
}

Release SharedLock::release_shared() {
  const void* const base = home_.segment_of(this);
  const Holding own = memory::find_own_holding(base, object_at(base));
  if (!own || own.count() == 0) return Release::not_owner;
  detail::releasing(&word_);
  own.set_count(own.count() - 1, std::memory_order_seq_cst);  // [S1]
  CAROM_STEP(shared_left);
  if (SharedWord(word_.load(std::memory_order_seq_cst)).writer() != 0)
    platform::wake(platform::low_half(own.word()), platform::kEverybody);
  return Release::released;
}

bool SharedLock::owned() const {
  const SharedWord seen = word();
  return !seen.draining() && seen.writer() == detail::seat_in(home_.segment_of(this));
}

std::optional<Participant> SharedLock::owner() const {
  if (word().writer() == 0) return std::nullopt;
  return mapped(this, home_.segment_of(this)).roster().about(word().writer());
}

std::vector<Participant> SharedLock::readers() const {
  const MappedSegment& segment = mapped(this, home_.segment_of(this));
  const Roster roster = segment.roster();
  std::vector<Participant> found;
  each_reader(roster, object_at(&segment.header()), [&](const Holding& holding, std::uint32_t) {
    found.push_back(roster.about(roster.last_id(holding.slot_index)));
    return true;
  });
  return found;
}

std::size_t SharedLock::reader_count() const {
  return readers().size();
}

std::vector<Participant> SharedLock::waiting() const {
  const MappedSegment& segment = mapped(this, home_.segment_of(this));
  return segment.roster().waiting_on(object_at(&segment.header()));
}

std::size_t SharedLock::waiters() const {
  const MappedSegment& segment = mapped(this, home_.segment_of(this));
  return segment.roster().count_waiting_on(object_at(&segment.header()));
}

void SharedLock::refuse(Acquisition) {
  throw Error(Errc::corrupted, "shared lock",
              "its word names a writer that never existed; something wrote over it");
}

void SharedLock::refuse(Release) {
  throw Error(Errc::not_owner, "shared lock", "released by a thread that does not have it");
}

}  // namespace carom
