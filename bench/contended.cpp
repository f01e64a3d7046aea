// What a lock lets through when several processes want it all the time.
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

#include "children.hpp"
#include "peers.hpp"
#include "rows.hpp"
#include "stats.hpp"

namespace bench {
namespace {

constexpr int kMaxProcesses = 16;
constexpr std::int64_t kPatienceNs = 20'000'000'000;
constexpr std::uint64_t kTimedAlways = 500;  // steps of work, about half a microsecond

struct Setting {
  int processes;
  std::int64_t critical_ns;
  std::int64_t think_ns;
};

struct Outcome {
  double mops;
  double share;     ///< of the process that got the least, to that of the one that got the most
  double worst_us;  ///< wait for the lock
  double cpu_us;    ///< processor time for each time it was had
};

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
  struct alignas(64) Count {
    std::uint64_t count = 0;
    std::int64_t worst_ns = 0;
    std::int64_t cpu_ns = 0;
  };
  std::array<Count, kMaxProcesses> counts;
};

std::int64_t processor_ns() {
  timespec spent;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return std::int64_t{spent.tv_sec} * 1'000'000'000 + spent.tv_nsec;
}

template <class Peer>
void compete(Arena<Peer>& arena, std::size_t index, std::uint64_t critical, std::uint64_t think) {
  Peer& peer = arena.lock.peer();
  peer.lock();  // what only the first use costs
  peer.unlock();
  ++arena.ready;
  while (!arena.go.load(std::memory_order_acquire)) sched_yield();
  // Looking at the clock takes longer than a free lock: the short ones are timed once in 16 times. A wait that is long
  // enough to matter keeps a process from all the others too, so none of those is missed for long.
  const std::uint64_t timed_every = critical < kTimedAlways ? 16 : 1;
  const std::int64_t cpu_before = processor_ns();
  std::int64_t worst_ns = 0;
  std::uint64_t count = 0;
  while (!arena.stop.load(std::memory_order_relaxed)) {
    if (count % timed_every == 0) {
      const std::int64_t begin = now_ns();
      peer.lock();
      worst_ns = std::max(worst_ns, now_ns() - begin);
    } else {
      peer.lock();
    }
    arena.guarded = arena.guarded + 1;
    if (critical != 0) work(critical);
    peer.unlock();
    ++count;
    if (think != 0) work(think);
  }
  arena.counts[index] = {count, worst_ns, processor_ns() - cpu_before};
}

template <class Peer>
Outcome measure(const Setting& setting, double steps, std::int64_t duration_ns) {
  const auto to_steps = [&](std::int64_t ns) {
    return static_cast<std::uint64_t>(static_cast<double>(ns) / 1000.0 * steps);
  };
  const carom::Shared<Arena<Peer>> shared;
  Arena<Peer>& arena = *shared;
  std::vector<Child> children;
  children.reserve(kMaxProcesses);
  for (int i = 0; i < setting.processes; ++i) {
    children.emplace_back([&] {
      compete(arena, static_cast<std::size_t>(i), to_steps(setting.critical_ns), to_steps(setting.think_ns));
    });
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
  std::uint64_t most = 0;
  std::int64_t worst_ns = 0;
  std::int64_t cpu_ns = 0;
  for (int i = 0; i < setting.processes; ++i) {
    const auto& [count, worst_here_ns, cpu_here_ns] = arena.counts[static_cast<std::size_t>(i)];
    worst_ns = std::max(worst_ns, worst_here_ns);
    cpu_ns += cpu_here_ns;
    sum += count;
    least = std::min(least, count);
    most = std::max(most, count);
  }
  if (sum + 0 != arena.guarded) unexpected((std::string("mutual exclusion of ") + Peer::kName).c_str());
  return {static_cast<double>(sum) * 1000.0 / static_cast<double>(end - begin),
          static_cast<double>(least) / static_cast<double>(std::max<std::uint64_t>(most, 1)),
          static_cast<double>(worst_ns) / 1000,
          static_cast<double>(cpu_ns) / 1000 / static_cast<double>(std::max<std::uint64_t>(sum, 1))};
}

struct Contestant {
  const char* name;
  Outcome (*measure)(const Setting&, double steps, std::int64_t duration_ns);
};
template <class Peer>
constexpr Contestant kContestant{Peer::kName, measure<Peer>};

constexpr std::array kAll = {kContestant<CaromLock>,     kContestant<PthreadShared>,
                             kContestant<PthreadRobust>, kContestant<PthreadAdaptive>,
                             kContestant<Semaphore>,     kContestant<BoostMutex>};

/// What one contestant did, round by round.
struct Record {
  std::vector<double> mops, share, worst_us, cpu_us;
};

std::string describe(const Setting& setting) {
  return fmt::format("{} processes, critical {:.1f} us, think {:.1f} us", setting.processes,
                     static_cast<double>(setting.critical_ns) / 1000,
                     static_cast<double>(setting.think_ns) / 1000);
}

void judge(Report& report, const Setting& setting, const Record& ours, const Record& theirs,
           const char* name) {
  const std::string row = describe(setting);
  const double mops = summarize(ours.mops).median;
  const double peer_mops = summarize(theirs.mops).median;
  report.add(Verdict{"contended " + row, fmt::format("{:.2f} Mops/s", mops),
                     fmt::format("{:.2f} Mops/s", peer_mops), name, mops / peer_mops, ">= 1.00",
                     mops >= peer_mops});
  const double wait = summarize(ours.worst_us).median;
  const double peer_wait = summarize(theirs.worst_us).median;
  report.add(Verdict{"worst wait, " + row, fmt::format("{:.0f} us", wait),
                     fmt::format("{:.0f} us", peer_wait), name, wait / peer_wait, "<= 1.00",
                     wait <= peer_wait});
}

void run_row(Report& report, const Setting& setting, double steps, std::int64_t duration_ns,
             std::size_t rounds) {
  std::array<Record, kAll.size()> records;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < kAll.size(); ++turn) {
      const std::size_t who = (round + turn) % kAll.size();
      report.progress(
          fmt::format("contended: {}: round {}, {}", describe(setting), round + 1, kAll[who].name));
      const Outcome outcome = kAll[who].measure(setting, steps, duration_ns);
      records[who].mops.push_back(outcome.mops);
      records[who].share.push_back(outcome.share);
      records[who].worst_us.push_back(outcome.worst_us);
      records[who].cpu_us.push_back(outcome.cpu_us);
    }
  }

