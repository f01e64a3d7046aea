// The judge: takes no part in the segment, reads the ledger when a round has fallen quiet, and believes the
// library nothing.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "stress/arena.hpp"
#include "stress/flock.hpp"
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
  std::int64_t longest_idle_ns = 0;  ///< of a lock that could be had while somebody slept for it, in calm
  long rechecks = 0;  ///< such times as long as the library's re-check: nothing else ended them

  long violations() const noexcept { return hung + lost + doubled + other; }
};

class Oracle {
 public:
  Oracle(Site& site, Ledger& ledger, Tally& tally) : site_(site), ledger_(ledger), tally_(tally) {}

  /// When all the living are parked: kills, notices, updates, take-overs, the roster.
  void judge_quiet(const Flock& flock);

  /// When all are dead: nobody may be listed any more.
  void judge_grave();

  /// Between two looks in calm: whether somebody sleeps beside what could be had.
  void watch_idle(std::int64_t now_ns);

  /// Somebody did not get through: says what every lock and every living thread is at.
  void dump_hung(const Flock& flock);

  /// Counts the round, and prints the violations that were found in it.
  void close_round(std::uint64_t seed);

 private:
  /// What one lock's notices and deaths came to.
  struct Account {
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
  std::uint64_t takeovers_before_ = 0;
  std::uint64_t number_before_[kAll] = {};
  std::int64_t idle_since_ns_[kAll] = {};  ///< 0: not
  std::int64_t idle_for_ns_[kAll] = {};
  std::int64_t last_look_ns_ = 0;

  // Of the round that is being judged.
  Account accounts_[kAll];
  long notices_ = 0;
  std::unordered_map<std::uint32_t, std::uint32_t> desk_of_;  ///< by the id in the roster
  std::unordered_map<std::uint64_t, std::uint32_t> noticed_;  ///< by desk and lock: the desk that was told
};

}  // namespace storm
