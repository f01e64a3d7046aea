// Seats: the calling thread's places in the rosters of the segments it uses, kept until the thread ends.
#include "carom/detail/seat.hpp"

#include <cstddef>
#include <string>

#include "carom/error.hpp"
#include "memory/holding.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/seat.hpp"
#include "memory/settlement.hpp"
#include "platform/fork.hpp"
#include "platform/shared_file.hpp"
#include "platform/thread_end.hpp"

namespace carom::detail {

constinit thread_local Seat this_seat;

namespace {
constinit std::atomic<std::uint32_t> epoch_before_first_use{0};  // equals no seat's epoch
}
const std::atomic<std::uint32_t>* process_epoch = &epoch_before_first_use;

}  // namespace carom::detail

namespace carom::memory {
namespace {

using detail::this_seat;

struct TakenSeat {
  MappedSegment* segment;
  std::uint32_t id;
  bool further;  // taken for what the first seat in that segment had no place for
  TakenSeat* next;
};

// Trivial on purpose: it outlives the thread's destructors, some of which may still use a lock.
constinit thread_local TakenSeat* taken_seats = nullptr;

std::atomic<std::uint32_t>* epoch_page = nullptr;
std::uint32_t forks = 1;  // the epoch of this process; written only where there is one thread

// The kernel walks at most 2,048 entries of a thread's robust list, and a seat is one.
constexpr int kMaxSeats = 1024;

void leave_all_seats() noexcept {
  this_seat = {};
  while (taken_seats != nullptr) {
    TakenSeat* const seat = taken_seats;
    taken_seats = seat->next;
    seat->segment->roster().leave(seat->id);
    seat->segment->seat_left();
    delete seat;
  }
}

// The child has none of its parent's seats: the life words are locked by a thread that is not there.
void begin_child() {
  while (taken_seats != nullptr) {
    TakenSeat* const seat = taken_seats;
    taken_seats = seat->next;
    delete seat;
  }
  this_seat = {};
  epoch_page->store(++forks, std::memory_order_release);
  MappedSegment::forget_threads();
}

// Before main, or at the first use if another object's constructor is earlier; there is one thread then, so
// no lock that a fork could catch half way.
void start_epochs() {
  if (epoch_page != nullptr) return;
  static std::atomic<std::uint32_t> unwiped{
      0};  // where the kernel cannot wipe: raw clones go unnoticed there
  void* const page = platform::map_page_wiped_on_fork();
  epoch_page = page != nullptr ? static_cast<std::atomic<std::uint32_t>*>(page) : &unwiped;
  epoch_page->store(forks, std::memory_order_release);
  detail::process_epoch = epoch_page;
  platform::call_in_forked_children(begin_child);
}

[[gnu::constructor]] void start_epochs_before_main() {
  start_epochs();
}

TakenSeat& take_another_seat(MappedSegment& segment, bool further) {
  int count = 0;
  for (const TakenSeat* seat = taken_seats; seat != nullptr; seat = seat->next) ++count;
  if (count >= kMaxSeats) {
    throw Error(Errc::roster_full, "thread",
                "uses " + std::to_string(kMaxSeats) +
                    " segments, or as many seats for what it holds; the kernel reports the death of no more");
  }
  platform::call_at_thread_end(leave_all_seats);
  auto* const seat = new TakenSeat{&segment, 0, further, nullptr};
  segment.seat_taken();
  try {
    seat->id = segment.roster().join([&](std::uint32_t index) { return settle_slot(segment, index); });
  } catch (...) {
    segment.seat_left();
    delete seat;
    throw;
  }
  seat->next = taken_seats;
  taken_seats = seat;
  return *seat;
}

Holding holding_in(const TakenSeat& seat, std::uint32_t entry) noexcept {
  const Roster roster = seat.segment->roster();
  return {&roster.slot(seat.id), roster.index_of(seat.id), entry};
}

std::uint32_t sit_down(const TakenSeat& seat, std::uint32_t epoch) noexcept {
  this_seat.segment = &seat.segment->header();
  this_seat.id = seat.id;
  this_seat.epoch = epoch;
  return seat.id;
}

/// The object by kind and address, as recent holdings name it, instead of by kind and offset.
std::uint64_t here(const void* segment, std::uint64_t object) noexcept {
  return object + reinterpret_cast<std::uintptr_t>(segment);
}

Holding quick_holding(const void* segment, std::uint64_t object) noexcept {
  const auto* const recent = detail::recent_holding(here(segment, object));
  if (recent == nullptr) return {};
  auto* const state = reinterpret_cast<std::byte*>(recent->state - recent->entry);
  return {reinterpret_cast<Slot*>(state - offsetof(Slot, held_state)), recent->slot, recent->entry};
}

Holding remembered(const void* segment, std::uint64_t object, const Holding& holding) noexcept {
  const std::uint64_t at = here(segment, object);
  this_seat.recent_at(at) = {at, &holding.word(), holding.slot_index, holding.entry};
  return holding;
}

void forget(const Holding& holding) noexcept {
  for (detail::RecentHolding& recent : this_seat.recent) {
    if (recent.state == &holding.word()) recent = {};
  }
}

Holding find_in(const TakenSeat& seat, std::uint64_t object) noexcept {
  for (std::uint32_t entry = 0; entry < kHoldings; ++entry) {
    const Holding holding = holding_in(seat, entry);
    if (holding.object().load(std::memory_order_relaxed) == object) return holding;
  }
  return {};
}

/// An empty holding to an object whose word bears the stamp.
Holding give_to(const void* segment, std::uint64_t object, const Holding& holding,
                const detail::Stamp& stamp) noexcept {
  forget(holding);
  holding.word().store(holding.state().apart_from(stamp).bits(), std::memory_order_release);
  holding.object().store(object, std::memory_order_release);
  return remembered(segment, object, holding);
}

}  // namespace

void leave_seat(MappedSegment& segment) noexcept {
  this_seat = {};
  for (TakenSeat** link = &taken_seats; *link != nullptr;) {
    TakenSeat* const seat = *link;
    if (seat->segment != &segment) {
      link = &seat->next;
      continue;
    }
    *link = seat->next;
    segment.roster().leave(seat->id);
    segment.seat_left();
    delete seat;
  }
}

Holding find_own_holding(const void* segment, std::uint64_t object) noexcept {
  // A child that nothing has told of its birth (raw clone) still has its parent's seats noted. They are not its own.
  if (detail::process_epoch->load(std::memory_order_relaxed) == 0) return {};
  if (const Holding quick = quick_holding(segment, object)) return quick;
  for (const TakenSeat* seat = taken_seats; seat != nullptr; seat = seat->next) {
    if (&seat->segment->header() != segment) continue;
    if (const Holding found = find_in(*seat, object)) return remembered(segment, object, found);
  }
  return {};
}

Holding make_holding(const void* segment, std::uint64_t object, const detail::Stamp& stamp) {
  static_cast<void>(detail::seat_in(segment));
  if (const Holding found = find_own_holding(segment, object)) return found;
  for (const TakenSeat* seat = taken_seats; seat != nullptr; seat = seat->next) {
    if (&seat->segment->header() != segment) continue;
    for (std::uint32_t i = 0; i < kHoldings; ++i) {
      const Holding holding = holding_in(*seat, (detail::first_entry(object) + i) % kHoldings);
      if (holding.count() == 0) return give_to(segment, object, holding, stamp);
    }
  }
  MappedSegment* const mapped = MappedSegment::at(segment);
  if (mapped == nullptr) throw Error(Errc::corrupted, "segment", "is not open here");
  return give_to(segment, object, holding_in(take_another_seat(*mapped, true), detail::first_entry(object)),
                 stamp);
}

}  // namespace carom::memory

namespace carom::detail {

using namespace memory;

std::uint32_t take_seat(const void* base) {
  start_epochs();
  const std::uint32_t epoch = process_epoch->load(std::memory_order_acquire);
  if (epoch == 0) {
    throw Error(
        Errc::unknown_thread, "roster",
        "this process was made by a raw clone() behind the C library's back, so nobody would be told of its "
        "death; make processes with fork() or carom::Process");
  }
  for (const TakenSeat* seat = taken_seats; seat != nullptr; seat = seat->next) {
    if (seat->further || &seat->segment->header() != base) continue;
    return sit_down(*seat, epoch);
  }
  MappedSegment* const segment = MappedSegment::at(base);
  if (segment == nullptr) {
    throw Error(Errc::corrupted, "lock",
                "does not lie in any segment that is open here; it was overwritten, copied, "
                "or never constructed");
  }
  const TakenSeat& seat = take_another_seat(*segment, false);
  return sit_down(seat, epoch);
}

}  // namespace carom::detail
