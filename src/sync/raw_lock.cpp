#include "carom/detail/raw_lock.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "carom/detail/seat.hpp"
#include "carom/detail/watched.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/seat.hpp"
#include "memory/waiting.hpp"
#include "sync/deadlock.hpp"
#include "sync/placed.hpp"
#include "sync/spin.hpp"
#include "sync/takeover.hpp"

namespace carom::detail {

using memory::MappedSegment;
using memory::Roster;
using memory::Standing;
using memory::Waited;
using memory::Waiting;

static_assert(memory::kIdBits == 30, "lock_word.hpp has that many bits for an owner");

namespace {

// How long a thread that was woken, or was polite, may take words again and again from those that sleep for them.
constexpr std::chrono::milliseconds kTurn{1};
// How long those have to come for a word that is kept for them.
constexpr std::chrono::milliseconds kKeptFor{1};

constinit thread_local Deadline end_of_turn = Deadline::passed();

void begin_turn() noexcept {
  end_of_turn = Deadline::never().or_after(kTurn);
}

MappedSegment& mapped(const RawLock& word) {
  return sync::mapped(&word, word.segment(), "lock");
}

std::uint64_t object_of(const MappedSegment& segment, const RawLock& word) noexcept {
  return memory::object_ref(memory::ObjectKind::lock, segment.offset_of(&word));
}

/// Looks on for as long as a release may take.
bool changes_soon(const platform::Word& word, std::uint32_t from) noexcept {
  sync::Spin spin(sync::Awaited::release);
  while (word.load(std::memory_order_relaxed) == from) {
    if (!spin.again()) return false;
  }
  return true;
}

}  // namespace

Acquisition RawLock::take(std::uint32_t self, Deadline deadline, bool detect) {
  if (try_take(self)) return Acquisition::acquired;
  MappedSegment& segment = mapped(*this);
  Roster roster = segment.roster();
  Waiting waiting(roster, self, object_of(segment, *this));
  std::optional<sync::Spin> spin(std::in_place, sync::Awaited::release);
  bool hot = false;  // the word changes too fast to fall asleep on
  for (;;) {
    const LockWord seen = load();
    std::uint32_t expected = seen.bits();
    if (seen.free()) {
      if (seen.kept() && !waiting.has_slept() && !deadline.expired()) {
        waiting.sleep(word_, seen.bits(), {}, deadline.or_after(kKeptFor));
        continue;
      }
      // Who has slept cannot know whether others still do, so it takes the word marked.
      const LockWord mine = LockWord::held_by(self, waiting.has_slept() || seen.contended());
      if (!word_.compare_exchange_strong(expected, mine.bits(), std::memory_order_acquire,  // [O1]
                                         std::memory_order_relaxed)) {
        continue;
      }
      CAROM_STEP(lock_taken);
      detail::acquired(&word_);
      if (waiting.has_slept()) begin_turn();
      return Acquisition::acquired;
    }
    const Standing standing =
        seen.handed_over() ? Standing::lives : roster.standing(seen.owner(), waiting.witness());
    if (standing == Standing::impossible) return Acquisition::corrupted;
    if (standing == Standing::gone && policy() == OwnerDeath::refuse) return Acquisition::refused_owner_died;
    if (standing == Standing::gone && policy() == OwnerDeath::recover) {
      if (!word_.compare_exchange_strong(expected, LockWord::taken_over_by(self).bits(),
                                         std::memory_order_acquire, std::memory_order_relaxed)) {  // [O1]
        continue;
      }
      CAROM_STEP(lock_taken_over);
      detail::acquired(&word_);
      sync::record_takeover(roster, seen.owner(), this);
      return Acquisition::acquired_owner_died;
    }
    if (!waiting.has_slept() && deadline.expired()) {
      if (standing == Standing::lives && !seen.handed_over() && roster.is_dead(seen.owner())) continue;
      return Acquisition::timed_out;
    }
    if (!hot && spin->again()) continue;
    // Marked before every sleep, and before giving up after one: the wake that ended it may have been the
    // only one.
    const std::uint32_t marked = seen.with_contended().bits();
    if (!seen.contended()) {
      if (!word_.compare_exchange_strong(expected, marked, std::memory_order_relaxed)) continue;
      CAROM_STEP(lock_marked);
    }
    if (detect) {
      waiting.announce();
      if (sync::in_deadlock(segment, self)) return Acquisition::deadlocked;
    }
    if (!hot || deadline.expired() || !changes_soon(word_, marked)) {
      const bool watch_owner = standing == Standing::lives && !seen.handed_over();
      const std::uint32_t owner = seen.owner();
      const Waited waited =
          waiting.sleep(word_, marked, {.holders = {&owner, watch_owner ? 1u : 0u}}, deadline);
      if (waited == Waited::timed_out) return Acquisition::timed_out;
      hot = waited == Waited::refused;
    }
    if (hot) {
      // Each mark costs the owner a wake, for nobody if the word has changed before the kernel looks at it. The
      // release that clears a mark may keep the lock for who looks on; if it did not, others are to have their turn.
      if (load().free()) continue;
      CAROM_STEP(lock_resting);
      Waiting::rest(deadline);
    } else {
      // A lock that was gone before a woken thread came is soon free again.
      spin.emplace(sync::Awaited::release);
    }
  }
}

Release RawLock::give_unless_owner_died() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  const MappedSegment* const segment = sync::find_mapped(this, this->segment());
  detail::releasing(&word_);
  do {
    const LockWord word(seen);
    if (word.free()) return Release::not_held;
    if (segment != nullptr && !word.handed_over() &&
        segment->roster().standing(word.owner()) == Standing::gone) {
      return Release::refused_owner_died;
    }
  } while (!word_.compare_exchange_weak(seen, LockWord::kFree, std::memory_order_release,  // [O2]
                                        std::memory_order_relaxed));
  CAROM_STEP(lock_released);
  if (LockWord(seen).contended()) wake_one();
  return Release::released;
}

