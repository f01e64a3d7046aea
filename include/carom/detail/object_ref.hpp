// An object of a segment in one word: where it lies and what it is, as far as others must know.
#pragma once

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

/// An object of the segment in one word that is never 0.
constexpr std::uint64_t object_ref(ObjectKind kind, std::uint64_t offset) noexcept {
  return std::uint64_t{static_cast<std::uint8_t>(kind)} << 56 | offset;
}
inline std::uint64_t object_ref(ObjectKind kind, const void* object, const void* segment) noexcept {
  return object_ref(kind,
                    reinterpret_cast<std::uintptr_t>(object) - reinterpret_cast<std::uintptr_t>(segment));
}
constexpr ObjectKind kind_of(std::uint64_t object) noexcept {
  return static_cast<ObjectKind>(object >> 56);
}
constexpr std::uint64_t offset_in(std::uint64_t object) noexcept {
  return object & ((std::uint64_t{1} << 56) - 1);
}

/// Where to look first for the holding of an object. Neighbours differ, and those that lie 64 bytes apart.
constexpr std::uint32_t first_entry(std::uint64_t object) noexcept {
  return static_cast<std::uint32_t>(object >> 3 ^ object >> 7) % kHoldings;
}

}  // namespace carom::detail
