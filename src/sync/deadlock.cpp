#include "sync/deadlock.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include "carom/deadlock.hpp"
#include "carom/detail/fifo_word.hpp"
#include "carom/detail/lock_word.hpp"
#include "carom/detail/permit_word.hpp"
#include "carom/detail/shared_word.hpp"
#include "memory/holding.hpp"

namespace carom {
namespace {

using memory::MappedSegment;
using memory::ObjectKind;
using memory::Roster;
using memory::Standing;

/// What one thread waits for, and for whom.
struct Wait {
  std::uint64_t object;
  std::vector<std::uint32_t> holders;  ///< sorted
  bool any_will_do;                    ///< one of them letting go is enough; otherwise all must

  bool operator==(const Wait&) const = default;
};
using Waits = std::map<std::uint32_t, Wait>;

/// What the word of an object says; 0, which is nobody's, if there can be no such object.
template <class Bits>
Bits word_at(const MappedSegment& segment, std::uint64_t object) {
  const auto* const word = segment.word_of<Bits>(object);
  return word != nullptr ? word->load(std::memory_order_acquire) : 0;
}

/// A thread that holds much is a participant more than once: the id of the first of them.
std::uint32_t first_seat_of(const Roster& roster, const memory::Slot& of) {
  std::uint32_t first = memory::kNoId;
  roster.each_slot([&](memory::Slot& slot, std::uint32_t index) {
    if (first == memory::kNoId && slot.tid.load() == of.tid.load() && slot.pid.load() == of.pid.load() &&
        slot.pid_namespace.load() == of.pid_namespace.load() && roster.lives(slot)) {
      first = roster.last_id(index);
    }
  });
  return first;
}

std::vector<std::uint32_t> living_holders(const Roster& roster, std::uint64_t object) {
  std::vector<std::uint32_t> found;
  roster.each_slot([&](memory::Slot& slot, std::uint32_t index) {
    for (std::uint32_t entry = 0; entry < memory::kHoldings; ++entry) {
      if (slot.held_object[entry].load(std::memory_order_acquire) != object) continue;
      const memory::Holding holding{&slot, index, entry};
      if (holding.count() != 0 && roster.lives(slot)) found.push_back(first_seat_of(roster, slot));
    }
  });
  std::sort(found.begin(), found.end());
  return found;
}

Wait wait_for(const MappedSegment& segment, std::uint32_t who, std::uint64_t object) {
  const Roster roster = segment.roster();
  Wait wait{object, {}, false};
  const auto one = [&](std::uint32_t id) {
    if (id > detail::LockWord::kHandedOver && roster.standing(id) == Standing::lives)
      wait.holders = {first_seat_of(roster, roster.slot(id))};
  };
  switch (memory::kind_of(object)) {
    case ObjectKind::lock:
      one(detail::LockWord(word_at<std::uint32_t>(segment, object)).owner());
      break;
    case ObjectKind::fifo_lock:
      one(detail::FifoWord(word_at<std::uint64_t>(segment, object)).owner());
      break;
    case ObjectKind::shared_lock: {
      const std::uint32_t writer = detail::SharedWord(word_at<std::uint32_t>(segment, object)).writer();
      if (writer == who) {
        wait.holders = living_holders(roster, object);
      } else {
        one(writer);
      }
      break;
    }
    case ObjectKind::bounded_semaphore:
      if (detail::BoundedWord(word_at<std::uint64_t>(segment, object)).value() == 0)
        wait.holders = living_holders(roster, object);
      wait.any_will_do = true;
      break;
    default:
      break;
  }
  return wait;
}

Waits all_waits(const MappedSegment& segment) {
  const Roster roster = segment.roster();
  Waits waits;
  roster.each_slot([&](memory::Slot& slot, std::uint32_t) {
    const std::uint64_t object = slot.waiting_on.load(std::memory_order_acquire);
    const std::uint32_t id = slot.id.load(std::memory_order_acquire);
    if (object == 0 || !roster.lives(slot)) return;
    waits.emplace(first_seat_of(roster, slot), wait_for(segment, id, object));
  });
  return waits;
}

/// Takes away, until nothing changes, every wait that can end by itself.
void keep_only_stuck(Waits& waits) {
  const auto stuck = [&](std::uint32_t id) { return waits.contains(id); };
  for (bool changed = true; changed;) {
    changed = std::erase_if(waits, [&](const auto& entry) {
                const std::vector<std::uint32_t>& holders = entry.second.holders;
                if (holders.empty()) return true;
                return entry.second.any_will_do ? !std::all_of(holders.begin(), holders.end(), stuck)
                                                : std::none_of(holders.begin(), holders.end(), stuck);
              }) != 0;
  }
}

bool reaches(const Waits& waits, std::uint32_t from, std::uint32_t to, std::set<std::uint32_t>& seen,
             std::vector<std::uint32_t>& path) {
  const auto at = waits.find(from);
  if (at == waits.end() || !seen.insert(from).second) return false;
  path.push_back(from);
  for (const std::uint32_t holder : at->second.holders) {
    if (holder == to || reaches(waits, holder, to, seen, path)) return true;
  }
  path.pop_back();
  return false;
}

/// The cycle through `id`, or an empty one.
std::vector<std::uint32_t> cycle_through(const Waits& waits, std::uint32_t id) {
  std::set<std::uint32_t> seen;
  std::vector<std::uint32_t> path;
  return reaches(waits, id, id, seen, path) ? path : std::vector<std::uint32_t>{};
}

/// What was the same at two looks.
Waits stuck_twice(const MappedSegment& segment) {
  Waits first = all_waits(segment);
  keep_only_stuck(first);
  if (first.empty()) return first;
  const Waits second = all_waits(segment);
  std::erase_if(first, [&](const auto& entry) {
    const auto again = second.find(entry.first);
    return again == second.end() || again->second != entry.second;
  });
  keep_only_stuck(first);
  return first;
}

const char* name_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::shared_lock:
      return "SharedLock";
    case ObjectKind::bounded_semaphore:
      return "BoundedSemaphore";
    default:
      return "Lock";
  }
}

