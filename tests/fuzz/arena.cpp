#include "fuzz/arena.hpp"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

#include "carom/detail/step.hpp"
#include "memory/claim_word.hpp"
#include "memory/layout.hpp"
#include "memory/settlement.hpp"
#include "memory/turn_word.hpp"
#include "support/robust_list.hpp"

namespace fuzz {

using carom::memory::Slot;

namespace {

// As far as an offset in an object_ref reaches.
constexpr std::size_t kGuardBehind = std::size_t{1} << 42;
constexpr std::size_t kGuardBefore = std::size_t{1} << 30;

constexpr std::uint32_t kKinds = 9;  // of objects

Run* running = nullptr;

std::uint32_t this_thread() {
  return static_cast<std::uint32_t>(syscall(SYS_gettid));
}

}  // namespace

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "carom's fuzzer: not so: %s\n", what);
  std::abort();
}

carom::Segment Arena::make_guarded() {
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t bytes = carom::memory::Extent::of(kParticipants, kDataBytes, page).total_bytes;
  // The kernel takes the highest gap that is large enough. If that is another than the one that is left here, the next
  // try finds that one taken.
  for (;;) {
    void* const around = mmap(nullptr, kGuardBefore + bytes + kGuardBehind, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    expect(around != MAP_FAILED, "there is address space for the guard");
    std::byte* const gap = static_cast<std::byte*>(around) + kGuardBefore;
    munmap(gap, bytes);
    carom::Segment made = carom::Segment::anonymous(kDataBytes, {.participants = kParticipants});
    if (&carom::memory::MappedSegment::containing(made.data())->header() == static_cast<void*>(gap))
      return made;
    static std::vector<carom::Segment> elsewhere;
    elsewhere.push_back(std::move(made));
    munmap(around, kGuardBefore);
    munmap(gap + bytes, kGuardBehind);
  }
}

Arena::Arena(carom::memory::ObjectKind kind, std::vector<std::uint8_t> matters)
    : kind_(kind),
      matters_(std::move(matters)),
      segment_(make_guarded()),
      mapped_(carom::memory::MappedSegment::containing(segment_.data())),
      other_(carom::Segment::anonymous(4096)),
      other_lock_(::new (other_.data()) carom::Lock) {
  static std::mutex guard;
  static std::condition_variable joined;
  for (std::uint32_t i = 0; i < kLiving; ++i) {
    participants_.emplace_back([this] {
      const carom::Participant self = segment_.join();
      {
        const std::scoped_lock hold(guard);
        ids_.push_back(self.id);
        tids_.push_back(this_thread());
      }
      joined.notify_all();
      for (;;) pause();
    });
    participants_.back().detach();
    std::unique_lock hold(guard);
    joined.wait(hold, [&] { return ids_.size() == i + 1; });
  }
  std::thread mortal([this] { ids_.push_back(segment_.join().id); });
  mortal.join();
}

Run::Run(Arena& arena, Input& input, bool spoil_inside)
    : arena_(arena), input_(input), spoil_inside_(spoil_inside) {
  if (arena.sound_.empty()) {
    arena.sound_.assign(arena.base(), arena.base() + arena.mapped().facts().mapped_bytes);
  }
  expect(arena.other_lock_->acquire(false) == carom::Acquisition::acquired, "another segment is sound");
  running = this;
  carom::detail::at_step = at_step;
}

Run::~Run() {
  carom::detail::at_step = nullptr;
  running = nullptr;
  expect(support::robust_list_is_whole(), "the kernel can follow this thread's list");
  for (const std::uint32_t tid : arena_.tids_)
    expect(support::robust_list_is_whole(static_cast<pid_t>(tid)),
           "the kernel can follow another thread's list");
  arena_.segment().leave();
  std::memcpy(arena_.base(), arena_.sound_.data(), arena_.sound_.size());
  expect(arena_.other_lock_->release() == carom::Release::released, "another segment is sound");
  arena_.other_.leave();
  expect(support::robust_list_is_whole(), "the kernel can follow this thread's list when it has left");
}

bool Run::spoils() {
  switch (input_.choice(4)) {
    case 0:
    case 1:
      spoil();
      return true;
    case 2:
      if (spoil_inside_) steps_left_ = 1 + input_.choice(12);
      [[fallthrough]];
    default:
      return false;
  }
}

void Run::at_step(const char*) noexcept {
  if (running != nullptr && running->steps_left_ != 0 && --running->steps_left_ == 0) running->spoil();
}

void Run::spoil() {
  switch (input_.choice(8)) {
    case 0:
    case 1:
    case 2:
      spoil_object();
      break;
    case 3:
      spoil_header();
      break;
    default:
      spoil_slot();
      break;
  }
}

void Run::spoil_object() {
  const Arena::Object& object =
      arena_.objects_[input_.choice(static_cast<std::uint32_t>(arena_.objects_.size()))];
  auto* const at = static_cast<std::byte*>(object.at);
  const std::uint8_t how = input_.byte();
  if (how < 64) {
    const std::size_t from = how % object.bytes;
    input_.copy(at + from, object.bytes - from);
    return;
  }
  const std::uint64_t word = meaningful();
  const std::size_t bytes = how < 192 ? 4 : 8;
  const std::size_t from = how % (object.bytes / 4) * 4;
  std::memcpy(at + from, &word, std::min(bytes, object.bytes - from));
}

void Run::spoil_slot() {
  // Of those who live and died, of the caller's own, and one after that.
  const std::uint32_t index = input_.choice(Arena::kLiving + 4);
  Slot& slot = arena_.mapped().roster().slot_at(index);
  const std::uint32_t chosen = input_.byte();
  const std::vector<std::uint8_t>& matters = arena_.matters_;
  switch (chosen % 2 == 0 ? matters[chosen / 2 % matters.size()] : chosen / 2 % kFields) {
    case Field::claim:
      slot.claim =
          input_.choice(2) == 0 ? carom::memory::ClaimWord(slot.claim).vacated().bits() : meaningful();
      break;
    case Field::generation:
      slot.generation = static_cast<std::uint32_t>(meaningful());
      break;
    case Field::id:
      slot.id = id();
      break;
    case Field::about_id:
      slot.about_id = id();
      break;
    case Field::tid:
      slot.tid = static_cast<std::uint32_t>(meaningful());
      break;
    case Field::place:
      slot.place = static_cast<std::uint32_t>(meaningful());
      break;
    case Field::start_time:
      slot.start_time = meaningful();
      break;
    case Field::name:
      slot.name[input_.choice(2)] = meaningful();
      break;
    case Field::whereabouts:
      slot.whereabouts = meaningful();
      break;
    case Field::first:
      slot.first = id();
      break;
    case Field::declared:
      slot.declared = id();
      break;
    case Field::asked:
      slot.asked = static_cast<std::uint32_t>(meaningful());
      break;
    case Field::waits:
      slot.waits = static_cast<std::uint32_t>(meaningful());
      break;
    case Field::looked:
      slot.looked = static_cast<std::uint32_t>(carom::Deadline::now_ns() / 1'000'000) - input_.byte();
      break;
    case Field::waiting_on:
      slot.waiting_on = object();
      break;
    case Field::parked_at:
      slot.parked_at = object();
      break;
    case Field::turn:
      slot.turn = meaningful();
      break;
    case Field::arrived:
      slot.arrived = carom::memory::arrival_note(object(), input_.byte() & 3);
      break;
    case Field::held_object:
      slot.held_object[input_.choice(carom::memory::kHoldings)] = object();
      break;
    case Field::held_state:
      slot.held_state[input_.choice(carom::memory::kHoldings)] = meaningful();
      break;
    case Field::life: {
      const std::uint32_t life =
          input_.choice(4) == 0 ? FUTEX_OWNER_DIED : static_cast<std::uint32_t>(meaningful());
      std::memcpy(static_cast<void*>(&arena_.mapped().roster().life(index)), &life, sizeof life);
      break;
    }
    // What belongs together, as one of the library's own would have it but for a detail.
    case Field::turn_parked: {
      slot.parked_at = object(carom::memory::ObjectKind::condition);
      slot.turn = meaningful();
      break;
    }
    case Field::holding_held: {
      const std::uint32_t entry = input_.choice(carom::memory::kHoldings);
      slot.held_object[entry] = object(kind());
      slot.held_state[entry] = meaningful();
      break;
    }
    case Field::wait_announced:
      slot.waiting_on = object(kind());
      slot.waits = slot.waits | input_.choice(2);
      slot.place = static_cast<std::uint32_t>(meaningful());
      slot.looked = static_cast<std::uint32_t>(carom::Deadline::now_ns() / 1'000'000);
      break;
    default: {
      const std::size_t from = input_.value<std::uint16_t>() % sizeof(Slot);
      const std::size_t bytes = std::min<std::size_t>(sizeof(Slot) - from, 1 + input_.byte() % 32);
      input_.copy(reinterpret_cast<std::byte*>(&slot) + from, bytes);
      break;
    }
  }
}

void Run::spoil_header() {
  carom::memory::SegmentHeader& header = arena_.mapped().header();
  switch (input_.choice(3)) {
    case 0:
      header.high_water = static_cast<std::uint32_t>(meaningful());
      break;
    case 1:
      header.next_slot = static_cast<std::uint32_t>(meaningful());
      break;
    default: {
      const std::size_t from = input_.byte() % sizeof header;
      input_.copy(reinterpret_cast<std::byte*>(&header) + from,
                  std::min<std::size_t>(sizeof header - from, 8));
      break;
    }
  }
}

std::uint32_t Run::id() {
  const std::uint32_t chosen = input_.byte();
  const std::vector<std::uint32_t>& ids = arena_.ids_;
  switch (chosen % 8) {
    case 0:
      return 0;
    case 1:  // what a thread that joins next gets, as this one does
      return Arena::kParticipants + Arena::kLiving + 1 + chosen / 8 % 3;
    case 2:  // the next one's generation
      return ids[chosen / 8 % ids.size()] + Arena::kParticipants;
    case 3:
      return input_.value<std::uint32_t>();
    default:
      return ids[chosen / 8 % ids.size()];
  }
}

std::uint64_t Run::object() {
  const std::uint8_t chosen = input_.byte();
  if (chosen == 0) return 0;
  if (chosen == 1) return input_.value<std::uint64_t>();
  return object(static_cast<carom::memory::ObjectKind>(1 + chosen % kKinds));
}

carom::memory::ObjectKind Run::kind() {
  const std::uint32_t chosen = input_.byte();
  if (chosen % 4 != 0) return arena_.kind_;
  return static_cast<carom::memory::ObjectKind>(1 + chosen / 4 % kKinds);
}

std::uint64_t Run::object(carom::memory::ObjectKind kind) {
  const Arena::Object& object =
      arena_.objects_[input_.choice(static_cast<std::uint32_t>(arena_.objects_.size()))];
  std::uint64_t offset = arena_.mapped().offset_of(object.at);
  const std::uint8_t where = input_.byte();
  if (where >= 192) {  // about the end, or far behind
    offset = where < 224 ? arena_.mapped().facts().data_offset + Arena::kDataBytes - (where - 192u) * 4
                         : input_.value<std::uint64_t>() % kGuardBehind;
  }
  carom::detail::Serial serial = where;
  if (where < 160) {
    const std::size_t at = carom::detail::serial_offset(kind);
    const std::size_t of_condition = 24;
    const std::size_t of_shared_lock = 8;
    const std::size_t from = at != 0                                          ? at
                             : kind == carom::memory::ObjectKind::condition   ? of_condition
                             : kind == carom::memory::ObjectKind::shared_lock ? of_shared_lock
                                                                              : 0;
    if (from != 0 && from + sizeof serial <= object.bytes)
      std::memcpy(&serial, static_cast<const std::byte*>(object.at) + from, sizeof serial);
    else
      serial = 0;
  }
  return carom::memory::object_ref(kind, offset, serial);
}

std::uint64_t Run::meaningful() {
  using carom::memory::TurnWord;
  const std::uint8_t chosen = input_.byte();
  const std::uint32_t small = chosen / 16;
  switch (chosen % 16) {
    case 0:
      return 0;
    case 1:
      return small;
    case 2:
      return ~std::uint64_t{0} >> (small * 4);
    case 3:
    case 4:
      return id();
    case 5:
      return id() | std::uint64_t{input_.byte()} << 24;  // with flags of a lock's word
    case 6:
      return std::uint64_t{id()} << 32 | small;
    case 7:
      return object();
    case 8:
      return TurnWord::waiting(small).bits() | (input_.choice(4) == 0 ? std::uint64_t{1} << 40 : 0);
    case 9:
      return TurnWord::notified(small, input_.byte()).bits();
    case 10:
      return TurnWord::granted(small, input_.choice(8), input_.byte()).bits();
    case 11:
      return TurnWord::adopted(small, input_.choice(8)).bits();
    case 12:  // what one holds, as its slot notes it
      return small | std::uint64_t{input_.byte()} << 32;
    case 13:  // permits, with the stamp of one who holds some
      return carom::detail::BoundedWord::holding(small)
          .with_debt(input_.choice(4))
          .with_stamp({static_cast<carom::detail::Change>(input_.choice(4)), input_.choice(8),
                       input_.choice(16), input_.choice(4)})
          .bits();
    case 14:
      return std::uint64_t{input_.byte()} << 28 | small | std::uint64_t{small} << 32;
    default:
      return input_.value<std::uint64_t>();
  }
}

void Run::expect_sound(const std::vector<carom::Participant>& participants) {
  for (const carom::Participant& participant : participants)
    expect(participant.name().size() < participant.name_bytes.size(), "a name has an end");
}

void Run::expect_sound(carom::Acquisition outcome) {
  expect(outcome.kind() <= carom::Acquisition::deadlocked, "an outcome is one of those that there are");
}

void Run::expect_sound(carom::Release outcome) {
  expect(outcome <= carom::Release::too_many, "an outcome is one of those that there are");
}

}  // namespace fuzz
