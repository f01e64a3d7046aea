// What an actor notes of everything but locks, beside its desk.
#pragma once

#include <atomic>
#include <cstdint>

#include "stress/kind.hpp"

namespace storm {

/// Whether an actor holds something. A kill in `acquiring` or `releasing`: perhaps.
enum class Hold : std::uint8_t { no, acquiring, yes, releasing };

/// Things that are made and used up: how many for certain, and how many more perhaps, by a call that a kill interrupted.
struct Account {
  std::atomic<std::uint32_t> done;
  std::atomic<std::uint32_t> perhaps;
};

/// The last wait for the event that somebody saw asleep before they set it, and when the set was over.
struct Debt {
  std::uint32_t wait;
  std::int64_t at_us;

  static Debt unpack(std::uint64_t bits) noexcept {
    return {static_cast<std::uint32_t>(bits >> 40), static_cast<std::int64_t>(bits & ((1ull << 40) - 1))};
  }
  std::uint64_t pack() const noexcept {
    return std::uint64_t{wait & 0xff'ffffu} << 40 |
           (static_cast<std::uint64_t>(at_us) & ((std::uint64_t{1} << 40) - 1));
  }
};

struct Book {
  std::atomic<std::uint32_t> operations[kKinds];
  std::atomic<bool> at[kKinds];  ///< in an operation of that kind
  std::atomic<std::int64_t> longest_wait_ns[kKinds];
  std::atomic<std::uint32_t> told;  ///< of a death, by what is not among the numbered locks
  std::atomic<std::uint8_t> stuck;  ///< 1 + the kind of what it waits for that may rightly never come
  std::atomic<Hold> permits[kPools][2];
  Account released;  ///< signals
  Account acquired;
  std::atomic<std::uint32_t> waits;  ///< for the event; odd while one is under way
  std::atomic<std::uint64_t> debt;
  Account produced;  ///< goods
  Account consumed;
  std::atomic<std::uint32_t> met[kBarriers][kMostParties];  ///< by the index that wait() returned
  std::atomic<std::uint8_t> meeting;                        ///< 1 + the barrier it is in
  Account counted[kLatches];
  std::atomic<bool> promised[kLatches];
};

/// All that the actors share of it.
struct Common {
  std::atomic<std::uint32_t> cells[kPools]
                                  [kMostPermits];     ///< 1 + the desk that has a permit; left by the dead
  std::atomic<bool> latches_open;                     ///< the round's latches are in place
  std::atomic<std::uint32_t> latch_counts[kLatches];  ///< what they began with
  std::atomic<std::int64_t> closed_since_ns;          ///< 0: not
};

}  // namespace storm
