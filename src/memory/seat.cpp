// Seats: the calling thread's places in the rosters of the segments it uses, kept until the kernel has ended the thread.
#include "carom/detail/seat.hpp"

#include <cstddef>
#include <string>

#include "carom/detail/watched.hpp"
#include "carom/error.hpp"
#include "memory/holding.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/seat.hpp"
#include "memory/settlement.hpp"
#include "platform/cancellation.hpp"
#include "platform/fork.hpp"
#include "platform/process_identity.hpp"
#include "platform/robust_list.hpp"
#include "platform/shared_file.hpp"

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

/// What a thread leaves in this process for others to clear away: it has no destructor that would do it. A lock may still
/// be used by destructors that run later, and the thread's death is the kernel's to tell. Never freed, but used again.
struct ThreadRecord {
  enum class Use : std::uint8_t { none, beginning, thread, clearing };

  std::atomic<Use> use{Use::beginning};
  platform::RobustChain chain;
  TakenSeat* seats = nullptr;  // the thread's; of whoever is clearing, once it has ended
  ThreadRecord* next = nullptr;
};

constinit std::atomic<ThreadRecord*> newest_record{nullptr};
constinit thread_local ThreadRecord* this_record = nullptr;

std::atomic<std::uint32_t>* epoch_page = nullptr;
std::uint32_t forks = 1;  // the epoch of this process; written only where there is one thread
constexpr std::uint32_t kBeginning =
    ~0u;  // no seat's epoch: a child that nothing told of its birth finds that out

// The seats of the thread that forked this process, which are not this process's: to know what may be adopted.
constinit const TakenSeat* forkers_seats = nullptr;

// The child has none of its parent's seats: the claims are of a thread that is not there.
void forget_parent() noexcept {
  forkers_seats = this_record != nullptr ? this_record->seats : nullptr;
  this_seat = {};
  this_record = nullptr;
  for (ThreadRecord* r = newest_record.load(std::memory_order_acquire); r != nullptr; r = r->next) {
    r->seats = nullptr;  // not freed: another thread may have been changing the list when it was copied
    r->use.store(ThreadRecord::Use::none, std::memory_order_relaxed);
  }
  platform::forget_own_identity();
  MappedSegment::forget_threads();
  epoch_page->store(++forks, std::memory_order_release);
}

// Before main, or at the first use if another object's constructor is earlier; there is one thread then, so
// no lock that a fork could catch half way.
void start_epochs() {
  if (epoch_page != nullptr) return;
  static std::atomic<std::uint32_t> unwiped{
      0};  // where the kernel cannot wipe: only the C library's fork is noticed there
  void* const page = platform::map_page_wiped_on_fork();
  epoch_page = page != nullptr ? static_cast<std::atomic<std::uint32_t>*>(page) : &unwiped;
  epoch_page->store(forks, std::memory_order_release);
  detail::process_epoch = epoch_page;
  platform::call_in_forked_children(forget_parent);
}

[[gnu::constructor]] void start_epochs_before_main() {
  start_epochs();
}

/// The epoch of this process. In a child that was made behind the C library's back, or by _Fork(), which runs no handlers,
/// this is where that is found out.
std::uint32_t current_epoch() noexcept {
  start_epochs();
  for (;;) {
    std::uint32_t epoch = epoch_page->load(std::memory_order_acquire);
    if (epoch != 0 && epoch != kBeginning) return epoch;
    if (epoch == 0 && epoch_page->compare_exchange_strong(epoch, kBeginning)) forget_parent();
  }
}

/// The calling thread's record, if it has one in this process.
ThreadRecord* own_record() noexcept {
  current_epoch();
  ThreadRecord* const record = this_record;
  return record != nullptr && record->chain.mine() ? record : nullptr;
}

ThreadRecord& make_own_record() {
  if (ThreadRecord* const record = own_record()) return *record;
  ThreadRecord* record = nullptr;
  for (ThreadRecord* r = newest_record.load(std::memory_order_acquire); r != nullptr && record == nullptr;
       r = r->next) {
    auto unused = ThreadRecord::Use::none;
    if (r->use.compare_exchange_strong(unused, ThreadRecord::Use::beginning, std::memory_order_acquire))
      record = r;
  }
  if (record != nullptr) detail::acquired(record);
  if (record == nullptr) {
    record = new ThreadRecord;
    record->next = newest_record.load(std::memory_order_relaxed);
    while (!newest_record.compare_exchange_weak(record->next, record, std::memory_order_release)) {
    }
  }
  record->seats = nullptr;
  try {
    record->chain.begin();
  } catch (...) {
    detail::releasing(record);
    record->use.store(ThreadRecord::Use::none, std::memory_order_release);
    throw;
  }
  detail::releasing(record);
  record->use.store(ThreadRecord::Use::thread, std::memory_order_release);
  this_record = record;
  return *record;
}

Roster::Marking marking_of(const TakenSeat& seat, ThreadRecord& record) noexcept {
  return {seat.segment->life_pages(), record.chain};
}

