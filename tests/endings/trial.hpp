// One ending of one play, from the first process to the verdict.
#pragma once

#include "endings/ending.hpp"
#include "endings/ledger.hpp"
#include "endings/play.hpp"
#include "endings/victim.hpp"
#include "stress/dice.hpp"

namespace endings {

class Trials {
 public:
  explicit Trials(const Means& means) : means_(means) {}

  Entry run(const Ending& ending, const Play& play, storm::Dice dice);

  /// How many of the deaths that should dump a core did not.
  long without_core() const { return without_core_; }

 private:
  struct Staged;
  Entry run_once(const Ending& ending, const Play& play, storm::Dice& dice, bool& undecided);

  const Means& means_;
  long without_core_ = 0;
};

}  // namespace endings
