// The segment in which the storm rages, and the two ways to reach it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "carom/carom.hpp"
#include "stress/dice.hpp"
#include "stress/ledger.hpp"
#include "stress/wares.hpp"

namespace storm {

/// A number in two copies, written one after the other: unequal is half done. Volatile, so that the compiler
/// writes when the program does.
struct Halves {
  volatile std::uint64_t a = 0;
  volatile std::uint64_t b = 0;
};

struct Arena {
  carom::Lock locks[kLocks];
  std::byte gap[10'000] = {};  // the locks lie in several pages
  carom::RLock rlocks[kRLocks];
  carom::FifoLock fifo_locks[kFifoLocks];
  Wares wares;
  Halves halves[kGuarded];

  /// Calls f(lock) with the lock of that number.
  template <class F>
  decltype(auto) with(int lock, F f) {
    if (is_rlock(lock)) return f(rlocks[lock - kLocks]);
    return lock < kLocks ? f(locks[lock]) : f(fifo_locks[lock - kLocks - kRLocks]);
  }

  /// The lock's word, read at once; the public calls would need two reads. Of a FifoLock its low half, which says the
  /// same of the owner.
  carom::detail::LockWord word(int lock) {
    return with(lock, [](auto& l) {
      return carom::detail::LockWord(reinterpret_cast<const std::atomic<std::uint32_t>&>(l).load());
    });
  }
};

/// Where the arena is.
class Site {
 public:
  /// Makes it: anonymous, to be inherited; or named, and then mapped by nobody until they open it.
  explicit Site(bool named);
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;
  ~Site();

  /// For a worker: its own way in. A named segment comes to lie at an address of the worker's own.
  void enter(Dice& dice);

  const carom::Segment& segment() const { return *segment_; }
  Arena& arena() const { return in(*segment_); }

  /// For the supervisor, who has a look at it without taking part: calls f(segment, arena).
  template <class F>
  decltype(auto) look(F f) const {
    if (segment_) return f(*segment_, in(*segment_));
    const carom::Segment opened = open();
    return f(opened, in(opened));
  }

 private:
  static Arena& in(const carom::Segment& segment) { return *static_cast<Arena*>(segment.data()); }
  carom::Segment open() const;

  std::string name_;
  std::optional<carom::Segment> segment_;
};

}  // namespace storm
