// What every worker process does. Start reading here.
#pragma once

#include <cstdint>
#include <vector>

#include "corpus.hpp"
#include "ledger.hpp"
#include "locks.hpp"

namespace demo {

/// Who a worker is: the desk it sits at, perhaps after others who died there, and which of all workers.
struct Place {
  std::uint32_t desk = 0;
  std::uint32_t life = 0;
};

/// Holds the lock for a scope. Whoever gets it from a dead owner puts things in order before anything else.
template <class Lock>
class Hold {
 public:
  Hold(Lock& lock, Ledger& ledger, Place place) : lock_(lock), ledger_(ledger), place_(place) {
    const bool owner_died = lock_.lock() == Told::owner_died;
    ledger_.note_acquired(place_.life, owner_died);
    if (owner_died) ledger_.recover();
  }
  ~Hold() {
    ledger_.note_releasing(place_.life);
    lock_.unlock();
  }
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;

 private:
  Lock& lock_;
  Ledger& ledger_;
  Place place_;
};

/// Counts one item after the other, privately, and merges the counts into the shared table batch by batch.
/// May be killed anywhere in here.
template <class Lock>
void work(Lock& lock, Ledger ledger, const Corpus& corpus, Place place) {
  const Desk& desk = ledger.desk(place.desk);
  for (;;) {
    {
      // The first time round the desk may still hold what a predecessor had begun. It is in order once we
      // have the lock, even if the predecessor died within a change: we, or an heir before us, undid it.
      Hold hold(lock, ledger, place);
      if (desk.item == kNoItem && !ledger.take_item(place.desk)) return;
    }
    const std::vector<WordCount> counts =
        count_piece(corpus, corpus.pieces[desk.item % corpus.pieces.size()]);
    while (desk.item != kNoItem) {
      Hold hold(lock, ledger, place);
      ledger.merge_batch(place.desk, counts);
    }
  }
}

}  // namespace demo
