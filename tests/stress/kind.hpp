// What the storm rages over: every primitive, by its use.
#pragma once

#include <cstdint>

namespace storm {

enum class Kind : std::uint8_t {
  lock,
  rlock,
  fifo_lock,
  shared_lock,
  scoped,   ///< a Semaphore, its permits taken in scopes
  tracked,  ///< a Semaphore whose every permit has a holder
  bounded,
  signal,  ///< a Semaphore, bare
  event,
  condition,
  barrier,
  latch
};
inline constexpr int kKinds = 12;

inline constexpr int index_of(Kind kind) noexcept {
  return static_cast<int>(kind);
}

inline const char* to_string(Kind kind) noexcept {
  constexpr const char* kNames[kKinds] = {"Lock",
                                          "RLock",
                                          "FifoLock",
                                          "SharedLock",
                                          "Semaphore in scopes",
                                          "Semaphore tracked",
                                          "BoundedSemaphore",
                                          "Semaphore bare",
                                          "Event",
                                          "Condition",
                                          "Barrier",
                                          "Latch"};
  return kNames[index_of(kind)];
}

// The three that have permits with holders, by their number.
inline constexpr int kPools = 3;
inline constexpr Kind kPoolKinds[kPools] = {Kind::scoped, Kind::tracked, Kind::bounded};
inline constexpr int kPermits[kPools] = {3, 2, 3};
inline constexpr int kMostPermits = 3;

inline constexpr int kBarriers = 2;
inline constexpr int kParties[kBarriers] = {2, 3};
inline constexpr int kMostParties = 3;

inline constexpr int kLatches = 4;

}  // namespace storm