/// Gives back those of the calling thread's seats that `which` says.
template <class Which>
void leave_seats(ThreadRecord& record, Which which) noexcept {
  for (TakenSeat** link = &record.seats; *link != nullptr;) {
    TakenSeat* const seat = *link;
    if (!which(*seat)) {
      link = &seat->next;
      continue;
    }
    this_seat = {};  // with what it remembers of holdings
    *link = seat->next;
    seat->segment->roster().leave(seat->id, marking_of(*seat, record));
    seat->segment->seat_left();
    delete seat;
  }
  detail::releasing(&record);  // to whoever clears away after this thread
}

TakenSeat& take_another_seat(MappedSegment& segment, std::uint32_t first) {
  const platform::NoCancellation whole;
  clear_away_seats();
  ThreadRecord& record = make_own_record();
  auto* const seat = new TakenSeat{&segment, 0, first != kNoId, nullptr};
  segment.seat_taken();
  try {
    seat->id = segment.roster().join(marking_of(*seat, record), first,
                                     [&](std::uint32_t index) { return settle_slot(segment, index); });
  } catch (...) {
    segment.seat_left();
    delete seat;
    throw;
  }
  seat->next = record.seats;
  record.seats = seat;
  detail::releasing(&record);
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

/// The object as recent holdings name it.
std::uint64_t here(const void* segment, std::uint64_t object) noexcept {
  return detail::object_here(static_cast<const std::byte*>(segment) + offset_in(object),
                             detail::serial_in(object));
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
  if (ThreadRecord* const record = own_record())
    leave_seats(*record, [&](const TakenSeat& seat) { return seat.segment == &segment; });
}

bool is_forkers(const void* segment, std::uint32_t id) noexcept {
  current_epoch();
  for (const TakenSeat* seat = forkers_seats; seat != nullptr; seat = seat->next) {
    if (seat->id == id && &seat->segment->header() == segment) return true;
  }
  return false;
}

void clear_away_seats() noexcept {
  current_epoch();
  for (ThreadRecord* r = newest_record.load(std::memory_order_acquire); r != nullptr; r = r->next) {
    auto use = ThreadRecord::Use::thread;
    if (r->use.load(std::memory_order_acquire) != use || !r->chain.ended()) continue;
    if (!r->use.compare_exchange_strong(use, ThreadRecord::Use::clearing, std::memory_order_acquire))
      continue;
    detail::acquired(r);
    while (TakenSeat* const seat = r->seats) {
      r->seats = seat->next;
      seat->segment->life_pages().give_back(seat->segment->roster().index_of(seat->id), r->chain);
      seat->segment->seat_left();
      delete seat;
    }
    detail::releasing(r);
    r->use.store(ThreadRecord::Use::none, std::memory_order_release);
  }
  // Nobody can reach a segment any more whose last handle was closed by another thread.
  if (ThreadRecord* const record = own_record())
    leave_seats(*record, [](const TakenSeat& seat) { return seat.segment->closed(); });
}

Holding find_own_holding(const void* segment, std::uint64_t object) noexcept {
  if (const Holding quick = quick_holding(segment, object)) return quick;
  const ThreadRecord* const record = own_record();
  for (const TakenSeat* seat = record != nullptr ? record->seats : nullptr; seat != nullptr;
       seat = seat->next) {
    if (&seat->segment->header() != segment) continue;
    if (const Holding found = find_in(*seat, object)) return remembered(segment, object, found);
  }
  return {};
}

Holding make_holding(const void* segment, std::uint64_t object, const detail::Stamp& stamp) {
  static_cast<void>(detail::seat_in(segment));
  if (const Holding found = find_own_holding(segment, object)) return found;
  for (const TakenSeat* seat = make_own_record().seats; seat != nullptr; seat = seat->next) {
    if (&seat->segment->header() != segment) continue;
    for (std::uint32_t i = 0; i < kHoldings; ++i) {
      const Holding holding = holding_in(*seat, (detail::first_entry(offset_in(object)) + i) % kHoldings);
      if (holding.count() == 0) return give_to(segment, object, holding, stamp);
    }
  }
  MappedSegment* const mapped = MappedSegment::at(segment);
  if (mapped == nullptr) throw Error(Errc::corrupted, "segment", "is not open here");
  const std::uint32_t first = detail::seat_in(segment);
  return give_to(segment, object,
                 holding_in(take_another_seat(*mapped, first), detail::first_entry(offset_in(object))),
                 stamp);
}

}  // namespace carom::memory

namespace carom::detail {

using namespace memory;

std::uint32_t take_seat(const void* base) {
  const std::uint32_t epoch = current_epoch();
  const ThreadRecord* const record = own_record();
  for (const TakenSeat* seat = record != nullptr ? record->seats : nullptr; seat != nullptr;
       seat = seat->next) {
    if (seat->further || &seat->segment->header() != base) continue;
    return sit_down(*seat, epoch);
  }
  MappedSegment* const segment = MappedSegment::at(base);
  if (segment == nullptr) {
    throw Error(Errc::corrupted, "lock",
                "does not lie in any segment that is open here; it was overwritten, copied, "
                "or never constructed");
  }
  const TakenSeat& seat = take_another_seat(*segment, kNoId);
  return sit_down(seat, epoch);
}

}  // namespace carom::detail
