// The table of participants in a segment: who is who, who lives, who died.
//
// A participant is a thread. Its id is (slot, generation): a slot is given to another thread only once its last
// claimant has ended, and then with the next generation, so an id names one thread for ever and a word that holds an
// id says by itself whether its owner is still there. When a slot has used up its generations it is retired.
//
// An id lives while its slot holds that id, the slot's life word is claimed and not marked, and nobody has declared the id
// dead. Each end is one step: the kernel's mark; a declaration; taking the id out of the slot.
//
// Two witnesses tell of a death. The kernel's mark is the fast one: it comes before anything else of the thread is gone,
// and wakes whoever sleeps on the life word. But it may come late, or not at all: a core dump is written first; an exec by a
// thread that is not the main one changes that thread's number; the kernel follows 2,048 entries of a list, and none
// beyond a page that was cut off; a file outlives a boot, or is a copy. So whoever looks again asks the second witness, the
// thread's identity, about those that stand in its way: its number, start time and pid namespace, its program, the boot and
// the file. What identity proves is declared, by the id, which names one thread for ever: no mistake can befall another
// one. A thread whose identity cannot be seen from here, as from another pid namespace, counts as alive.
//
// DEATH                what remains                                     who repairs it
//   slot_claimed       a slot that seems taken                          whoever finds no other, and sees the thread gone
//   life_claimed       the same, its life word claimed too              the same
//   life_linked        the same, marked by the kernel                   the same
//   seated             a slot that is marked                            the kernel's mark: the slot can be claimed
//   estate_settled     no id, in a slot that seems alive                the same
//   generation_raised  a generation that nobody got                     nobody: generations may be skipped
//   introduced         words about an id that was never published       the next claimant writes over them
//   id_published       a participant that died                          the kernel's mark
//   id_withdrawn       those who watch the leaver sleep on              the kernel's mark wakes one, who passes it on
//   waiters_sent_away  a claimed life word without an id                the kernel's mark: the slot can be claimed
//   life_unlinked      a claimed life word that nobody will mark        whoever finds no other slot, as above
//   life_vacated       a claim without a life                           the same
//   witness_asked      the time of a question without an answer         whoever looks again asks once more, a moment later
//   death_declared     a participant declared dead, its watchers        their own re-check
//                      not woken
#pragma once

#include <bit>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "carom/participant.hpp"
#include "memory/claim_word.hpp"
#include "memory/layout.hpp"
#include "memory/life_pages.hpp"
#include "platform/process_identity.hpp"

namespace carom::memory {

enum class Standing {
  lives,
  gone,       ///< died, or ended in good order: either way it will never release anything
  impossible  ///< no such id was ever given out
};

/// Who is heard before a participant counts as alive.
enum class Witness {
  mark,     ///< the kernel's mark and what was declared before: a few loads
  identity  ///< the thread's identity too, unless somebody asked a moment ago: a few system calls
};

/// How often the second witness is asked about one participant, at most, by all together. Deaths that only it knows of
/// come to light within this time and the re-check of those who wait (memory/waiting.hpp).
inline constexpr std::chrono::milliseconds kAskAgain{20};

class Roster {
 public:
  /// `capacity` as it was when the segment was opened and found sound: the shared copy may be overwritten.
  /// `whereabouts`: of this segment, as slots note it; 0: unknown.
  Roster(SegmentHeader& header, std::uint32_t capacity, const LifeArea& lives,
         std::uint64_t whereabouts) noexcept
      : header_(header),
        capacity_(capacity),
        bits_(std::countr_zero(capacity)),
        lives_(lives),
        whereabouts_(whereabouts) {}

  /// The means by which the calling thread's slots are marked at its end.
  struct Marking {
    LifePages& pages;              ///< this process's, for this segment
    platform::RobustChain& chain;  ///< the calling thread's
  };

  /// Gives the calling thread a slot. `first`: its first one in this segment, if it has one. `settle(index)` is called,
  /// while nobody else can get the slot, to see to what its last participant left behind; the slot is passed over if that
  /// returns false. Throws Error (roster_full, roster_exhausted, no_memory, no_space).
  std::uint32_t join(const Marking& marking, std::uint32_t first = kNoId,
                     const std::function<bool(std::uint32_t)>& settle = {});

  /// Gives the calling thread's slot back. Whatever the thread still holds counts as left behind by the dead.
  void leave(std::uint32_t id, const Marking& marking) noexcept;

  Standing standing(std::uint32_t id, Witness witness = Witness::mark) const noexcept;

  /// Asks the second witness about the participant, unless somebody did a moment ago. True if it is dead.
  bool is_dead(std::uint32_t id) const noexcept;

  /// What is known about the participant, living or dead.
  Participant about(std::uint32_t id) const noexcept;

  /// The life word to sleep on while waiting for something that `id` has.
  platform::LifeWord& life(std::uint32_t id) const noexcept { return lives_.word(index_of(id)); }

  /// Notes what object the participant is about to wait for, so that others can see it; 0 for nothing any more.
  /// Each call makes `waits` a number that it was not before, even, and does so first: who finds the number unchanged
  /// after it has read `waiting_on` has seen one wait. [D1]
  void set_waiting_on(std::uint32_t id, std::uint64_t object) noexcept {
    Slot& own = slot(id);
    own.waits.store((own.waits.load(std::memory_order_relaxed) | kAsleep) + 1, std::memory_order_release);
    own.waiting_on.store(object, std::memory_order_seq_cst);
  }

