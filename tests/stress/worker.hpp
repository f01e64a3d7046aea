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
  int favourite;     ///< the kind of thing used most, by its number; beyond the last: none
  bool opens;        ///< puts in order, first of all, what the last round left
  bool closes;       ///< brings about what some wait for and would never come
  Break broken;
};

/// Works until it is killed, or ends by itself. Returns the exit code.
int work(Site& site, Ledger& ledger, const Orders& orders);

}  // namespace storm
