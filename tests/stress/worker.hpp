// What a worker process does with its life.
#pragma once

#include <cstdint>

#include "stress/actor.hpp"

namespace storm {

struct Orders {
  std::uint64_t seed;  ///< of this worker
  std::uint32_t post;
  int threads;       ///< 1 or 2
  int active_locks;  ///< how many of the locks are used: few is crowded
  bool leisurely;    ///< longer times inside
  Break broken;
};

/// Works until it is killed, or ends by itself. Returns the exit code.
int work(Site& site, Ledger& ledger, const Orders& orders);

}  // namespace storm
