// An object of a segment in one word: where it lies and what it is, as far as others must know.
#pragma once

#include <cstddef>
#include <cstdint>

namespace carom::detail {

/// How many different objects one seat can hold at a time; a thread that needs more takes another seat.
inline constexpr std::uint32_t kHoldings = 16;

/// What lies at an offset, as far as others must know it to follow who waits for whom.
enum class ObjectKind : std::uint8_t {
  none,
  lock,
  shared_lock,
  semaphore,
  bounded_semaphore,
  event,
  condition,
  barrier,
  latch,
  fifo_lock
};

/// Tells an object from others that lay at the same place before it: the slots of the dead may still speak of those. Of the
/// kinds that slots note nothing lasting of it is always 0. It repeats after 65,536 objects made in one segment; but a new
/// object takes away what slots note of the one it lies on.
using Serial = std::uint16_t;

/// An object of the segment in one word that is never 0. Objects lie at multiples of 4.
constexpr std::uint64_t object_ref(ObjectKind kind, std::uint64_t offset, Serial serial = 0) noexcept {
  return std::uint64_t{static_cast<std::uint8_t>(kind)} << 56 | std::uint64_t{serial} << 40 | offset >> 2;
}
inline std::uint64_t object_ref(ObjectKind kind, const void* object, const void* segment,
                                Serial serial = 0) noexcept {
  return object_ref(
      kind, reinterpret_cast<std::uintptr_t>(object) - reinterpret_cast<std::uintptr_t>(segment), serial);
}
constexpr ObjectKind kind_of(std::uint64_t object) noexcept {
  return static_cast<ObjectKind>(object >> 56);
}
constexpr Serial serial_in(std::uint64_t object) noexcept {
  return static_cast<Serial>(object >> 40);
}
constexpr std::uint64_t offset_in(std::uint64_t object) noexcept {
  return (object & ((std::uint64_t{1} << 40) - 1)) << 2;
}

/// Where in an object its serial lies, for those that others must tell apart; 0: nowhere.
constexpr std::size_t serial_offset(ObjectKind kind) noexcept {
  switch (kind) {
    case ObjectKind::semaphore:
    case ObjectKind::bounded_semaphore:
    case ObjectKind::barrier:
      return 14;
    case ObjectKind::latch:
      return 8;
    default:
      return 0;
  }
}

/// The size of an object that slots can note as held; 0 for other kinds.
constexpr std::size_t held_bytes(ObjectKind kind) noexcept {
  switch (kind) {
    case ObjectKind::shared_lock:
    case ObjectKind::semaphore:
    case ObjectKind::bounded_semaphore:
      return 16;
    case ObjectKind::barrier:
      return 24;
    case ObjectKind::latch:
      return 12;
    default:
      return 0;
  }
}

/// An object as the thread that uses it names it: by its address here, and its serial.
inline std::uint64_t object_here(const void* object, Serial serial) noexcept {
  return reinterpret_cast<std::uintptr_t>(object) | std::uint64_t{serial} << 48;
}

/// Where to look first for the holding of an object that lies there. Neighbours differ, and those that lie 64 bytes apart.
constexpr std::uint32_t first_entry(std::uint64_t place) noexcept {
  return static_cast<std::uint32_t>(place >> 3 ^ place >> 7) % kHoldings;
}

}  // namespace carom::detail
