// What the inspector sees from outside, in words read at once: the public calls would see to the dead, and so rescue
// those whom it is to find asleep.
#include <algorithm>
#include <cstdio>
#include <string>

#include "stress/inspector.hpp"

namespace storm {
namespace {

using carom::detail::BarrierWord;
using carom::detail::BoundedWord;
using carom::detail::EventWord;
using carom::detail::LatchWord;
using carom::detail::LockWord;
using carom::detail::SemaphoreWord;
using carom::detail::SharedWord;

// With an allowance for a machine that has other things to do.
constexpr std::int64_t kLongestIdleNs = 1'000'000'000;

std::uint32_t value_of(Wares& wares, int pool) {
  switch (pool) {
    case 0:
      return word_of<SemaphoreWord, std::uint64_t>(wares.scoped).value();
    case 1:
      return word_of<SemaphoreWord, std::uint64_t>(wares.tracked).value();
    default:
      return word_of<BoundedWord, std::uint64_t>(wares.bounded).value();
  }
}

bool any_dead(const std::vector<carom::Participant>& participants) {
  return std::any_of(participants.begin(), participants.end(),
                     [](const carom::Participant& participant) { return !participant.alive; });
}

bool latch_is_idle(const carom::Latch& latch) {
  if (latch.waiters() == 0) return false;
  const auto word = word_of<LatchWord, std::uint32_t>(latch);
  return word.open() || word.forsaken() || any_dead(latch.promised());
}

// Only while its lock is free: of what somebody left who died with it, the next to enter the shop tells the others.
bool shop_is_idle(const Wares& wares) {
  const auto lock = word_of<LockWord, std::uint32_t>(wares.shop_lock);
  return (wares.goods != 0 || wares.closed != 0) && lock.free() && wares.shop.waiters() != 0;
}

bool table_is_idle(const carom::SharedLock& table) {
  if (table.waiters() == 0) return false;
  const auto writer = table.owner();
  return !writer || !writer->alive;
}

}  // namespace

void Inspector::look_at(Kind kind, int number, bool idle, std::int64_t now_ns) {
  const std::int64_t lasted =
      vigil_.look(index_of(kind) * kPerKind + number, idle, now_ns, kinds_[index_of(kind)].idleness);
  if (lasted < kLongestIdleNs) return;
  fault(Wrong::hung, kind, "somebody sleeps beside what could be had");
  vigil_.forget();
}

void Inspector::watch_idle(std::int64_t now_ns, const Flock& flock) {
  vigil_.begin(now_ns);
  site_.look([&](const carom::Segment&, Arena& arena) {
    Wares& wares = arena.wares;
    for (int pool = 0; pool < kPools; ++pool) {
      const bool idle = wares.with_pool(pool, [&](auto& semaphore) {
        return semaphore.waiters() != 0 && (value_of(wares, pool) != 0 || any_dead(semaphore.holders()));
      });
      look_at(kPoolKinds[pool], 0, idle, now_ns);
    }
    look_at(Kind::signal, 0,
            wares.signals.waiters() != 0 && word_of<SemaphoreWord, std::uint64_t>(wares.signals).value() != 0,
            now_ns);
    look_at(Kind::shared_lock, 0, table_is_idle(wares.table), now_ns);
    look_at(Kind::event, 0, wares.event.waiters() != 0 && wares.event.is_set(), now_ns);
    look_at(Kind::condition, 0, shop_is_idle(wares), now_ns);
    for (int i = 0; i < kBarriers; ++i) look_at(Kind::barrier, i, barrier_is_idle(arena, i, flock), now_ns);
    for (int i = 0; i < kLatches; ++i) look_at(Kind::latch, i, latch_is_idle(wares.latches[i]), now_ns);
  });
}

// Broken; or a dead party is among those who have enrolled, or who have arrived: they are more than live there.
bool Inspector::barrier_is_idle(Arena& arena, int number, const Flock& flock) const {
  carom::Barrier& barrier = arena.wares.barrier(number);
  if (barrier.waiters() == 0) return false;
  const auto word = word_of<BarrierWord, std::uint64_t>(barrier);
  if (word.broken() || any_dead(barrier.enrolled())) return true;
  std::uint32_t living = 0;
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const Desk& desk = ledger_.desks[i];
    if (ledger_.books[i].meeting != 1 + number || desk.ended) continue;
    if (!flock.workers().at(desk.post).dead()) ++living;
  }
  return word.arrived() > living;
}

void Inspector::dump(const Flock& flock) {
  site_.look([&](const carom::Segment&, Arena& arena) {
    Wares& wares = arena.wares;
    const auto print_waiting = [](const auto& thing) {
      std::fprintf(stderr, ", waiting:");
      for (const carom::Participant& waiter : thing.waiting()) {
        std::fprintf(stderr, " %u%s", waiter.tid, waiter.alive ? "" : " (dead)");
      }
      std::fprintf(stderr, "\n");
    };
    const auto print = [&](Kind kind, std::uint64_t word, const auto& thing) {
      std::fprintf(stderr, "%s: word %016lx", to_string(kind), static_cast<unsigned long>(word));
      print_waiting(thing);
    };
    for (int pool = 0; pool < kPools; ++pool) {
      wares.with_pool(pool, [&](auto& s) {
        print(kPoolKinds[pool], reinterpret_cast<const std::atomic<std::uint64_t>&>(s).load(), s);
        for (const carom::Participant& holder : s.holders()) {
          std::fprintf(stderr, "  holder %u (thread %u, %s)\n", holder.id, holder.tid,
                       holder.alive ? "alive" : "dead");
        }
      });
    }
    print(Kind::signal, word_of<SemaphoreWord, std::uint64_t>(wares.signals).bits(), wares.signals);
    print(Kind::shared_lock, word_of<SharedWord, std::uint64_t>(wares.table).bits(), wares.table);
    print(Kind::event, word_of<EventWord, std::uint32_t>(wares.event).bits(), wares.event);
    print(Kind::condition, reinterpret_cast<const std::atomic<std::uint32_t>&>(wares.shop).load(),
          wares.shop);
    std::fprintf(stderr, "  goods %lu, closed %u, lock %08x", static_cast<unsigned long>(wares.goods),
                 wares.closed, word_of<LockWord, std::uint32_t>(wares.shop_lock).bits());
    print_waiting(wares.shop_lock);
    for (int i = 0; i < kBarriers; ++i) {
      print(Kind::barrier, word_of<BarrierWord, std::uint64_t>(wares.barrier(i)).bits(), wares.barrier(i));
    }
    for (const carom::Latch& latch : wares.latches) {
      print(Kind::latch, word_of<LatchWord, std::uint32_t>(latch).bits(), latch);
    }
  });
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const Desk& desk = ledger_.desks[i];
    if (desk.parked || flock.workers().at(desk.post).state != Worker::runs) continue;
    for (int kind = 0; kind < kKinds; ++kind) {
      if (!ledger_.books[i].at[kind]) continue;
      std::fprintf(stderr, "desk %u, thread %u: in an operation of %s%s\n", i, desk.tid.load(),
                   to_string(static_cast<Kind>(kind)),
                   ledger_.books[i].stuck == 1 + kind ? ", for as long as it takes" : "");
    }
  }
}

}  // namespace storm
