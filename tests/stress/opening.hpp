// What a round needs before it begins: nothing broken or closed, and latches that nobody has counted down.
#pragma once

#include "stress/dice.hpp"
#include "stress/ledger.hpp"
#include "stress/wares.hpp"

namespace storm {

/// While nobody else uses any of it, and nobody is killed.
void open_round(Wares& wares, Ledger& ledger, Dice& dice);

}  // namespace storm
