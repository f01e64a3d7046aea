// Who waits in a cycle. What is followed changes all the time, so a picture of it is taken in three steps:
//
//   1. of each thread: `waits`, then what it waits for;
//   2. of what it waits for: the word, and who holds it;
//   3. the word and the readers once more, then what the thread waits for, then `waits`.
//
// Only what is the same in step 3 counts. Then there is an instant, between the steps 2 and 3, at which every thread of
// the picture waited and had what the picture says:
//
//   A thread that waits from step 1 to step 3 lets go of nothing meanwhile, and takes nothing but what it waits for. It
//   withdraws its announcement before it does anything else, and `waits` tells. So whoever is named before the instant
//   and after it held the object in between.
//   Lock, RLock, FifoLock: the word names the owner. Another thread may release a Lock, but then the owner, which
//   waits, cannot have taken it again: step 3 finds another word.
//   SharedLock: a reader counts itself only while it is not announced, so the count of one that waits stands still. A
//   writer that waits for readers is named by the word, and gives it up only when it has withdrawn. One reader that is
//   stuck is enough to stop it.
//   BoundedSemaphore: any holder will do, so all of them must be known, and stuck. The word is read before the slots
//   and after them, and every change of it by a holder bears a new tag: if it is the same, nothing was taken or given in
//   between. The one change that may not be noted in its slot yet is the one whose stamp the word bears. A holder that
//   died is no obstacle: its permits come back.
//   Semaphore: anybody may bring a permit, so nobody is stuck.
//
//   A thread whose program has left its wait by a jump still looks like one that waits. One that does wait looks again every
//   kRecheck, in the same wait: a cycle counts once each thread of it has looked again after the picture was taken. So each
//   of them waited at the instant of the picture.
//
//   Between the taking and the withdrawing a thread has what it says that it waits for. A thread that looks like that
//   counts only if it sleeps in step 3, for then it has taken nothing since it announced; or if it is the one that
//   asks, which knows.
//
// ORDER
//   [D1] Announcing, and step 1, are sequentially consistent: of two threads that close a cycle together, each of which
//   announces first and looks second, at least one sees the other.
//   [D2] A withdrawal, and waking up, are visible before whatever the thread does next: a release fence follows them,
//   and steps 2 and 3 acquire. What a thread did before it announced is visible to whoever sees that it waits.
#include "sync/deadlock.hpp"

#include <algorithm>
#include <cstddef>
#include <new>
#include <unordered_map>
#include <utility>

#include "carom/deadlock.hpp"
#include "carom/detail/fifo_word.hpp"
#include "carom/detail/lock_word.hpp"
#include "carom/detail/permit_word.hpp"
#include "carom/detail/shared_word.hpp"
#include "memory/holding.hpp"
#include "platform/futex.hpp"

