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
//   generation_raised  a generation that nobody got                     nobody: generations may be skipped
//   introduced         words about an id that was never published       the next claimant writes over them
//   id_published       a participant that died                          the kernel's mark
//   id_withdrawn       who watches the leaver sleeps on                 the kernel's mark wakes one, who passes it on
//   waiters_sent_away  a claimed life word without an id                the kernel's mark: the slot is vacant
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
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

  /// Gives the calling thread a slot. Throws Error (roster_full, roster_exhausted, unknown_thread).
  std::uint32_t join();

  /// Gives the calling thread's slot back. Whatever the thread still holds counts as left behind by the dead.
  void leave(std::uint32_t id) noexcept;

  Standing standing(std::uint32_t id) const noexcept;

  /// What is known about the participant, living or dead.
  Participant about(std::uint32_t id) const noexcept;

  /// The life word to sleep on while waiting for something that `id` has.
  platform::LifeWord& life(std::uint32_t id) noexcept { return slot(id).life; }

  /// Notes what the participant is about to wait for, so that others can see it; 0 for nothing any more.
  void set_waiting_on(std::uint32_t id, std::uint64_t offset) noexcept { slot(id).waiting_on.store(offset); }

  /// Calls visit(id) for others who wait for what lies at `offset`, living or just dead, in the order of the
  /// slots after the caller's own, until it returns false: so that of many waiters each is somebody's next.
  /// Looks at no more than kFellowSearch slots.
  template <class Visit>
  void each_fellow(std::uint32_t self, std::uint64_t offset, Visit visit) const noexcept {
    const std::uint32_t high = used_slots();
    const std::uint32_t own = self & (capacity_ - 1);
    for (std::uint32_t i = 1; i < high && i <= kFellowSearch; ++i) {
      const Slot& other = slots()[(own + i) % high];
      if (other.waiting_on.load() != offset) continue;
      const std::uint32_t id = other.id.load();
      if (id != kNoId && !visit(id)) return;
    }
  }

  /// The living who wait for what lies at `offset`.
  std::vector<Participant> waiting_on(std::uint64_t offset) const;
  std::size_t count_waiting_on(std::uint64_t offset) const noexcept;

  /// Everybody who is there now.
  std::vector<Participant> living() const;

  void count_takeover() noexcept { header_.takeovers.fetch_add(1, std::memory_order_relaxed); }

  SegmentHeader& header() noexcept { return header_; }

 private:
  static constexpr std::uint32_t kFellowSearch = 256;

  std::uint32_t used_slots() const noexcept {
    const std::uint32_t high = header_.high_water.load(std::memory_order_acquire);
    return high < capacity_ ? high : capacity_;
  }
  Slot* slots() const noexcept {
    return reinterpret_cast<Slot*>(reinterpret_cast<std::byte*>(&header_) + kHeaderBytes);
  }
  Slot& slot(std::uint32_t id) const noexcept { return slots()[id & (capacity_ - 1)]; }
  std::uint32_t generation_of(std::uint32_t id) const noexcept { return id >> bits_; }
  std::uint32_t last_generation() const noexcept { return (1u << (static_cast<int>(kIdBits) - bits_)) - 1; }
  template <class Visit>
  void each_living(Visit visit) const;

  SegmentHeader& header_;
  std::uint32_t capacity_;
  int bits_;
};

}  // namespace carom::memory
