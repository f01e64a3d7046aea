// What a readers-writer lock lets through.
#include <fmt/format.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <vector>

#include "children.hpp"
#include "peers/boost.hpp"
#include "peers/carom.hpp"
#include "peers/pthread.hpp"
#include "row.hpp"
#include "rows.hpp"

namespace bench {
namespace {

constexpr int kMaxProcesses = 8;

template <class Peer>
struct Arena {
  Placed<Peer> lock;
  alignas(64) volatile std::uint64_t guarded = 0;
  alignas(64) std::atomic<int> ready{0};
  std::atomic<bool> stop{false};
  struct alignas(64) Tally {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
  };
  std::array<Tally, kMaxProcesses> tallies;
};

template <class Peer>
void use(Arena<Peer>& arena, int index, int processes, std::uint32_t read_percent) {
  Peer& peer = *arena.lock;
  peer.lock_shared();  // what only the first use costs
  peer.unlock_shared();
  ++arena.ready;
  while (arena.ready < processes) sched_yield();
  typename Arena<Peer>::Tally tally;
  std::uint32_t random = static_cast<std::uint32_t>(index) * 7919 + 1;
  while (!arena.stop.load(std::memory_order_relaxed)) {
    random = random * 1664525 + 1013904223;
    if ((random >> 8) % 100 < read_percent) {
      peer.lock_shared();
      static_cast<void>(arena.guarded);
      peer.unlock_shared();
      ++tally.reads;
    } else {
      peer.lock();
      arena.guarded = arena.guarded + 1;
      peer.unlock();
      ++tally.writes;
    }
  }
  arena.tallies[static_cast<std::size_t>(index)] = tally;
}

template <class Peer>
void enter(Row& row, int processes, std::uint32_t read_percent, std::int64_t duration_ns) {
  row.add(Peer::kName, [=] {
    const carom::Shared<Arena<Peer>> shared;
    Arena<Peer>& arena = *shared;
    run_together(processes + 1, [&](int index) {
      if (index < processes) return use(arena, index, processes, read_percent);
      while (arena.ready < processes) sleep_ns(100'000);
      sleep_ns(duration_ns);
      arena.stop = true;
    });
    std::uint64_t sum = 0;
    std::uint64_t writes = 0;
    for (const auto& tally : arena.tallies) {
      sum += tally.reads + tally.writes;
      writes += tally.writes;
    }
    if (writes != arena.guarded) unexpected((std::string("exclusion of writers by ") + Peer::kName).c_str());
    return std::vector{static_cast<double>(sum) * 1000 / static_cast<double>(duration_ns)};
  });
}

}  // namespace

void run_readers_writers(Report& report, bool quick) {
  const std::int64_t duration_ns = quick ? 10'000'000 : 60'000'000;
  const std::size_t rounds = quick ? 1 : 7;
  report.line();
  report.line(
      fmt::format("Readers and writers, processes: {} rounds of {} ms", rounds, duration_ns / 1'000'000));
  for (const std::uint32_t read_percent : {100u, 99u, 90u, 50u}) {
    for (const int processes : {2, 4, 8}) {
      if (quick && processes > 2) continue;
      Row row("readers_writers", fmt::format("{} % reads", read_percent),
              fmt::format("{} processes", processes), {{"throughput", "Mops/s", Better::larger}});
      enter<CaromSharedLock>(row, processes, read_percent, duration_ns);
      enter<PthreadSharedLock>(row, processes, read_percent, duration_ns);
      enter<BoostSharable>(row, processes, read_percent, duration_ns);
      row.run(report, rounds);
      row.judge(report, row.find(CaromSharedLock::kName), row.best_peer(0), 0, std::nullopt);
    }
  }
}

}  // namespace bench