namespace carom {
namespace {

using detail::BoundedWord;
using memory::MappedSegment;
using memory::ObjectKind;
using memory::Roster;
using memory::Slot;

constexpr std::uint32_t kNone = ~0u;

/// How often a picture is taken that turns out blurred where it matters.
constexpr int kPictures = 4;

/// How long one who asks from outside waits for those of a cycle to look again, and how long between its own looks.
constexpr std::chrono::milliseconds kTimeToLook{250};
constexpr std::chrono::milliseconds kPause{5};

/// What the word of an object says; 0, which is nobody's, if there can be no such object.
template <class Bits>
Bits word_at(const MappedSegment& segment, std::uint64_t object) {
  const auto* const word = segment.word_of<Bits>(object);
  return word != nullptr ? word->load(std::memory_order_acquire) : 0;
}

/// The id that the word of a lock names; kNoId: nobody's.
std::uint32_t owner_of(const MappedSegment& segment, std::uint64_t object) {
  std::uint32_t owner = memory::kNoId;
  switch (memory::kind_of(object)) {
    case ObjectKind::lock:
      owner = detail::LockWord(word_at<std::uint32_t>(segment, object)).owner();
      break;
    case ObjectKind::fifo_lock:
      owner = detail::FifoWord(word_at<std::uint64_t>(segment, object)).owner();
      break;
    case ObjectKind::shared_lock:
      owner = detail::SharedWord(word_at<std::uint64_t>(segment, object)).writer();
      break;
    default:
      break;
  }
  return owner == detail::LockWord::kHandedOver ? memory::kNoId : owner;
}

/// What must not change while a picture is taken.
std::uint64_t state_of(const MappedSegment& segment, std::uint64_t object) {
  if (memory::kind_of(object) != ObjectKind::bounded_semaphore) return owner_of(segment, object);
  return BoundedWord(word_at<std::uint64_t>(segment, object)).without_contended().bits();
}

/// A thread that holds much is a participant more than once: the id of the first of them.
std::uint32_t first_id(const Roster& roster, const Slot& slot, std::uint32_t index) {
  const std::uint32_t first = slot.first.load(std::memory_order_acquire);
  return first != memory::kNoId ? first : roster.last_id(index);
}

/// Whether the wait may be part of a cycle: at once, without a picture, where each waits for one owner.
bool may_lead_back(const MappedSegment& segment, std::uint32_t self) {
  const Roster roster = segment.roster();
  std::uint32_t at = self;
  std::uint32_t landmark = memory::kNoId;
  for (std::uint32_t steps = 1; steps <= memory::kMaxParticipants; ++steps) {
    const std::uint64_t object = roster.slot(at).waiting_on.load(std::memory_order_seq_cst);  // [D1]
    if (object == 0) return false;
    if (memory::kind_of(object) == ObjectKind::bounded_semaphore) return true;
    const std::uint32_t owner = owner_of(segment, object);
    if (owner == memory::kNoId) return false;
    if (owner == self) return true;
    // It has what it waits for: as a writer, it waits for readers; otherwise it has just taken it.
    if (owner == at) return memory::kind_of(object) == ObjectKind::shared_lock;
    if (owner == landmark) return false;  // a cycle of others
    if ((steps & (steps - 1)) == 0) landmark = owner;
    at = owner;
  }
  return false;
}

/// A cycle as it was when a picture was taken.
struct Cycle {
  const void* segment = nullptr;
  std::vector<Blocked> blocked;
  std::vector<std::uint32_t> waits;  ///< which wait of each it is
  std::uint32_t seen_at = 0;

  bool empty() const noexcept { return blocked.empty(); }
};

std::uint32_t wait_of(const Slot& slot) noexcept {
  return slot.waits.load(std::memory_order_acquire) & ~Roster::kAsleep;
}

enum class Confirmed { not_yet, yes, never };

/// Whether each thread of the cycle but the caller has looked again since, in the wait of then.
Confirmed have_looked_again(const Roster& roster, const Cycle& cycle, std::uint32_t self) noexcept {
  Confirmed all = Confirmed::yes;
  for (std::size_t i = 0; i < cycle.blocked.size(); ++i) {
    const std::uint32_t id = cycle.blocked[i].who.id;
    const Slot& slot = roster.slot(id);
    const bool looked = roster.has_looked_since(slot, cycle.seen_at);
    if (slot.id.load(std::memory_order_acquire) != id || wait_of(slot) != cycle.waits[i])
      return Confirmed::never;
    if (id != self && !looked) all = Confirmed::not_yet;
  }
  return all;
}

/// Who waits for what, and who has it.
class Picture {
 public:
  explicit Picture(const MappedSegment& segment) : segment_(segment), roster_(segment.roster()) {}

  /// The thread's place in the picture; step 1 for it.
  std::uint32_t add(std::uint32_t id) {
    const auto [known, is_new] = by_id_.try_emplace(id, static_cast<std::uint32_t>(threads_.size()));
    if (is_new) {
      const Slot& slot = roster_.slot(id);
      const std::uint32_t waits = slot.waits.load(std::memory_order_acquire);
      const std::uint64_t object = slot.waiting_on.load(std::memory_order_seq_cst);  // [D1]
      threads_.push_back({.id = id, .waits = waits, .object = is(id) ? object : 0});
    }
    return known->second;
  }

