// The judge of everything but the numbered locks, as Oracle is of those.
#pragma once

#include <cstdint>
#include <string>

#include "stress/arena.hpp"
#include "stress/flock.hpp"
#include "stress/ledger.hpp"
#include "stress/vigil.hpp"

namespace storm {

/// What became of one kind of thing so far.
struct KindTally {
  long operations = 0;
  long killed = 0;  ///< workers killed in an operation
  std::int64_t longest_wait_ns =
      0;  ///< in calm; where one may rightly wait for long, since the round was closed
  Idleness idleness;
};

class Inspector {
 public:
  Inspector(Site& site, Ledger& ledger) : site_(site), ledger_(ledger) {}

  /// When all the living are parked.
  void judge_quiet(const Flock& flock);

  /// Between two looks in calm.
  void watch_idle(std::int64_t now_ns, const Flock& flock);

  /// Whether somebody slept beside what could be had, when one looked last.
  bool any_idle() const noexcept { return vigil_.any(); }

  /// What the words say, and who is at what.
  void dump(const Flock& flock);

  /// By how many the library's count of take-overs may rightly differ from the notices of the locks.
  struct Others {
    long told = 0;     ///< for certain
    long perhaps = 0;  ///< and so many more
  };
  Others count_takeovers() const;

  const KindTally& of(Kind kind) const noexcept { return kinds_[index_of(kind)]; }

 private:
  /// How many of something there may be: from what is noted.
  struct Range {
    std::int64_t least = 0;
    std::int64_t most = 0;
    void add(const Account& account, bool dead) noexcept;
    void subtract(const Account& account, bool dead) noexcept;
    bool holds(std::int64_t value) const noexcept { return value >= least && value <= most; }
  };

  void sum_up(const Flock& flock);
  void judge_pools(Arena& arena);
  void judge_accounts(Arena& arena);
  void judge_barriers();
  void judge_latches(Arena& arena);
  void look_at(Kind kind, int number, bool idle, std::int64_t now_ns);
  bool barrier_is_idle(Arena& arena, int number, const Flock& flock) const;
  void fault(Wrong wrong, Kind kind, const std::string& text) {
    ledger_.fault(wrong, -1, kDesks, std::string(to_string(kind)) + ": " + text);
  }

  static constexpr int kPerKind = 4;  // as many as there are of any kind, at most

  Site& site_;
  Ledger& ledger_;
  KindTally kinds_[kKinds];
  Vigil vigil_{kKinds * kPerKind};
  std::int64_t signals_before_ = 0;
  std::int64_t goods_before_ = 0;
};

}  // namespace storm
