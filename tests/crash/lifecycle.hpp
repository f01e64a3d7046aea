// Kills inside of what happens around a lock's life: making, opening, joining, closing and removing a segment, and
// the first steps of a forked child.
#pragma once

#include "crash/ledger.hpp"
#include "crash/stage.hpp"

namespace crash {

/// Runs all of them; their subject in the ledger is "Segment".
void kill_lifecycle(Ledger& ledger, const Limits& limits);

}  // namespace crash
