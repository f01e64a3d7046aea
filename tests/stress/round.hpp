// One round: kills for a while, then quiet, then judgement.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>

#include "stress/arena.hpp"
#include "stress/dice.hpp"
#include "stress/flock.hpp"
#include "stress/oracle.hpp"
#include "stress/worker.hpp"

namespace storm {

struct Plan {
  std::uint64_t seed = 0;
  int workers = 0;  ///< 0: the seed says
  int kill_every_ms = 4;
  int bound_ms = 5000;  ///< how long the living may take to get through when nobody is killed any more
  Break broken = Break::nothing;
};

/// Set by a signal handler: everybody comes to an end.
extern volatile std::sig_atomic_t interrupted;

class Round {
 public:
  Round(Site& site, Ledger& ledger, Oracle& oracle, const Plan& plan, long number);

  /// Returns false if the storm cannot go on: somebody hangs, or it was interrupted.
  bool run();

 private:
  void start_one();
  bool wait_until_open();
  void rage();
  bool fall_quiet();
  bool wait_for(const std::function<bool(const Post&, const Worker&)>& is_there);
  std::uint32_t count_stuck(std::uint32_t post) const;
  void tend();

  void kill_some();
  Worker* some_victim();
  Worker* some_holder();

  void settle_batons(bool at_once);
  bool desk_is_dead(std::uint32_t desk);

  Site& site_;
  Ledger& ledger_;
  Oracle& oracle_;
  const Plan& plan_;
  long number_;
  Dice dice_;
  Orders orders_{};
  int workers_;
  std::uint32_t closer_ = kPosts;  ///< the post of who closes the round
  std::int64_t ready_since_ns_[kLocks] = {};
  Flock flock_;
};

}  // namespace storm
