// What every lock promises, on each type that claims it. The sources are built twice: with parties that are
// forked processes, and with parties that are threads, for ThreadSanitizer sees those.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "carom/carom.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"

#ifdef CAROM_PARTIES_ARE_THREADS
using Party = support::ThreadParty;
#else
using Party = support::ProcessParty;
#endif

/// Locks, and something that they guard.
template <class L>
struct Board {
  explicit Board(carom::OwnerDeath policy = carom::OwnerDeath::recover) : lock(policy), other(policy) {}

  L lock;
  L other;
  long count = 0;                 ///< of what is done under the lock; deliberately no atomic
  std::atomic<int> told{0};       ///< how often an owner was told that its predecessor died
  std::atomic<int> refused{0};    ///< how often an acquire was refused
  std::atomic<bool> go{false};    ///< set by the test
  std::atomic<bool> seen{false};  ///< set by a party
};

template <class L>
carom::Shared<Board<L>> make_board(carom::OwnerDeath policy = carom::OwnerDeath::recover) {
  return carom::Shared<Board<L>>(std::in_place, policy);
}

using Lockables = testing::Types<carom::Lock, carom::RLock, carom::FifoLock>;

struct LockableNames {
  template <class L>
  static std::string GetName(int) {
    const char* const name = std::is_same_v<L, carom::Lock>    ? "Lock"
                             : std::is_same_v<L, carom::RLock> ? "RLock"
                                                               : "FifoLock";
    return name + std::string("_by_") + Party::kKind;
  }
};

/// A party that holds the lock by the time this returns, and until it dies or goes.
template <class L>
Party party_that_holds(L& lock) {
  Party party([&lock] { lock.lock(); });
  party.wait_until_done();
  return party;
}

/// Waits until `count` parties sleep until the lock is theirs.
template <class L>
void wait_for_sleepers(const L& lock, const std::vector<Party>& parties, std::size_t count) {
  support::wait_until([&] {
    std::size_t asleep = 0;
    for (const Party& party : parties) {
      if (party.sleeps()) ++asleep;
    }
    return asleep == count && lock.waiters() == count;
  });
}
