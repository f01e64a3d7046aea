#include "carom/detail/owned_word.hpp"

#include "carom/detail/seat.hpp"
#include "carom/error.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/waiting.hpp"
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

MappedSegment& mapped(const OwnedWord& word) {
  MappedSegment* const segment = MappedSegment::at(word.segment());
  if (segment == nullptr)
    throw Error(Errc::corrupted, "lock", "does not lie in any segment that is open here");
  return *segment;
}

}  // namespace

OwnedWord::OwnedWord(OwnerDeath policy) {
  MappedSegment* const segment = MappedSegment::containing(this);
  if (segment == nullptr) {
    throw Error(Errc::outside_segment, "lock",
                "was constructed outside of shared memory; put it into a carom::Shared or a carom::Segment");
  }
  home_ = static_cast<std::uint32_t>(segment->offset_of(this) / kPage) << kPolicyBits |
          static_cast<std::uint32_t>(policy);
}

Acquisition OwnedWord::take(std::uint32_t self, Deadline deadline) {
  if (try_take(self)) return Acquisition::acquired;
  MappedSegment& segment = mapped(*this);
  Roster roster = segment.roster();
  Waiting waiting(roster, self, segment.offset_of(this));
  sync::Spin spin;
  for (;;) {
    const LockWord seen = load();
    std::uint32_t expected = seen.bits();
    if (seen.free()) {
      // Who has slept cannot know whether others still do, so it takes the word marked.
      const LockWord mine = LockWord::held_by(self, waiting.has_slept());
      if (!word_.compare_exchange_strong(expected, mine.bits(), std::memory_order_acquire,  // [O1]
                                         std::memory_order_relaxed)) {
        continue;
      }
      CAROM_STEP(lock_taken);
      return Acquisition::acquired;
    }
    const Standing standing = seen.handed_over() ? Standing::lives : roster.standing(seen.owner());
    if (standing == Standing::impossible) return Acquisition::corrupted;
    if (standing == Standing::gone && policy() == OwnerDeath::refuse) return Acquisition::refused_owner_died;
    if (standing == Standing::gone && policy() == OwnerDeath::recover) {
      if (!word_.compare_exchange_strong(expected, LockWord::taken_over_by(self).bits(),
                                         std::memory_order_acquire, std::memory_order_relaxed)) {  // [O1]
        continue;
      }
      CAROM_STEP(lock_taken_over);
      sync::record_takeover(roster, seen.owner(), this);
      return Acquisition::acquired_owner_died;
    }
    if (!waiting.has_slept()) {
      if (deadline.expired()) return Acquisition::timed_out;
      if (spin.again()) continue;
    }
    // Marked before every sleep, and before giving up after one: the wake that ended it may have been the
    // only one.
    if (!seen.contended()) {
      if (!word_.compare_exchange_strong(expected, seen.with_contended().bits(), std::memory_order_relaxed)) {
        continue;
      }
      CAROM_STEP(lock_marked);
    }
    const bool watch_owner = standing == Standing::lives && !seen.handed_over();
    if (waiting.sleep(word_, seen.with_contended().bits(), watch_owner ? seen.owner() : memory::kNoId,
                      deadline) == Waited::timed_out) {
      return Acquisition::timed_out;
    }
  }
}

Release OwnedWord::give_unless_owner_died() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  const MappedSegment* const segment = MappedSegment::at(this->segment());
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

void OwnedWord::wake_one() noexcept {
  platform::wake(word_, 1);
}

bool OwnedWord::hand_over(std::uint32_t self) noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  do {
    if (LockWord(seen).owner() != self) return false;
  } while (!word_.compare_exchange_weak(seen, LockWord(seen).to_nobody().bits(), std::memory_order_release,
                                        std::memory_order_relaxed));
  CAROM_STEP(lock_handed_over);
  return true;
}

bool OwnedWord::make_consistent() {
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

std::optional<Participant> OwnedWord::owner() const {
  const LockWord word = load();
  if (word.free() || word.handed_over()) return std::nullopt;
  return mapped(*this).roster().about(word.owner());
}

std::vector<Participant> OwnedWord::waiting() const {
  const MappedSegment& segment = mapped(*this);
  return segment.roster().waiting_on(segment.offset_of(this));
}

std::size_t OwnedWord::count_waiting() const {
  const MappedSegment& segment = mapped(*this);
  return segment.roster().count_waiting_on(segment.offset_of(this));
}

}  // namespace carom::detail