  void add_everybody() {
    roster_.each_slot([&](const Slot& slot, std::uint32_t) {
      const std::uint32_t id = slot.id.load(std::memory_order_acquire);
      if (id != memory::kNoId && slot.waiting_on.load(std::memory_order_seq_cst) != 0) add(id);
    });
  }

  /// Adds whoever those in the picture depend on; step 2.
  void complete() {
    for (std::size_t next = 0; next < threads_.size();) {
      sought_.clear();
      for (; next < threads_.size(); ++next) find_need(static_cast<std::uint32_t>(next));
      if (!sought_.empty()) find_holders();
    }
  }

  /// Takes away every wait that can end by itself.
  void keep_only_stuck() {
    for (Need& need : needs_) {
      need.stuck = !need.open;
      need.stuck_holders = 0;
    }
    for (Thread& thread : threads_) thread.stuck = thread.need != kNone;
    for (const Hold& hold : holds_) {
      if (hold.gone) continue;
      Need& need = needs_[hold.need];
      if (threads_[hold.thread].stuck)
        ++need.stuck_holders;
      else if (need.any_will_do)
        need.stuck = false;
    }
    std::vector<std::uint32_t> freed;
    for (Need& need : needs_) {
      if (need.stuck && need.stuck_holders != 0) continue;
      need.stuck = false;
      free_waiters(need, freed);
    }
    while (!freed.empty()) {
      const std::uint32_t thread = freed.back();
      freed.pop_back();
      for (std::uint32_t i = threads_[thread].first_hold; i != kNone; i = holds_[i].next_of_thread) {
        Need& need = needs_[holds_[i].need];
        if (holds_[i].gone || !need.stuck) continue;
        if (--need.stuck_holders != 0 && !need.any_will_do) continue;
        need.stuck = false;
        free_waiters(need, freed);
      }
    }
  }

  /// Takes away of the stuck what is not as it was; step 3. `self` waits, whatever it looks like. Whether all is as it was.
  bool confirm(std::uint32_t self) {
    bool same = true;
    for (Need& need : needs_) {
      if (!need.stuck || state_of(segment_, need.object) == need.state) continue;
      need.open = true;
      same = false;
    }
    for (Hold& hold : holds_) {
      const Need& need = needs_[hold.need];
      if (!need.readers || !need.stuck || reads(need.object, hold)) continue;
      hold.gone = true;
      same = false;
    }
    for (std::uint32_t i = 0; i < threads_.size(); ++i) {
      Thread& thread = threads_[i];
      if (!thread.stuck) continue;
      const Slot& slot = roster_.slot(thread.id);
      const std::uint64_t object = slot.waiting_on.load(std::memory_order_acquire);
      const std::uint32_t waits = slot.waits.load(std::memory_order_acquire);
      if (object == thread.object && ((waits ^ thread.waits) & ~Roster::kAsleep) == 0 && is(thread.id) &&
          (thread.id == self || (waits & Roster::kAsleep) != 0 || !seems_to_have_it(i))) {
        continue;
      }
      thread.need = kNone;
      same = false;
    }
    return same;
  }

  /// The shortest cycle of stuck threads through this one; empty: there is none.
  std::vector<std::uint32_t> cycle_through(std::uint32_t start) const {
    if (!threads_[start].stuck) return {};
    std::vector<std::uint32_t> reached_from(threads_.size(), kNone);
    std::vector<bool> seen(needs_.size());
    std::vector<std::uint32_t> reached{start};
    for (std::size_t next = 0; next < reached.size(); ++next) {
      const std::uint32_t thread = reached[next];
      const std::uint32_t need = threads_[thread].need;
      if (seen[need]) continue;
      seen[need] = true;
      for (std::uint32_t i = needs_[need].first_hold; i != kNone; i = holds_[i].next_of_need) {
        const std::uint32_t holder = holds_[i].thread;
        if (holds_[i].gone || !threads_[holder].stuck) continue;
        if (holder == start) {
          std::vector<std::uint32_t> cycle{thread};
          while (cycle.back() != start) cycle.push_back(reached_from[cycle.back()]);
          std::reverse(cycle.begin(), cycle.end());
          return cycle;
        }
        if (reached_from[holder] != kNone) continue;
        reached_from[holder] = thread;
        reached.push_back(holder);
      }
    }
    return {};
  }

