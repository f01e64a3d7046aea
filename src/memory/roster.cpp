#include "memory/roster.hpp"

#include <bit>
#include <string>

#include "carom/deadline.hpp"
#include "carom/detail/step.hpp"
#include "carom/error.hpp"
#include "memory/claim_word.hpp"
#include "platform/process_identity.hpp"

namespace carom::memory {
namespace {

using Name = std::array<char, 16>;
using NameWords = std::array<std::uint64_t, 2>;

constexpr std::uint32_t kFewSlots = 16;

// Several times what a waiter takes to look again, so that on a busy machine it is not passed over.
std::atomic<std::int32_t> absent_after_ms{250};

std::uint32_t now_ms() noexcept {
  return static_cast<std::uint32_t>(Deadline::now_ns() / 1'000'000);
}

/// Who the slot says its participant is.
platform::ThreadKey key_in(const Slot& slot) noexcept {
  platform::ThreadKey key;
  key.tid = slot.tid.load(std::memory_order_acquire);
  key.pid_namespace = slot.pid_namespace.load(std::memory_order_acquire);
  key.time_namespace = slot.time_namespace.load(std::memory_order_acquire);
  key.program = slot.program.load(std::memory_order_acquire);
  key.start_time = slot.start_time.load(std::memory_order_acquire);
  return key;
}

}  // namespace

void Roster::introduce(Slot& slot, std::uint32_t id, const platform::ThreadIdentity& self,
                       std::uint32_t first) const noexcept {
  const auto name = std::bit_cast<NameWords>(self.name);
  slot.about_id.store(kNoId, std::memory_order_relaxed);
  // Released, so that a reader of one of these also sees that they are being rewritten.
  slot.pid.store(self.pid, std::memory_order_release);
  slot.tid.store(self.key.tid, std::memory_order_release);
  slot.pid_namespace.store(self.key.pid_namespace, std::memory_order_release);
  slot.time_namespace.store(self.key.time_namespace, std::memory_order_release);
  slot.start_time.store(self.key.start_time, std::memory_order_release);
  slot.program.store(self.key.program, std::memory_order_release);
  slot.whereabouts.store(whereabouts_, std::memory_order_release);
  slot.name[0].store(name[0], std::memory_order_release);
  slot.name[1].store(name[1], std::memory_order_release);
  slot.first.store(first != kNoId ? first : id, std::memory_order_relaxed);
  slot.waiting_on.store(0, std::memory_order_relaxed);
  slot.place.store(0, std::memory_order_relaxed);
  slot.parked_at.store(0, std::memory_order_relaxed);
  slot.turn.store(0, std::memory_order_relaxed);
  slot.arrived.store(0, std::memory_order_relaxed);
  slot.about_id.store(id, std::memory_order_release);
}

platform::Sighting Roster::look_for(const Slot& slot, const platform::ThreadKey& who) const noexcept {
  // In a copy of a file, or after a boot, none of those that it speaks of is there.
  const std::uint64_t where = slot.whereabouts.load(std::memory_order_acquire);
  if (where != 0 && whereabouts_ != 0 && where != whereabouts_) return platform::Sighting::gone;
  return platform::look_for(who);
}

void Roster::look(std::uint32_t id) const noexcept {
  slot(id).looked.store(now_ms(), std::memory_order_release);
}

void Roster::set_absent_after(std::chrono::milliseconds time) noexcept {
  absent_after_ms.store(static_cast<std::int32_t>(time.count()), std::memory_order_relaxed);
}

std::uint32_t Roster::now() noexcept {
  return now_ms();
}

bool Roster::absent(const Slot& slot, std::uint32_t now) const noexcept {
  // It may have looked since.
  const std::uint32_t since = now - slot.looked.load(std::memory_order_relaxed);
  return static_cast<std::int32_t>(since) > absent_after_ms.load(std::memory_order_relaxed);
}

bool Roster::is_dead(std::uint32_t id) const noexcept {
  Slot& slot = this->slot(id);
  if (standing(id) != Standing::lives) return true;
  // All who wait at one object look again at one instant: one of them asks for all.
  const std::uint32_t now = now_ms();
  std::uint32_t asked = slot.asked.load(std::memory_order_relaxed);
  if (now - asked < kAskAgain.count() && asked != 0) return false;
  if (!slot.asked.compare_exchange_strong(asked, now | 1, std::memory_order_relaxed)) return false;
  CAROM_STEP(witness_asked);
  if (slot.about_id.load(std::memory_order_acquire) != id) return standing(id) != Standing::lives;
  const platform::ThreadKey who = key_in(slot);
  const platform::Sighting sighting = look_for(slot, who);
  if (slot.about_id.load(std::memory_order_acquire) != id) return standing(id) != Standing::lives;
  if (sighting == platform::Sighting::unknown) return false;
  // Ids of one slot rise. A declaration that comes late must not undo that of a later one.
  std::uint32_t declared = slot.declared.load(std::memory_order_relaxed);
  while (declared < id && !slot.declared.compare_exchange_weak(declared, id, std::memory_order_seq_cst)) {
  }
  CAROM_STEP(death_declared);
  life_of(slot).send_away();
  return true;
}

bool Roster::claimable(const Slot& slot, std::uint64_t bits, Witness witness) const noexcept {
  const ClaimWord claim(bits);
  if (claim.is_vacant()) return true;
  if (claim.is_seated() && life_of(slot).marked()) return true;
  if (witness == Witness::mark) return false;
  // Before it is seated a claimant takes back what the slot says of its last participant.
  if (claim.is_seated() && slot.about_id.load(std::memory_order_acquire) != kNoId)
    return look_for(slot, key_in(slot)) == platform::Sighting::gone;
  const platform::ThreadKey self = platform::this_thread_identity().key;
  if (!claim.in_namespace(self.pid_namespace)) return false;
  platform::ThreadKey who = claim.claimant();
  who.pid_namespace = self.pid_namespace;
  who.time_namespace = self.time_namespace;
  return platform::look_for(who) == platform::Sighting::gone;
}

std::uint32_t Roster::join(const Marking& marking, std::uint32_t first,
                           const std::function<bool(std::uint32_t)>& settle) {
  const platform::ThreadIdentity self = platform::this_thread_identity();
  std::uint32_t retired = 0;
  // Few slots in turn, and more only when those are taken: whoever looks through the slots looks through few, and what
  // is known about the dead is not written over at once.
  const std::uint32_t start = header_.next_slot.load(std::memory_order_relaxed);
  // The second time, identity is asked about all who seem to live.
  for (const Witness witness : {Witness::mark, Witness::identity}) {
    retired = 0;
    for (std::uint32_t tried = 0; tried < capacity_; ++tried) {
      const std::uint32_t window = capacity_ < kFewSlots ? capacity_ : kFewSlots;
      const std::uint32_t index = tried < window ? (start + tried) % window : tried;
      Slot& slot = slots()[index];
      std::uint64_t seen = slot.claim.load(std::memory_order_acquire);
      if (slot.generation.load(std::memory_order_relaxed) >= last_generation()) {
        ++retired;
        continue;
      }
      if (!claimable(slot, seen, witness)) continue;
      marking.pages.link(index);  // throws, if at all, before anything is claimed
      if (!marking.pages.take(index, marking.chain)) continue;  // somebody wrote over the claim
      const ClaimWord claim = ClaimWord(seen).claimed_by(self.key);
      if (!slot.claim.compare_exchange_strong(seen, claim.bits(), std::memory_order_acq_rel)) {
        marking.pages.give_back(index, marking.chain);
        continue;
      }
      CAROM_STEP(slot_claimed);
      const std::uint32_t id = take(index, claim, marking, self, first, settle);
      if (id == kNoId) continue;
      // Only onwards: of two that join at one time the one with the earlier slot may be the later here.
      const std::uint32_t after = start + tried + 1;
      std::uint32_t next = header_.next_slot.load(std::memory_order_relaxed);
      while (static_cast<std::int32_t>(after - next) > 0 &&
             !header_.next_slot.compare_exchange_weak(next, after, std::memory_order_relaxed)) {
      }
      std::uint32_t high = header_.high_water.load(std::memory_order_relaxed);
      while (high <= index && !header_.high_water.compare_exchange_weak(high, index + 1)) {
      }
      return id;
    }
    if (retired == capacity_) break;
  }
  const std::string capacity = std::to_string(capacity_);
  if (retired == capacity_) {
    throw Error(
        Errc::roster_exhausted, "roster",
        "each of its " + capacity + " slots has been used as often as its ids allow; make a new segment");
  }
  throw Error(Errc::roster_full, "roster",
              "all " + capacity +
                  " slots are taken by living threads, which take one more for each 16 objects that they "
                  "hold at one time; create "
                  "the segment with more (SegmentOptions::participants)");
}

// The id that a claimed slot gives; none if it has to be passed over.
std::uint32_t Roster::take(std::uint32_t index, ClaimWord claim, const Marking& marking,
                           const platform::ThreadIdentity& self, std::uint32_t first,
                           const std::function<bool(std::uint32_t)>& settle) {
  Slot& slot = slots()[index];
  platform::LifeWord& life = lives_.word(index);
  // The last participant is gone for everybody before anybody is told so.
  slot.id.store(kNoId, std::memory_order_seq_cst);
  slot.about_id.store(kNoId, std::memory_order_relaxed);
  life.claim();
  CAROM_STEP(life_claimed);
  marking.chain.add(marking.pages.link(index));
  CAROM_STEP(life_linked);
  slot.claim.store(claim.seated().bits(), std::memory_order_release);
  CAROM_STEP(seated);
  const std::uint32_t generation = slot.generation.load(std::memory_order_relaxed) + 1;
  // Others may have used the rest of the ids up since we looked.
  if (generation > last_generation() || (settle && !settle(index))) {
    vacate(slot, marking);
    return kNoId;
  }
  CAROM_STEP(estate_settled);
  const std::uint32_t id = (generation << bits_) | index;
  slot.generation.store(generation, std::memory_order_relaxed);
  CAROM_STEP(generation_raised);
  introduce(slot, id, self, first);
  CAROM_STEP(introduced);
  // From here on the predecessor's id is gone for everybody: those who took us for it must look again.
  slot.id.store(id, std::memory_order_seq_cst);
  CAROM_STEP(id_published);
  life.send_away();
  return id;
}

void Roster::vacate(Slot& slot, const Marking& marking) noexcept {
  const auto index = static_cast<std::uint32_t>(&slot - slots());
  marking.chain.remove(marking.pages.link(index));
  marking.pages.give_back(index, marking.chain);
  CAROM_STEP(life_unlinked);
  life_of(slot).vacate();
  CAROM_STEP(life_vacated);
  const ClaimWord claim(slot.claim.load(std::memory_order_relaxed));
  slot.claim.store(claim.vacated().bits(), std::memory_order_release);
}

void Roster::leave(std::uint32_t id, const Marking& marking) noexcept {
  Slot& slot = this->slot(id);
  slot.id.store(kNoId, std::memory_order_seq_cst);
  CAROM_STEP(id_withdrawn);
  life_of(slot).send_away();
  CAROM_STEP(waiters_sent_away);
  vacate(slot, marking);
}

Standing Roster::standing(std::uint32_t id, Witness witness) const noexcept {
  const std::uint32_t generation = generation_of(id);
  if (generation == 0) return Standing::impossible;
  const Slot& slot = this->slot(id);
  // Asked of the id first, so that no life word is touched that nobody has used; and once more after its life has been
  // read, so that this was its own.
  const bool lives = slot.id.load(std::memory_order_relaxed) == id && unharmed(slot, id);
  if (slot.id.load(std::memory_order_seq_cst) == id) {
    return lives && (witness == Witness::mark || !is_dead(id)) ? Standing::lives : Standing::gone;
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
    if (id != kNoId && standing(id) == Standing::lives) visit(slot, id);
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
