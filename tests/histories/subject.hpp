// What a player can do to the object of a history, and how it is done with carom.
#pragma once

#include <memory>
#include <vector>

#include "carom/segment.hpp"
#include "histories/history.hpp"
#include "stress/dice.hpp"

namespace histories {

using storm::Dice;

struct Choice {
  What what{};
  int argument = 0;
};

/// One process's view of the object, which lies in a segment that all share. Of a new history: a new one.
class Subject {
 public:
  virtual ~Subject() = default;

  /// Makes the object, where the last history's lay.
  virtual void make(int size) = 0;

  /// What to call next. `with_deaths`: in this history somebody will be killed.
  virtual Choice choose(Dice& dice, bool with_deaths) = 0;

  /// Calls it. Returns what it returned, as a number.
  virtual int call(const Choice& choice) = 0;

  /// What a player calls last, so that nobody waits for one that does nothing more; and what the witness calls.
  virtual std::vector<Choice> last() { return {}; }
  virtual std::vector<Choice> looks() = 0;
};

std::unique_ptr<Subject> subject_of(Kind kind, void* place);
constexpr std::size_t kSubjectBytes = 256;

/// How many permits, parties or counts.
int size_of(Kind kind, Dice& dice);

}  // namespace histories