  /// Any cycle of stuck threads: whoever is stuck waits for one that is.
  std::vector<std::uint32_t> some_cycle() const {
    const auto stuck =
        std::find_if(threads_.begin(), threads_.end(), [](const Thread& t) { return t.stuck; });
    if (stuck == threads_.end()) return {};
    std::vector<std::uint32_t> path;
    std::vector<std::uint32_t> place(threads_.size(), kNone);
    for (auto at = static_cast<std::uint32_t>(stuck - threads_.begin()); place[at] == kNone;
         at = stuck_holder(at)) {
      place[at] = static_cast<std::uint32_t>(path.size());
      path.push_back(at);
    }
    path.erase(path.begin(), path.begin() + place[stuck_holder(path.back())]);
    return path;
  }

  Cycle describe(const std::vector<std::uint32_t>& cycle) const;

 private:
  struct Thread {
    std::uint32_t id;
    std::uint32_t waits;
    std::uint64_t object;  ///< that it waits for; 0: none
    std::uint32_t need = kNone;
    std::uint32_t next_waiter = kNone;  ///< of the same need
    std::uint32_t first_hold = kNone;
    bool stuck = false;
  };

  /// What threads wait for: one owner, or the holders of a semaphore, or the readers who keep a writer out.
  struct Need {
    std::uint64_t object;
    std::uint64_t state;
    bool any_will_do = false;  ///< one of the holders letting go is enough; otherwise all must
    bool readers = false;
    bool open = false;  ///< it can be had, or will be, whatever becomes of the holders
    bool stuck = false;
    std::uint32_t stuck_holders = 0;
    std::uint32_t first_waiter = kNone;
    std::uint32_t first_hold = kNone;
  };

  struct Hold {
    std::uint32_t need;
    std::uint32_t thread;
    std::uint32_t slot;  ///< where it is noted, for those that are
    std::uint32_t entry;
    std::uint32_t next_of_need;
    std::uint32_t next_of_thread;
    bool gone = false;
  };

  bool is(std::uint32_t id) const {
    const Slot& slot = roster_.slot(id);
    return slot.id.load(std::memory_order_acquire) == id && roster_.lives(slot);
  }

  void find_need(std::uint32_t thread) {
    const std::uint64_t object = threads_[thread].object;
    if (object == 0) return;
    const ObjectKind kind = memory::kind_of(object);
    const std::uint64_t state = state_of(segment_, object);
    const bool readers = kind == ObjectKind::shared_lock && state == threads_[thread].id;
    const bool bounded = kind == ObjectKind::bounded_semaphore;
    auto& known_needs = readers ? need_of_readers_ : need_of_object_;
    const auto [known, is_new] = known_needs.try_emplace(object, static_cast<std::uint32_t>(needs_.size()));
    const std::uint32_t need = known->second;
    if (is_new) {
      needs_.push_back({.object = object, .state = state, .any_will_do = bounded, .readers = readers});
      if (bounded) needs_[need].open = BoundedWord(state).value() != 0;
    }
    threads_[thread].need = need;
    threads_[thread].next_waiter = std::exchange(needs_[need].first_waiter, thread);
    if (!is_new || needs_[need].open) return;
    if (bounded || readers)
      sought_.emplace(object, need);
    else if (state != memory::kNoId)
      add_hold(need, static_cast<std::uint32_t>(state), 0, 0);
  }

  std::uint32_t add_hold(std::uint32_t need, std::uint32_t id, std::uint32_t slot, std::uint32_t entry) {
    const std::uint32_t thread = add(id);
    const auto hold = static_cast<std::uint32_t>(holds_.size());
    holds_.push_back({need, thread, slot, entry, std::exchange(needs_[need].first_hold, hold),
                      std::exchange(threads_[thread].first_hold, hold)});
    return thread;
  }

