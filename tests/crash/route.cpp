#include "crash/route.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace crash {
namespace {

constexpr int kPatienceMs = 10'000;

}  // namespace

void Route::record(Tracee& victim) {
  std::map<std::uint64_t, std::uint64_t> counts;
  steps_.clear();
  ends_asleep_ = false;
  while (!over_()) {
    steps_.push_back({victim.instruction(), ++counts[victim.instruction()]});
    const Tracee::State state = victim.step();
    if (state == Tracee::State::ended) return;
    if (state == Tracee::State::stopped) continue;
    if (through_sleep_ && victim.stopped_again(kPatienceMs)) continue;
    ends_asleep_ = true;
    return;
  }
}

Route::Arrival Route::reach(Tracee& victim, std::size_t point) const {
  if (point >= points()) return Arrival::over;
  const Step& to = steps_[std::min(point, steps_.size() - 1)];
  if (!victim.run_to(to.address, to.count)) return Arrival::missed;
  if (point < steps_.size()) return Arrival::there;
  return victim.step() == Tracee::State::asleep ? Arrival::asleep : Arrival::missed;
}

Route::Arrival Route::walk(Tracee& victim, std::size_t point) const {
  for (std::size_t i = 0; i < point; ++i) {
    const Tracee::State state = victim.step();
    if (state == Tracee::State::ended || over_()) return Arrival::over;
    if (state == Tracee::State::asleep && !(through_sleep_ && victim.stopped_again(kPatienceMs))) {
      return Arrival::asleep;
    }
  }
  return Arrival::there;
}

}  // namespace crash
