// The judge: takes no part in the segment, reads the ledger when a round has fallen quiet, and believes the
// library nothing.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "stress/arena.hpp"
#include "stress/flock.hpp"
#include "stress/inspector.hpp"
#include "stress/ledger.hpp"

namespace storm {

/// What a storm has come to so far.
struct Tally {
  long rounds = 0;
  long kills = 0;
  long holding = 0;  ///< of those killed: held a lock for certain
  long stopped = 0;  ///< of those killed: stopped first
  long ended = 0;    ///< threads that ended by themselves while holding
  long takeovers = 0;
  long hung = 0;
  long lost = 0;
  long doubled = 0;
  long other = 0;
  std::int64_t longest_wait_ns = 0;  ///< of a worker, in calm
  Idleness idleness;                 ///< of locks that could be had while somebody slept for them, in calm

  long violations() const noexcept { return hung + lost + doubled + other; }
};

class Oracle {
 public:
  Oracle(Site& site, Ledger& ledger, Tally& tally)
      : site_(site), ledger_(ledger), tally_(tally), inspector_(site, ledger) {}

  /// When all the living are parked: kills, notices, updates, take-overs, the roster.
  void judge_quiet(const Flock& flock);

  /// When all are dead: nobody may be listed any more.
  void judge_grave();

  /// Between two looks in calm: whether somebody sleeps beside what could be had.
  void watch_idle(std::int64_t now_ns, const Flock& flock);

  /// Whether somebody did, when one looked last.
  bool any_idle() const noexcept { return vigil_.any() || inspector_.any_idle(); }

  /// Somebody did not get through: says what every lock and every living thread is at.
  void dump_hung(const Flock& flock);

  /// What became of everything but the numbered locks.
  const Inspector& inspector() const noexcept { return inspector_; }

  /// Counts the round, and prints the violations that were found in it.
  void close_round(std::uint64_t seed);

 private:
  /// What one lock's notices and deaths came to.
  struct LockAccount {
    long died_holding = 0;    ///< for certain
    long died_acquiring = 0;  ///< perhaps holding
    long noticed_acquiring = 0;
    long unnoticed = 0;  ///< of those who died holding
  };

  void count_kills(const Flock& flock);
  void read_notices();
  void count_deaths();
  void judge_account(int lock);
  void judge_number(int lock, const Halves& halves);
  void judge_takeovers(std::uint64_t takeovers);
  void judge_roster(const std::vector<carom::Participant>& listed);

  Site& site_;
  Ledger& ledger_;
  Tally& tally_;
  Inspector inspector_;
  std::uint64_t takeovers_before_ = 0;
  std::uint64_t number_before_[kGuarded] = {};
  Vigil vigil_{kAll};

  // Of the round that is being judged.
  LockAccount accounts_[kAll];
  long notices_ = 0;
  std::unordered_map<std::uint32_t, std::uint32_t> desk_of_;  ///< by the id in the roster
  std::unordered_map<std::uint64_t, std::uint32_t> noticed_;  ///< by desk and lock: the desk that was told
};

}  // namespace storm
