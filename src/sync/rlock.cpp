#include "carom/rlock.hpp"

namespace carom {

Acquisition RLock::deepen() {
  const std::uint32_t depth = depth_.load(std::memory_order_relaxed);
  if (depth >= kMaxDepth)
    throw Error(Errc::too_deep, "lock", "acquired more than 2^31 - 1 times by its owner");
  depth_.store(depth + 1, std::memory_order_relaxed);
  CAROM_STEP(rlock_deepened);
  return Acquisition::acquired;
}

}  // namespace carom