  /// Who holds what is sought, as their slots say.
  void find_holders() {
    roster_.each_slot([&](const Slot& slot, std::uint32_t index) {
      for (std::uint32_t entry = 0; !sought_.empty() && entry < memory::kHoldings; ++entry) {
        const std::uint64_t object = slot.held_object[entry].load(std::memory_order_acquire);
        if (object == 0) continue;
        const auto found = sought_.find(object);
        if (found == sought_.end()) continue;
        const std::uint32_t need = found->second;
        if (!holds(slot, index, entry, need)) continue;
        const bool lives = roster_.lives(slot);
        const bool stays =
            lives && threads_[add_hold(need, first_id(roster_, slot, index), index, entry)].object != 0;
        if (stays || !needs_[need].any_will_do) continue;
        needs_[need].open = true;
        sought_.erase(found);
      }
    });
  }

  bool holds(const Slot& slot, std::uint32_t index, std::uint32_t entry, std::uint32_t need) const {
    const detail::HoldingState noted(slot.held_state[entry].load(std::memory_order_acquire));
    if (needs_[need].readers) return noted.count() != 0;
    const BoundedWord word(needs_[need].state);
    return (word.bears_next(index, entry, noted) ? noted.after(word.stamp().change) : noted).count() != 0;
  }

  bool reads(std::uint64_t object, const Hold& hold) const {
    const Slot& slot = roster_.slot_at(hold.slot);
    return slot.held_object[hold.entry].load(std::memory_order_acquire) == object &&
           detail::HoldingState(slot.held_state[hold.entry].load(std::memory_order_acquire)).count() != 0;
  }

  /// Whether it is among those who have what it waits for. A reader who wants to write is no such case: it has not got
  /// what it waits for.
  bool seems_to_have_it(std::uint32_t thread) const {
    const std::uint32_t need = threads_[thread].need;
    if (needs_[need].readers) return false;
    for (std::uint32_t i = threads_[thread].first_hold; i != kNone; i = holds_[i].next_of_thread) {
      if (holds_[i].need == need) return true;
    }
    return false;
  }

  void free_waiters(const Need& need, std::vector<std::uint32_t>& freed) {
    for (std::uint32_t i = need.first_waiter; i != kNone; i = threads_[i].next_waiter) {
      if (std::exchange(threads_[i].stuck, false)) freed.push_back(i);
    }
  }

  std::uint32_t stuck_holder(std::uint32_t thread) const {
    std::uint32_t i = needs_[threads_[thread].need].first_hold;
    while (holds_[i].gone || !threads_[holds_[i].thread].stuck) i = holds_[i].next_of_need;
    return holds_[i].thread;
  }

