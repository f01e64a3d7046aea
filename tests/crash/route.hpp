// The way a victim takes through an operation, instruction by instruction, and getting another victim to any point
// of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "crash/tracee.hpp"

namespace crash {

class Route {
 public:
  /// Says that the operation is over, though the victim still runs.
  using Over = std::function<bool()>;

  enum class Arrival {
    there,
    asleep,  ///< there, and the point is a sleep in the kernel: the last one
    over,    ///< the operation has no such point
    missed   ///< this victim took another way; a new one may be stepped there
  };

  /// `through_sleep`: a sleep is waited out instead of ending the route.
  Route(Over over, bool through_sleep) : over_(std::move(over)), through_sleep_(through_sleep) {}

  /// Steps a victim to the end and notes the way.
  void record(Tracee& victim);

  /// Runs a victim freely to a breakpoint at the point: stepping it each time would cost the square of the length.
  Arrival reach(Tracee& victim, std::size_t point) const;

  /// Steps a victim there, whatever way it takes: where time passes, that differs from run to run.
  Arrival walk(Tracee& victim, std::size_t point) const;

  std::size_t points() const { return steps_.size() + (ends_asleep_ ? 1 : 0); }

 private:
  struct Step {
    std::uint64_t address;
    std::uint64_t count;  ///< for the how-manieth time it is there
  };

  Over over_;
  bool through_sleep_;
  std::vector<Step> steps_;
  bool ends_asleep_ = false;
};

}  // namespace crash