std::vector<Blocked> describe(const MappedSegment& segment, const Waits& waits,
                              const std::vector<std::uint32_t>& cycle) {
  std::vector<Blocked> described;
  for (const std::uint32_t id : cycle) {
    const std::uint64_t object = waits.at(id).object;
    const std::uint64_t offset = memory::offset_in(object);
    described.push_back({segment.roster().about(id), name_of(memory::kind_of(object)),
                         reinterpret_cast<const std::byte*>(&segment.header()) + offset, offset});
  }
  return described;
}

thread_local std::vector<Blocked> latest;

std::string name_of(const Participant& who) {
  return "process " + std::to_string(who.pid) + " (thread " + std::to_string(who.tid) + ", \"" + who.name() +
         "\")";
}

}  // namespace

bool sync::in_deadlock(const MappedSegment& segment, std::uint32_t self) {
  const Waits waits = stuck_twice(segment);
  const Roster roster = segment.roster();
  const std::vector<std::uint32_t> cycle = cycle_through(waits, first_seat_of(roster, roster.slot(self)));
  if (cycle.empty()) return false;
  latest = describe(segment, waits, cycle);
  return true;
}

std::vector<Blocked> find_deadlock(const Segment& segment) {
  const MappedSegment* const mapped = MappedSegment::containing(segment.data());
  if (mapped == nullptr) return {};
  const Waits waits = stuck_twice(*mapped);
  for (const auto& [id, wait] : waits) {
    const std::vector<std::uint32_t> cycle = cycle_through(waits, id);
    if (!cycle.empty()) return describe(*mapped, waits, cycle);
  }
  return {};
}

std::vector<Blocked> last_deadlock() {
  return latest;
}

std::string to_string(const std::vector<Blocked>& cycle) {
  std::string text;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (!text.empty()) text += "; ";
    text += name_of(cycle[i].who) + " waits for the " + cycle[i].kind + " at offset " +
            std::to_string(cycle[i].offset) + ", which " + name_of(cycle[(i + 1) % cycle.size()].who) +
            " has";
  }
  return text;
}

}  // namespace carom
