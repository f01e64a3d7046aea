// The table of participants in a segment: who is who, who lives, who died.
//
// A participant is a thread. Its id is (slot, generation): a slot is given to another thread only once its last
// claimant has ended, and then with the next generation, so an id names one thread for ever and a word that holds an
// id says by itself whether its owner is still there. When a slot has used up its generations it is retired.
//
// An id lives while its slot holds that id and the claimant of the slot's life word lives. Both ends are one step:
// storing the id begins it; the kernel's mark, or taking the id out of the slot, ends it.
//
// DEATH                what remains                                     who repairs it
//   life_claimed       the predecessor's id in a slot that seems alive  the kernel's mark: the slot is vacant again
//   estate_settled     no id, in a slot that seems alive                the same
//   generation_raised  a generation that nobody got                     nobody: generations may be skipped
//   introduced         words about an id that was never published       the next claimant writes over them
//   id_published       a participant that died                          the kernel's mark
//   id_withdrawn       who watches the leaver sleeps on                 the kernel's mark wakes one, who passes it on
//   waiters_sent_away  a claimed life word without an id                the kernel's mark: the slot is vacant
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "carom/participant.hpp"
#include "memory/layout.hpp"

namespace carom::memory {

enum class Standing {
  lives,
  gone,       ///< died, or ended in good order: either way it will never release anything
  impossible  ///< no such id was ever given out
};

class Roster {
 public:
  /// `capacity` as it was when the segment was opened and found sound: the shared copy may be overwritten.
  Roster(SegmentHeader& header, std::uint32_t capacity) noexcept
      : header_(header), capacity_(capacity), bits_(std::countr_zero(capacity)) {}

  /// Vacates every slot. For the creator, before the segment is published.
  void prepare() noexcept;

  /// Gives the calling thread a slot. `settle(index)` is called, while nobody else can get the slot, to see to what
  /// its last participant left behind; the slot is passed over if that returns false. Throws Error (roster_full,
  /// roster_exhausted, unknown_thread).
  std::uint32_t join(const std::function<bool(std::uint32_t)>& settle = {});

  /// Gives the calling thread's slot back. Whatever the thread still holds counts as left behind by the dead.
  void leave(std::uint32_t id) noexcept;

  Standing standing(std::uint32_t id) const noexcept;

  /// What is known about the participant, living or dead.
  Participant about(std::uint32_t id) const noexcept;

  /// The life word to sleep on while waiting for something that `id` has.
  platform::LifeWord& life(std::uint32_t id) noexcept { return slot(id).life; }

  /// Notes what object the participant is about to wait for, so that others can see it; 0 for nothing any more.
  void set_waiting_on(std::uint32_t id, std::uint64_t object) noexcept { slot(id).waiting_on.store(object); }

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
  static bool lives(const Slot& slot) noexcept {
    return slot.id.load(std::memory_order_seq_cst) != kNoId && slot.life.claimant_lives();
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

  SegmentHeader& header_;
  std::uint32_t capacity_;
  int bits_;
};

}  // namespace carom::memory