  const std::string row = describe(setting);
  std::size_t best = 1;
  report.line("  " + row);
  for (std::size_t who = 0; who < kAll.size(); ++who) {
    const Record& record = records[who];
    const Summary mops = summarize(record.mops);
    if (who > 1 && mops.median > summarize(records[best].mops).median) best = who;
    report.line(fmt::format("    {:<18} {:>8.3f} [{:.3f} {:.3f}] {:>6.2f} {:>12.0f} {:>10.3f}",
                            kAll[who].name, mops.median, mops.q1, mops.q3, summarize(record.share).median,
                            summarize(record.worst_us).median, summarize(record.cpu_us).median));
    report.add(Series{"contended", row, kAll[who].name, "Mops/s", record.mops});
    report.add(Series{"least share to largest", row, kAll[who].name, "ratio", record.share});
    report.add(Series{"worst wait", row, kAll[who].name, "us", record.worst_us});
    report.add(Series{"processor time", row, kAll[who].name, "us", record.cpu_us});
  }
  const bool has_target = setting.processes <= 8 && setting.critical_ns <= 1000;
  if (has_target) return judge(report, setting, records[0], records[best], kAll[best].name);
  const double ours = summarize(records[0].mops).median;
  const double theirs = summarize(records[best].mops).median;
  if (ours < theirs) {
    report.add_loss(fmt::format("contended {}: carom {:.3f} Mops/s, {} {:.3f} Mops/s, ratio {:.2f}", row,
                                ours, kAll[best].name, theirs, ours / theirs));
  }
}

}  // namespace

void run_contended(Report& report, bool quick) {
  const std::int64_t duration_ns = quick ? 10'000'000 : 60'000'000;
  const std::size_t rounds = quick ? 1 : 5;
  report.line();
  report.line(fmt::format("Contended, processes: {} rounds of {} ms", rounds, duration_ns / 1'000'000));
  report.line(fmt::format("    {:<18} {:>8} {:<13} {:>6} {:>12} {:>10}", "", "Mops/s", "[quartiles]", "share",
                          "worst, us", "cpu, us"));

  const double steps = steps_per_us();
  for (const int processes : {2, 4, 8, 16}) {
    for (const std::int64_t critical_ns : {0, 100, 1000, 10'000}) {
      for (const std::int64_t times : {0, 5}) {
        if (critical_ns == 0 && times != 0) continue;  // five times nothing
        if (quick && (processes > 4 || times != 0)) continue;
        run_row(report, {processes, critical_ns, times * critical_ns}, steps, duration_ns, rounds);
      }
    }
  }
}

}  // namespace bench
