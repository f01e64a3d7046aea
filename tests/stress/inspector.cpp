#include "stress/inspector.hpp"

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

namespace storm {

void Inspector::Range::add(const Account& account, bool dead) noexcept {
  least += account.done;
  most += account.done + (dead ? account.perhaps.load() : 0);
}

void Inspector::Range::subtract(const Account& account, bool dead) noexcept {
  least -= account.done + std::int64_t{dead ? account.perhaps.load() : 0};
  most -= account.done;
}

void Inspector::judge_quiet(const Flock& flock) {
  vigil_.forget();
  sum_up(flock);
  site_.look([&](const carom::Segment&, Arena& arena) {
    judge_pools(arena);
    judge_accounts(arena);
    judge_barriers();
    judge_latches(arena);
    if (arena.wares.table.locked() || arena.wares.table.reader_count() != 0) {
      fault(Wrong::two_inside, Kind::shared_lock, "not free in the end");
    }
    if (arena.wares.table.inherited()) {
      fault(Wrong::invented_notice, Kind::shared_lock, "still tells of a death in the end");
    }
  });
}

void Inspector::sum_up(const Flock& flock) {
  std::set<std::pair<std::uint32_t, int>> struck;  // post and kind
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const Book& book = ledger_.books[i];
    const Desk& desk = ledger_.desks[i];
    for (int kind = 0; kind < kKinds; ++kind) {
      kinds_[kind].operations += book.operations[kind];
      kinds_[kind].longest_wait_ns =
          std::max(kinds_[kind].longest_wait_ns, book.longest_wait_ns[kind].load());
      if (!desk.parked && book.at[kind]) struck.emplace(desk.post, kind);
    }
    for (int lock = 0; lock < kAll; ++lock) {
      const Kind kind = kind_of_lock(lock);
      if (!desk.parked && desk.hold[lock] != Hold::no) struck.emplace(desk.post, index_of(kind));
    }
  }
  for (const auto& [post, kind] : struck) {
    if (flock.workers().at(post).killed) ++kinds_[kind].killed;
  }
}

void Inspector::judge_pools(Arena& arena) {
  for (int pool = 0; pool < kPools; ++pool) {
    arena.wares.with_pool(pool, [&](auto& semaphore) {
      const std::uint32_t value = semaphore.get_value();
      if (value != static_cast<std::uint32_t>(kPermits[pool])) {
        fault(value < static_cast<std::uint32_t>(kPermits[pool]) ? Wrong::lost_update : Wrong::two_inside,
              kPoolKinds[pool],
              std::to_string(value) + " of " + std::to_string(kPermits[pool]) +
                  " permits are there in the end, when nobody alive has one");
      }
      for (const carom::Participant& holder : semaphore.holders()) {
        fault(Wrong::other, kPoolKinds[pool],
              "participant " + std::to_string(holder.id) + " is said to have a permit in the end");
      }
    });
  }
}

void Inspector::judge_accounts(Arena& arena) {
  Range signals{signals_before_, signals_before_};
  Range goods{goods_before_, goods_before_};
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const Book& book = ledger_.books[i];
    const bool dead = !ledger_.desks[i].parked;
    signals.add(book.released, dead);
    signals.subtract(book.acquired, dead);
    goods.add(book.produced, dead);
    goods.subtract(book.consumed, dead);
  }
  const auto judge = [&](Kind kind, const Range& range, std::int64_t value, std::int64_t& before) {
    before = value;
    if (range.holds(value)) return;
    fault(value < range.least ? Wrong::lost_update : Wrong::two_inside, kind,
          std::to_string(value) + " are left in the end, not " + std::to_string(range.least) + " to " +
              std::to_string(range.most));
  };
  judge(Kind::signal, signals, arena.wares.signals.get_value(), signals_before_);
  judge(Kind::condition, goods, static_cast<std::int64_t>(arena.wares.goods), goods_before_);
}

// Whoever met in one round got one index each, but for those who were killed before they noted theirs.
void Inspector::judge_barriers() {
  for (int barrier = 0; barrier < kBarriers; ++barrier) {
    std::int64_t met[kMostParties] = {};
    std::int64_t died = 0;
    for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
      const Book& book = ledger_.books[i];
      for (int index = 0; index < kParties[barrier]; ++index) met[index] += book.met[barrier][index];
      if (!ledger_.desks[i].parked && book.meeting == 1 + barrier) ++died;
    }
    const auto [least, most] = std::minmax_element(met, met + kParties[barrier]);
    if (*most - *least <= died) continue;
    fault(Wrong::lost_update, Kind::barrier,
          "of " + std::to_string(kParties[barrier]) + ": one index was returned " + std::to_string(*least) +
              " times, another " + std::to_string(*most) + "; died there: " + std::to_string(died));
  }
}

void Inspector::judge_latches(Arena& arena) {
  if (!ledger_.common.latches_open) return;
  for (int latch = 0; latch < kLatches; ++latch) {
    Range counted;
    bool broke_promise = false;
    for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
      const Book& book = ledger_.books[i];
      const bool dead = !ledger_.desks[i].parked;
      counted.add(book.counted[latch], dead);
      broke_promise = broke_promise || (dead && book.promised[latch]);
    }
    const auto word = word_of<carom::detail::LatchWord, std::uint32_t>(arena.wares.latches[latch]);
    const std::int64_t began = ledger_.common.latch_counts[latch];
    const std::int64_t least = std::max<std::int64_t>(0, began - counted.most);
    const std::int64_t most = std::max<std::int64_t>(0, began - counted.least);
    const std::int64_t left = word.left();
    if (left < least || left > most) {
      fault(left > most ? Wrong::lost_update : Wrong::two_inside, Kind::latch,
            std::to_string(left) + " are left of " + std::to_string(began) + ", not " +
                std::to_string(least) + " to " + std::to_string(most));
    }
    if (word.forsaken() && !broke_promise) {
      fault(Wrong::invented_notice, Kind::latch, "forsaken, but nobody who promised has died");
    }
  }
}

// A semaphore's take-over is told of in the same call. Of the SharedLock's a reader may be told only later, or never:
// but no more were taken over than writers died.
Inspector::Others Inspector::count_takeovers() const {
  Others others;
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const Book& book = ledger_.books[i];
    others.told += book.told;
    if (ledger_.desks[i].parked) continue;
    for (const std::atomic<bool>& at : book.at) others.perhaps += at ? 1 : 0;
    if (ledger_.desks[i].hold[kTable] != Hold::no) ++others.perhaps;
  }
  return others;
}

}  // namespace storm