void RawLock::wake_one() noexcept {
  std::uint32_t seen = LockWord::kFree;
  const bool kept = end_of_turn.expired() &&
                    word_.compare_exchange_strong(seen, LockWord::kKept, std::memory_order_relaxed);
  if (kept) {
    CAROM_STEP(lock_kept);
    begin_turn();
  }
  if (platform::wake(word_, 1) != 0 || !kept) return;
  seen = LockWord::kKept;
  word_.compare_exchange_strong(seen, LockWord::kFree, std::memory_order_relaxed);
}

bool RawLock::hand_over(std::uint32_t self) noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  detail::releasing(&word_);
  do {
    if (LockWord(seen).owner() != self) return false;
  } while (!word_.compare_exchange_weak(seen, LockWord(seen).to_nobody().bits(), std::memory_order_release,
                                        std::memory_order_relaxed));
  CAROM_STEP(lock_handed_over);
  return true;
}

bool RawLock::adopt(std::uint32_t self) noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  do {
    if (LockWord(seen).free() || !memory::is_forkers(segment(), LockWord(seen).owner())) return false;
  } while (!word_.compare_exchange_weak(seen, LockWord(seen).to(self).bits(),
                                        std::memory_order_acquire,  // [O1]
                                        std::memory_order_relaxed));
  CAROM_STEP(lock_adopted);
  return true;
}

bool RawLock::make_consistent() {
  const Roster roster = mapped(*this).roster();
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  do {
    const LockWord word(seen);
    if (word.free() || word.handed_over() || roster.standing(word.owner()) != Standing::gone) return false;
  } while (!word_.compare_exchange_weak(seen, LockWord::kFree, std::memory_order_release,
                                        std::memory_order_relaxed));
  if (LockWord(seen).contended()) wake_one();
  return true;
}

std::optional<Participant> RawLock::owner() const {
  const LockWord word = load();
  if (word.free() || word.handed_over()) return std::nullopt;
  return mapped(*this).roster().about(word.owner());
}

std::vector<Participant> RawLock::waiting() const {
  const MappedSegment& segment = mapped(*this);
  return segment.roster().waiting_on(object_of(segment, *this));
}

std::size_t RawLock::count_waiting() const {
  const MappedSegment& segment = mapped(*this);
  return segment.roster().count_waiting_on(object_of(segment, *this));
}

}  // namespace carom::detail