  /// Notes in `waits` whether the participant sleeps. One that does has not got what it waits for.
  void set_asleep(std::uint32_t id, bool asleep) noexcept {
    std::atomic<std::uint32_t>& waits = slot(id).waits;
    const std::uint32_t awake = waits.load(std::memory_order_relaxed) & ~kAsleep;
    waits.store(asleep ? awake | kAsleep : awake, std::memory_order_release);
  }
  static constexpr std::uint32_t kAsleep = 1;

  /// Notes that the participant, which waits, is looking at what it waits for.
  void look(std::uint32_t id) const noexcept;

  /// Whether the participant, which waits, has not looked for so long that it is not there: it is stopped, or its program
  /// has left the wait by a jump. Those that look again do so every kRecheck.
  bool absent(const Slot& slot, std::uint32_t now) const noexcept;
  static std::uint32_t now() noexcept;

  /// Whether the participant, which waits, has looked after that time.
  bool has_looked_since(const Slot& slot, std::uint32_t time) const noexcept {
    return static_cast<std::int32_t>(slot.looked.load(std::memory_order_acquire) - time) > 0;
  }

  /// How long that is, for tests that have those that wait look again later than kRecheck.
  static void set_absent_after(std::chrono::milliseconds time) noexcept;

  /// Calls visit(id) for others who wait for the object, living or just dead, in the order of the
  /// slots after the caller's own, until it returns false: so that of many waiters each is somebody's next.
  /// Looks at no more than kFellowSearch slots.
  template <class Visit>
  void each_fellow(std::uint32_t self, std::uint64_t object, Visit visit) const noexcept {
    const std::uint32_t high = used_slots();
    const std::uint32_t own = self & (capacity_ - 1);
    for (std::uint32_t i = 1; i < high && i <= kFellowSearch; ++i) {
      const Slot& other = slots()[(own + i) % high];
      if (other.waiting_on.load() != object) continue;
      const std::uint32_t id = other.id.load();
      if (id != kNoId && !visit(id)) return;
    }
  }

  /// The living who wait for the object.
  std::vector<Participant> waiting_on(std::uint64_t object) const;
  std::size_t count_waiting_on(std::uint64_t object) const noexcept;

  /// Everybody who is there now.
  std::vector<Participant> living() const;

  void count_takeover() noexcept { header_.takeovers.fetch_add(1, std::memory_order_relaxed); }

  SegmentHeader& header() const noexcept { return header_; }

  std::uint32_t index_of(std::uint32_t id) const noexcept { return id & (capacity_ - 1); }
  Slot& slot(std::uint32_t id) const noexcept { return slots()[index_of(id)]; }
  Slot& slot_at(std::uint32_t index) const noexcept { return slots()[index & (capacity_ - 1)]; }

  /// Whether the slot's participant lives. What is in a slot that it lived in, read before asking, was its own.
  bool lives(const Slot& slot, Witness witness = Witness::mark) const noexcept {
    const std::uint32_t id = slot.id.load(std::memory_order_seq_cst);
    return id != kNoId && standing(id, witness) == Standing::lives;
  }
  /// The id of the slot's participant, or of its last one.
  std::uint32_t last_id(std::uint32_t index) const noexcept {
    return (slot_at(index).generation.load(std::memory_order_acquire) << bits_) | index;
  }

  /// Calls visit(slot, index) for every slot that was ever used, whoever it belongs to.
  template <class Visit>
  void each_slot(Visit visit) const noexcept(noexcept(visit(std::declval<Slot&>(), 0u))) {
    const std::uint32_t high = used_slots();
    for (std::uint32_t i = 0; i < high; ++i) visit(slots()[i], i);
  }

 private:
  static constexpr std::uint32_t kFellowSearch = 256;

  std::uint32_t used_slots() const noexcept {
    const std::uint32_t high = header_.high_water.load(std::memory_order_acquire);
    return high < capacity_ ? high : capacity_;
  }
  Slot* slots() const noexcept {
    return reinterpret_cast<Slot*>(reinterpret_cast<std::byte*>(&header_) + kHeaderBytes);
  }
  std::uint32_t generation_of(std::uint32_t id) const noexcept { return id >> bits_; }
  std::uint32_t last_generation() const noexcept { return (1u << (static_cast<int>(kIdBits) - bits_)) - 1; }
  template <class Visit>
  void each_living(Visit visit) const;

  /// Neither marked nor declared dead. That is about `id` if the slot holds that id afterwards.
  bool unharmed(const Slot& slot, std::uint32_t id) const noexcept {
    return life_of(slot).claimant_lives() && slot.declared.load(std::memory_order_seq_cst) != id;
  }
  platform::LifeWord& life_of(const Slot& slot) const noexcept {
    return lives_.word(static_cast<std::uint32_t>(&slot - slots()));
  }
  bool claimable(const Slot& slot, std::uint64_t claim, Witness witness) const noexcept;
  platform::Sighting look_for(const Slot& slot, const platform::ThreadKey& who) const noexcept;
  std::uint32_t take(std::uint32_t index, ClaimWord claim, const Marking& marking,
                     const platform::ThreadIdentity& self, std::uint32_t first,
                     const std::function<bool(std::uint32_t)>& settle);
  void vacate(Slot& slot, const Marking& marking) noexcept;
  void introduce(Slot& slot, std::uint32_t id, const platform::ThreadIdentity& self,
                 std::uint32_t first) const noexcept;

  SegmentHeader& header_;
  std::uint32_t capacity_;
  int bits_;
  LifeArea lives_;
  std::uint64_t whereabouts_;
};

}  // namespace carom::memory
