#include "stress/opening.hpp"

#include <new>

namespace storm {

void open_round(Wares& wares, Ledger& ledger, Dice& dice) {
  wares.event.clear();
  wares.closed = 0;
  for (int i = 0; i < kBarriers; ++i) {
    (void)wares.barrier(i).broken();  // sees to those who had enrolled and died
    wares.barrier(i).reset();
  }
  for (int i = 0; i < kLatches; ++i) {
    // What the dead had promised to the latch that lay here would be told of the new one: a wait sees to that.
    carom::Latch* const last = ::new (&wares.latches[i]) carom::Latch(1);
    (void)last->wait(carom::Deadline::passed());
    const auto count = static_cast<std::uint32_t>(dice.between(1, 60));
    ::new (&wares.latches[i]) carom::Latch(static_cast<std::ptrdiff_t>(count));
    ledger.common.latch_counts[i] = count;
  }
  ledger.common.latches_open = true;
}

}  // namespace storm
