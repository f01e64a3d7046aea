// What a lock lets through when several processes want it all the time.
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "children.hpp"
#include "peers/boost.hpp"
#include "peers/carom.hpp"
#include "peers/posix.hpp"
#include "peers/pthread.hpp"
#include "row.hpp"
#include "rows.hpp"

namespace bench {
namespace {

constexpr int kMaxProcesses = 16;
constexpr std::int64_t kTimeEachFromNs = 1000;
constexpr std::uint64_t kTimeOneIn = 16;

struct Setting {
  int processes;
  std::int64_t critical_ns;
  std::int64_t think_ns;
};

enum Figure : std::size_t { throughput, share, worst_wait, cpu };

/// Work that takes time and no memory. The clock is too slow to be asked within 100 ns.
void work(std::uint64_t steps) {
  std::uint64_t value = steps;
  for (std::uint64_t i = 0; i < steps; ++i) asm volatile("imul %0, %0" : "+r"(value));
}

/// How many steps of work one microsecond has, when nothing disturbs: the same for all contestants.
double steps_per_us() {
  constexpr std::uint64_t kSteps = 20'000;
  std::int64_t best = INT64_MAX;
  for (int i = 0; i < 200; ++i) {
    const std::int64_t begin = now_ns();
    work(kSteps);
    best = std::min(best, now_ns() - begin);
  }
  return static_cast<double>(kSteps) * 1000.0 / static_cast<double>(best);
}

template <class Peer>
struct Arena {
  Placed<Peer> lock;
  alignas(64) volatile std::uint64_t guarded = 0;
  alignas(64) std::atomic<int> ready{0};
  alignas(64) std::atomic<bool> go{false};
  std::atomic<bool> stop{false};
  struct alignas(64) Tally {
    std::uint64_t count = 0;
    std::int64_t worst_wait_ns = 0;
    std::int64_t cpu_ns = 0;
  };
  std::array<Tally, kMaxProcesses> tallies;
};

struct Steps {
  std::uint64_t critical;
  std::uint64_t think;
  std::uint64_t time_one_in;
};

std::int64_t cpu_ns() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000'000 +
         (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000;
}

/// Asking the clock twice takes as long as a short critical section, so that only some of those waits are timed.
template <class Peer>
void compete(Arena<Peer>& arena, std::size_t index, const Steps& steps) {
  Peer& peer = *arena.lock;
  peer.lock();  // what only the first use costs
  peer.unlock();
  ++arena.ready;
  while (!arena.go.load(std::memory_order_acquire)) sched_yield();
  const std::int64_t cpu_before = cpu_ns();
  std::uint64_t count = 0;
  std::int64_t worst = 0;
  while (!arena.stop.load(std::memory_order_relaxed)) {
    if (count % steps.time_one_in == 0) {
      const std::int64_t begin = now_ns();
      peer.lock();
      worst = std::max(worst, now_ns() - begin);
    } else {
      peer.lock();
    }
    arena.guarded = arena.guarded + 1;
    work(steps.critical);
    peer.unlock();
    ++count;
    work(steps.think);
  }
  arena.tallies[index] = {count, worst, cpu_ns() - cpu_before};
}

template <class Peer>
std::vector<double> measure(const Setting& setting, const Steps& steps, std::int64_t duration_ns) {
  const carom::Shared<Arena<Peer>> shared;
  Arena<Peer>& arena = *shared;
  std::vector<Child> children;
  children.reserve(kMaxProcesses);
  for (int i = 0; i < setting.processes; ++i) {
    children.emplace_back([&] { compete(arena, static_cast<std::size_t>(i), steps); });
  }
  const std::int64_t patience_ends = now_ns() + kPatienceNs;
  while (arena.ready < setting.processes) {
    if (now_ns() > patience_ends) unexpected("start of the competitors");
    sleep_ns(100'000);
  }
  const std::int64_t begin = now_ns();
  arena.go.store(true, std::memory_order_release);
  sleep_ns(duration_ns);
  arena.stop.store(true, std::memory_order_relaxed);
  const std::int64_t end = now_ns();
  for (Child& child : children) {
    if (!child.ends_well_within(kPatienceNs))
      unexpected((std::string("a competitor for ") + Peer::kName).c_str());
  }
  std::uint64_t sum = 0;
  std::uint64_t least = UINT64_MAX;
  std::uint64_t most = 1;
  std::int64_t worst = 0;
  std::int64_t cpu = 0;
  for (int i = 0; i < setting.processes; ++i) {
    const auto& tally = arena.tallies[static_cast<std::size_t>(i)];
    sum += tally.count;
    least = std::min(least, tally.count);
    most = std::max(most, tally.count);
    worst = std::max(worst, tally.worst_wait_ns);
    cpu += tally.cpu_ns;
  }
  if (sum != arena.guarded) unexpected((std::string("mutual exclusion of ") + Peer::kName).c_str());
  const auto operations = static_cast<double>(sum);
  return {operations * 1000 / static_cast<double>(end - begin),
          static_cast<double>(least) / static_cast<double>(most), static_cast<double>(worst) / 1000,
          static_cast<double>(cpu) / 1000 / operations};
}

void run_setting(Report& report, const Setting& setting, double steps, std::int64_t duration_ns,
                 std::size_t rounds) {
  const auto to_steps = [&](std::int64_t ns) {
    return static_cast<std::uint64_t>(static_cast<double>(ns) / 1000 * steps);
  };
  const Steps in_steps = {to_steps(setting.critical_ns), to_steps(setting.think_ns),
                          setting.critical_ns >= kTimeEachFromNs ? 1 : kTimeOneIn};
  const std::vector<Metric> metrics = {{"throughput", "Mops/s", Better::larger},
                                       {"least/most share", "", Better::larger},
                                       {"worst wait", "us"},
                                       {"CPU per operation", "us"}};
  Row row("contended",
          fmt::format("critical {} us, think {} us", static_cast<double>(setting.critical_ns) / 1000,
                      static_cast<double>(setting.think_ns) / 1000),
          fmt::format("{} processes", setting.processes), metrics);
  const auto enter = [&]<class... Peer>(std::type_identity<Peer>...) {
    (row.add(Peer::kName, [=] { return measure<Peer>(setting, in_steps, duration_ns); }), ...);
  };
  enter(std::type_identity<CaromLock>{}, std::type_identity<CaromFifoLock>{},
        std::type_identity<PthreadShared>{}, std::type_identity<PthreadRobust>{},
        std::type_identity<PthreadAdaptive>{}, std::type_identity<Semaphore>{},
        std::type_identity<BoostMutex>{});
  row.run(report, rounds);

  const bool has_target = setting.processes <= 8 && setting.critical_ns <= 1000;
  const std::optional<double> target = has_target ? std::optional(1.0) : std::nullopt;
  const Contestant& ours = row.find(CaromLock::kName);
  const Contestant& best = row.best_peer(throughput);
  row.judge(report, ours, best, throughput, target);
  row.judge(report, ours, best, worst_wait, target);
  row.judge(report, ours, best, cpu, std::nullopt);
}

}  // namespace

void run_contended(Report& report, bool quick) {
  const std::int64_t duration_ns = quick ? 10'000'000 : 60'000'000;
  const std::size_t rounds = quick ? 1 : 11;
  report.line();
  report.line(fmt::format("Contended, processes: {} rounds of {} ms", rounds, duration_ns / 1'000'000));
  report.add_note(
      "contended: pthread PI is left out; with more processes than CPUs each of its hand-overs is a switch");
  report.add_note("contended: one wait in 16 is timed where the critical section is below 1 us, else each");

  const double steps = steps_per_us();
  for (const std::int64_t critical_ns : {0, 100, 1000, 10'000}) {
    for (const std::int64_t times : {0, 5}) {
      if (critical_ns == 0 && times != 0) continue;  // five times nothing
      if (quick && times != 0) continue;
      for (const int processes : {2, 4, 8, 16}) {
        if (quick && processes > 4) continue;
        run_setting(report, {processes, critical_ns, times * critical_ns}, steps, duration_ns, rounds);
      }
    }
  }
}

}  // namespace bench