  const MappedSegment& segment_;
  Roster roster_;
  std::vector<Thread> threads_;
  std::vector<Need> needs_;
  std::vector<Hold> holds_;
  std::unordered_map<std::uint32_t, std::uint32_t> by_id_;
  std::unordered_map<std::uint64_t, std::uint32_t> need_of_object_;
  std::unordered_map<std::uint64_t, std::uint32_t> need_of_readers_;
  std::unordered_map<std::uint64_t, std::uint32_t> sought_;  ///< those whose holders only the slots know
};

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

Blocked describe_wait(const MappedSegment& segment, std::uint32_t id, std::uint64_t object) {
  const std::uint64_t offset = memory::offset_in(object);
  return {segment.roster().about(id), name_of(memory::kind_of(object)),
          reinterpret_cast<const std::byte*>(&segment.header()) + offset, offset};
}

Cycle Picture::describe(const std::vector<std::uint32_t>& cycle) const {
  Cycle described;
  described.segment = &segment_.header();
  described.seen_at = Roster::now();
  for (const std::uint32_t thread : cycle) {
    described.blocked.push_back(describe_wait(segment_, threads_[thread].id, threads_[thread].object));
    described.waits.push_back(threads_[thread].waits & ~Roster::kAsleep);
  }
  return described;
}

/// The cycle that the thread waits in; empty: none.
Cycle find_cycle_through(const MappedSegment& segment, std::uint32_t self) {
  for (int i = 0; i < kPictures; ++i) {
    if (!may_lead_back(segment, self)) return {};
    Picture picture(segment);
    const std::uint32_t start = picture.add(self);
    picture.complete();
    picture.keep_only_stuck();
    if (picture.cycle_through(start).empty()) return {};
    const bool same = picture.confirm(self);
    if (!same) picture.keep_only_stuck();
    const std::vector<std::uint32_t> cycle = picture.cycle_through(start);
    if (same || !cycle.empty()) return picture.describe(cycle);
  }
  return {};
}

// Trivial on purpose: they outlive the thread's destructors, some of which may still use a lock.
constinit thread_local std::vector<Blocked>* latest = nullptr;
constinit thread_local Cycle* suspected = nullptr;  // that this thread's wait seems to be part of
constinit thread_local bool keeps_no_more = false;

struct Keeper {
  Keeper() = default;
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper() {
    keeps_no_more = true;
    delete std::exchange(latest, nullptr);
    delete std::exchange(suspected, nullptr);
  }
  void keep(std::vector<Blocked> cycle) {
    if (latest == nullptr) latest = new std::vector<Blocked>;
    latest->swap(cycle);
  }
};
thread_local Keeper keeper;

void keep(std::vector<Blocked> cycle) {
  if (!keeps_no_more) keeper.keep(std::move(cycle));
}

std::string name_of(const Participant& who) {
  return "process " + std::to_string(who.pid) + " (thread " + std::to_string(who.tid) + ", \"" + who.name() +
         "\")";
}

}  // namespace

bool sync::in_deadlock(const MappedSegment& segment, std::uint32_t self, bool has_it) noexcept {
  const Roster roster = segment.roster();
  try {
    if (has_it) {
      keep({describe_wait(segment, self, roster.slot(self).waiting_on.load())});
      return true;
    }
    if (suspected == nullptr) suspected = new Cycle;
    Confirmed confirmed = Confirmed::never;
    if (!suspected->empty() && suspected->segment == &segment.header() &&
        suspected->blocked.front().who.id == self)
      confirmed = have_looked_again(roster, *suspected, self);
    if (confirmed == Confirmed::never) {
      *suspected = find_cycle_through(segment, self);
      if (!suspected->empty()) confirmed = have_looked_again(roster, *suspected, self);
    }
    if (confirmed != Confirmed::yes) return false;
    keep(std::exchange(suspected->blocked, {}));
    return true;
  } catch (const std::bad_alloc&) {
    return has_it;  // who cannot look goes on waiting
  }
}

namespace {

/// Some cycle in the segment, as it is now.
Cycle find_cycle(const MappedSegment& segment) {
  for (int i = 0; i < kPictures; ++i) {
    Picture picture(segment);
    picture.add_everybody();
    picture.complete();
    picture.keep_only_stuck();
    if (picture.some_cycle().empty()) return {};
    const bool same = picture.confirm(memory::kNoId);
    if (!same) picture.keep_only_stuck();
    const std::vector<std::uint32_t> cycle = picture.some_cycle();
    if (same || !cycle.empty()) return picture.describe(cycle);
  }
  return {};
}

}  // namespace

std::vector<Blocked> find_deadlock(const Segment& segment) {
  const MappedSegment* const mapped = MappedSegment::containing(segment.data());
  if (mapped == nullptr) return {};
  for (int i = 0; i < kPictures; ++i) {
    Cycle cycle = find_cycle(*mapped);
    if (cycle.empty()) return {};
    const Deadline end = Deadline::never().or_after(kTimeToLook);
    Confirmed confirmed = Confirmed::not_yet;
    while (confirmed == Confirmed::not_yet && !end.expired()) {
      platform::pause_until(Deadline::never().or_after(kPause));
      confirmed = have_looked_again(mapped->roster(), cycle, memory::kNoId);
    }
    if (confirmed == Confirmed::yes) return std::move(cycle.blocked);
  }
  return {};
}

std::vector<Blocked> last_deadlock() {
  return latest != nullptr ? *latest : std::vector<Blocked>{};
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
