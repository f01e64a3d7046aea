// What a participant holds besides locks, in its slot: so that its death by itself says what is to be given back.
#pragma once

#include <cstdint>

#include "carom/detail/permit_word.hpp"
#include "memory/layout.hpp"

namespace carom::memory {

/// One place in a slot: of one object, how much of it the slot's participant holds.
struct Holding {
  Slot* slot = nullptr;
  std::uint32_t slot_index = 0;
  std::uint32_t entry = 0;

  explicit operator bool() const noexcept { return slot != nullptr; }
  std::atomic<std::uint64_t>& object() const noexcept { return slot->held_object[entry]; }
  std::atomic<std::uint64_t>& word() const noexcept { return slot->held_state[entry]; }
  detail::HoldingState state() const noexcept {
    return detail::HoldingState(word().load(std::memory_order_acquire));
  }
  /// As noted: of permits, one may have been taken or given since.
  std::uint32_t count() const noexcept { return state().count(); }

  /// For holdings that no word counts. Only the slot's participant may.
  void set_count(std::uint32_t count, std::memory_order order = std::memory_order_release) const noexcept {
    word().store(state().with_count(count).bits(), order);
  }
};

/// The calling thread's holding of the object; an empty one if it holds none of it. Takes no seat.
Holding find_own_holding(const void* segment, std::uint64_t object) noexcept;

/// The same, or a new one with a count of 0. A thread that holds many objects takes further seats for them: throws
/// Error (roster_full, roster_exhausted). `stamp`: what the object's word bears, if it has any.
Holding make_holding(const void* segment, std::uint64_t object, const detail::Stamp& stamp = {});

}  // namespace carom::memory
