#include "memory/roster.hpp"

#include <bit>
#include <string>

#include "carom/detail/step.hpp"
#include "carom/error.hpp"
#include "platform/process_identity.hpp"

namespace carom::memory {
namespace {

using Name = std::array<char, 16>;
using NameWords = std::array<std::uint64_t, 2>;

constexpr std::uint32_t kFewSlots = 16;

void introduce(Slot& slot, std::uint32_t id) noexcept {
  const platform::ThreadIdentity self = platform::this_thread_identity();
  const auto name = std::bit_cast<NameWords>(self.name);
  slot.about_id.store(kNoId, std::memory_order_relaxed);
  // Released, so that who reads one of these also sees that they are being rewritten.
  slot.pid.store(self.pid, std::memory_order_release);
  slot.tid.store(self.tid, std::memory_order_release);
  slot.pid_namespace.store(self.pid_namespace, std::memory_order_release);
  slot.start_time.store(self.start_time, std::memory_order_release);
  slot.name[0].store(name[0], std::memory_order_release);
  slot.name[1].store(name[1], std::memory_order_release);
  slot.waiting_on.store(0, std::memory_order_relaxed);
  slot.place.store(0, std::memory_order_relaxed);
  slot.parked_at.store(0, std::memory_order_relaxed);
  slot.turn.store(0, std::memory_order_relaxed);
  slot.arrived.store(0, std::memory_order_relaxed);
  slot.about_id.store(id, std::memory_order_release);
}

}  // namespace

void Roster::prepare() noexcept {
  for (std::uint32_t i = 0; i < capacity_; ++i) slots()[i].life.prepare();
}

std::uint32_t Roster::join(const std::function<bool(std::uint32_t)>& settle) {
  std::uint32_t retired = 0;
  // Few slots in turn, and more only when those are taken: whoever looks through the slots looks through few, and what
  // is known about the dead is not written over at once.
  const std::uint32_t start = header_.next_slot.load(std::memory_order_relaxed);
  for (std::uint32_t tried = 0; tried < capacity_; ++tried) {
    const std::uint32_t window = capacity_ < kFewSlots ? capacity_ : kFewSlots;
    const std::uint32_t index = tried < window ? (start + tried) % window : tried;
    Slot& slot = slots()[index];
    if (slot.life.claimant_lives()) continue;
    if (slot.generation.load(std::memory_order_relaxed) >= last_generation()) {
      ++retired;
      continue;
    }
    if (!slot.life.try_claim()) continue;
    CAROM_STEP(life_claimed);
    // The last participant is gone for everybody before anybody is told so.
    slot.id.store(kNoId, std::memory_order_seq_cst);
    if (settle && !settle(index)) {
      slot.life.give_up();
      continue;
    }
    CAROM_STEP(estate_settled);
    const std::uint32_t generation = slot.generation.load(std::memory_order_relaxed) + 1;
    if (generation > last_generation()) {  // others used the rest up since we looked
      slot.life.give_up();
      ++retired;
      continue;
    }
    const std::uint32_t id = (generation << bits_) | index;
    slot.generation.store(generation, std::memory_order_relaxed);
    CAROM_STEP(generation_raised);
    introduce(slot, id);
    CAROM_STEP(introduced);
    // From here on the predecessor's id is gone for everybody: who took us for it must look again.
    slot.id.store(id, std::memory_order_seq_cst);
    CAROM_STEP(id_published);
    slot.life.send_away();
    std::uint32_t high = header_.high_water.load(std::memory_order_relaxed);
    // Only onwards: of two that join at one time the one with the earlier slot may be the later here.
    const std::uint32_t after = start + tried + 1;
    std::uint32_t next = header_.next_slot.load(std::memory_order_relaxed);
    while (static_cast<std::int32_t>(after - next) > 0 &&
           !header_.next_slot.compare_exchange_weak(next, after, std::memory_order_relaxed)) {
    }
    while (high <= index && !header_.high_water.compare_exchange_weak(high, index + 1)) {
    }
    return id;
  }
  const std::string capacity = std::to_string(capacity_);
  if (retired == capacity_) {
    throw Error(
        Errc::roster_exhausted, "roster",
        "each of its " + capacity + " slots has been used as often as its ids allow; make a new segment");
  }
  throw Error(
      Errc::roster_full, "roster",
      "all " + capacity +
          " slots belong to living threads; create the segment with more (SegmentOptions::participants)");
}

void Roster::leave(std::uint32_t id) noexcept {
  Slot& slot = this->slot(id);
  slot.id.store(kNoId, std::memory_order_seq_cst);
  CAROM_STEP(id_withdrawn);
  slot.life.send_away();
  CAROM_STEP(waiters_sent_away);
  slot.life.give_up();
}

Standing Roster::standing(std::uint32_t id) const noexcept {
  const std::uint32_t generation = generation_of(id);
  if (generation == 0) return Standing::impossible;
  const Slot& slot = this->slot(id);
  if (slot.id.load(std::memory_order_seq_cst) == id) {
    return slot.life.claimant_lives() ? Standing::lives : Standing::gone;
  }
  if (generation > slot.generation.load(std::memory_order_acquire)) return Standing::impossible;
  return Standing::gone;
}

Participant Roster::about(std::uint32_t id) const noexcept {
  const Slot& slot = this->slot(id);
  Participant about;
  about.id = id;
  about.alive = standing(id) == Standing::lives;
  if (slot.about_id.load(std::memory_order_acquire) != id) return about;
  Participant read = about;
  read.pid = slot.pid.load(std::memory_order_acquire);
  read.tid = slot.tid.load(std::memory_order_acquire);
  read.pid_namespace = slot.pid_namespace.load(std::memory_order_acquire);
  read.start_time = slot.start_time.load(std::memory_order_acquire);
  read.name_bytes = std::bit_cast<Name>(
      NameWords{slot.name[0].load(std::memory_order_acquire), slot.name[1].load(std::memory_order_acquire)});
  read.name_bytes.back() = '\0';
  return slot.about_id.load(std::memory_order_relaxed) == id ? read : about;
}

template <class Visit>
void Roster::each_living(Visit visit) const {
  const std::uint32_t high = used_slots();
  for (std::uint32_t i = 0; i < high; ++i) {
    const Slot& slot = slots()[i];
    const std::uint32_t id = slot.id.load(std::memory_order_acquire);
    if (id != kNoId && slot.life.claimant_lives()) visit(slot, id);
  }
}

std::vector<Participant> Roster::waiting_on(std::uint64_t object) const {
  std::vector<Participant> found;
  each_living([&](const Slot& slot, std::uint32_t id) {
    if (slot.waiting_on.load(std::memory_order_relaxed) == object) found.push_back(about(id));
  });
  return found;
}

std::size_t Roster::count_waiting_on(std::uint64_t object) const noexcept {
  std::size_t count = 0;
  each_living([&](const Slot& slot, std::uint32_t) {
    if (slot.waiting_on.load(std::memory_order_relaxed) == object) ++count;
  });
  return count;
}

std::vector<Participant> Roster::living() const {
  std::vector<Participant> found;
  each_living([&](const Slot&, std::uint32_t id) { found.push_back(about(id)); });
  return found;
}

}  // namespace carom::memory
