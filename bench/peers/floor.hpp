// The floor: the least that can be done at all.
#pragma once

#include <atomic>
#include <cstdint>

#include "common.hpp"

namespace bench {

/// What a carom id is to the floor: known to the thread, and read at each acquire as by any function that
/// is handed nothing but the lock.
inline constinit thread_local std::uint32_t bare_id = 2;

/// The floor: the least that a lock whose word says who owns it can do. Knows no sleep, so never contended.
class Bare {
 public:
  static constexpr const char* kName = "bare CAS + exchange";
  void lock() {
    std::uint32_t expected = 0;
    if (!word_.compare_exchange_strong(expected, bare_id, std::memory_order_acquire,
                                       std::memory_order_relaxed)) [[unlikely]] {
      unexpected("bare lock");
    }
  }
  void unlock() {
    if ((word_.exchange(0, std::memory_order_release) & kContended) != 0) [[unlikely]]
      unexpected("bare unlock");
  }

 private:
  static constexpr std::uint32_t kContended = 1u << 31;
  std::atomic<std::uint32_t> word_{0};
};

/// The floor of is_set().
class OneLoad {
 public:
  static constexpr const char* kName = "one atomic load";
  void lock() {
    if (word_.load(std::memory_order_acquire) != 0) [[unlikely]]
      unexpected("one load");
  }
  void unlock() {}

 private:
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace bench
