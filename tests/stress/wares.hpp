// Everything but the numbered locks, in the same segment.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "carom/carom.hpp"
#include "stress/kind.hpp"

namespace storm {

struct Wares {
  carom::SharedLock table;
  carom::Semaphore scoped{kPermits[0]};
  carom::Semaphore tracked{kPermits[1], carom::Holders::tracked};
  carom::BoundedSemaphore bounded{kPermits[2]};
  carom::Semaphore signals{0};
  carom::Event event;
  carom::Lock shop_lock;
  carom::Condition shop{shop_lock};
  volatile std::uint64_t goods = 0;   ///< under the shop's lock; volatile as Halves are
  volatile std::uint32_t closed = 0;  ///< the same: no more goods will come in this round
  carom::Barrier pair{kParties[0]};
  carom::Barrier three{kParties[1]};
  carom::Latch latches[kLatches] = {carom::Latch(1), carom::Latch(1), carom::Latch(1), carom::Latch(1)};

  carom::Barrier& barrier(int number) noexcept { return number == 0 ? pair : three; }

  /// Calls f(semaphore) for the one of that number among those whose permits have holders.
  template <class F>
  decltype(auto) with_pool(int pool, F f) {
    switch (pool) {
      case 0:
        return f(scoped);
      case 1:
        return f(tracked);
      default:
        return f(bounded);
    }
  }
};

/// The word at the beginning of an object, read at once and without the settling that the public calls may do.
template <class Word, class Bits, class Object>
Word word_of(const Object& object) {
  return Word(reinterpret_cast<const std::atomic<Bits>&>(object).load());
}

}  // namespace storm
