#include "stress/vigil.hpp"

#include <algorithm>

namespace storm {
namespace {

// A little less than the time after which the library's waiters look again: nothing else takes so long but a
// very busy machine.
constexpr std::int64_t kRecheckNs = 45'000'000;
constexpr std::int64_t kLongestBlinkNs = 10'000'000;

}  // namespace

// Who was itself kept from the processor cannot say what was between its looks.
void Vigil::begin(std::int64_t now_ns) {
  if (now_ns - last_look_ns_ > kLongestBlinkNs) forget();
  last_look_ns_ = now_ns;
}

std::int64_t Vigil::look(int thing, bool idle, std::int64_t now_ns, Idleness& sum) {
  auto& [since, lasted] = things_.at(static_cast<std::size_t>(thing));
  if (since == 0) {
    since = idle ? now_ns : 0;
    lasted = 0;
    return 0;
  }
  if (lasted < kRecheckNs && now_ns - since >= kRecheckNs) ++sum.rechecks;
  lasted = now_ns - since;
  sum.longest_ns = std::max(sum.longest_ns, lasted);
  if (!idle) since = 0;
  return idle ? lasted : 0;
}

void Vigil::forget() {
  for (Thing& thing : things_) thing = {};
}

bool Vigil::any() const noexcept {
  return std::any_of(things_.begin(), things_.end(), [](const Thing& thing) { return thing.since_ns != 0; });
}

}  // namespace storm
