#include "carom/shared_lock.hpp"

#include "carom/detail/seat.hpp"
#include "carom/detail/step.hpp"
#include "memory/holding.hpp"
#include "memory/waiting.hpp"
#include "platform/race_detector.hpp"
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
std::optional<Acquisition> wait_for_writer(std::atomic<std::uint32_t>& word, SharedWord seen, Visit& visit) {
  if (!visit.waiting.has_slept()) {
    if (visit.deadline.expired()) return Acquisition::timed_out;
    if (visit.spin.again()) return std::nullopt;
  }
  if (!seen.contended()) {
    std::uint32_t expected = seen.bits();
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
  const Waited waited =
      visit.waiting.sleep(word, seen.with_contended().bits(), {.holders = {&writer, 1}}, visit.deadline);
  return waited == Waited::timed_out ? std::optional<Acquisition>(Acquisition::timed_out) : std::nullopt;
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
  std::uint32_t died = memory::kNoId;
  for (;;) {
    const SharedWord seen = word();
    std::uint32_t expected = seen.bits();
    if (seen.writer() == 0) {
      if (!word_.compare_exchange_strong(expected, seen.taken_by(self, visit.waiting.has_slept()).bits(),
                                         std::memory_order_seq_cst)) {  // [S1]
        continue;
      }
      break;
    }
    const Standing standing = roster.standing(seen.writer(), visit.waiting.witness());
    if (standing == Standing::impossible) return Acquisition::corrupted;
    if (standing == Standing::gone) {
      if (!word_.compare_exchange_strong(expected, seen.taken_over_by(self).bits(),
                                         std::memory_order_seq_cst))
        continue;
      died = seen.writer();
      break;
    }
    if (const auto ended = wait_for_writer(word_, seen, visit)) return *ended;
  }
  CAROM_STEP(writer_taken);
  // Nobody comes in any more. Whoever is inside leaves, or dies.
  sync::Spin patience(sync::Awaited::release);
  const auto leave = [&](Acquisition outcome) {
    visit.waiting.withdraw();  // [D2] while it is said to wait it lets go of nothing
    return give_up(outcome);
  };
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
    if (!reader) break;
    if (deadline.expired()) return leave(Acquisition::timed_out);
    if (patience.again()) continue;
    if (detect) {
      visit.waiting.announce();
      if (sync::in_deadlock(segment, self)) return leave(Acquisition::deadlocked);
    }
    visit.waiting.sleep(platform::low_half(reader.word()), count, {.holders = {&id, 1}, .fellows = false},
                        deadline);
  }
  CAROM_STEP(writer_inside);
  platform::acquired(&word_);
  if (died != memory::kNoId) sync::record_takeover(roster, died, this);
  return word().tainted() ? Acquisition::acquired_owner_died : Acquisition::acquired;
}

Acquisition SharedLock::give_up(Acquisition outcome) {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  while (!word_.compare_exchange_weak(seen, SharedWord(seen).without_writer().bits(),
                                      std::memory_order_release, std::memory_order_relaxed)) {
  }
  CAROM_STEP(writer_gave_up);
  if (SharedWord(seen).contended()) platform::wake(word_, 1);
  return outcome;
}

Release SharedLock::release() {
  if (word().writer() != detail::seat_in(home_.segment_of(this))) return Release::not_owner;
  platform::releasing(&word_);
  const SharedWord old(word_.exchange(0, std::memory_order_release));
  CAROM_STEP(writer_released);
  if (old.contended()) platform::wake(word_, 1);
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
    platform::acquired(&word_);
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
    std::uint32_t expected = seen.bits();
    if (seen.writer() == 0) {
      // The wake that ended this sleep was the only one.
      if (visit.waiting.has_slept()) platform::wake(word_, 1);
      CAROM_STEP(shared_passed_on);
      platform::acquired(&word_);
      return seen.tainted() ? Acquisition::acquired_owner_died : Acquisition::acquired;
    }
    own.set_count(0, std::memory_order_seq_cst);
    CAROM_STEP(shared_withdrawn);
    platform::wake(platform::low_half(own.word()), 1);
    const Standing standing = roster.standing(seen.writer(), visit.waiting.witness());
    if (standing == Standing::impossible) return Acquisition::corrupted;
    if (standing == Standing::gone) {
      if (word_.compare_exchange_strong(expected, SharedWord::tainted_by_death().bits(),
                                        std::memory_order_seq_cst)) {
        CAROM_STEP(shared_tainted);
        sync::record_takeover(roster, seen.writer(), this);
        platform::wake(word_, platform::kEverybody);
      }
      continue;
    }
    do {
      if (const auto ended = wait_for_writer(word_, seen, visit)) return *ended;
      seen = word();
    } while (seen.writer() != 0 &&
             roster.standing(seen.writer(), visit.waiting.witness()) == Standing::lives);
  }
}

Release SharedLock::release_shared() {
  const void* const base = home_.segment_of(this);
  const Holding own = memory::find_own_holding(base, object_at(base));
  if (!own || own.count() == 0) return Release::not_owner;
  platform::releasing(&word_);
  own.set_count(own.count() - 1, std::memory_order_seq_cst);  // [S1]
  CAROM_STEP(shared_left);
  if (SharedWord(word_.load(std::memory_order_seq_cst)).writer() != 0)
    platform::wake(platform::low_half(own.word()), platform::kEverybody);
  return Release::released;
}

bool SharedLock::owned() const {
  return word().writer() == detail::seat_in(home_.segment_of(this));
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
