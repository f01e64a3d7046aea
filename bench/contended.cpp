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

constexpr int kMaxProcesses = 8;
constexpr std::int64_t kPatienceNs = 20'000'000'000;

struct Setting {
  int processes;
  std::int64_t critical_ns;
  std::int64_t think_ns;
};

struct Outcome {
  double mops;
  double share;  ///< of the process that got the least, to that of the one that got the most
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
  };
  std::array<Count, kMaxProcesses> counts;
};

template <class Peer>
void compete(Arena<Peer>& arena, std::size_t index, std::uint64_t critical, std::uint64_t think) {
  Peer& peer = arena.lock.peer;
  peer.lock();  // what only the first use costs
  peer.unlock();
  ++arena.ready;
  while (!arena.go.load(std::memory_order_acquire)) sched_yield();
  std::uint64_t count = 0;
  while (!arena.stop.load(std::memory_order_relaxed)) {
    peer.lock();
    arena.guarded = arena.guarded + 1;
    if (critical != 0) work(critical);
    peer.unlock();
    ++count;
    if (think != 0) work(think);
  }
  arena.counts[index].count = count;
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
  for (int i = 0; i < setting.processes; ++i) {
    const std::uint64_t count = arena.counts[static_cast<std::size_t>(i)].count;
    sum += count;
    least = std::min(least, count);
    most = std::max(most, count);
  }
  if (sum + 0 != arena.guarded) unexpected((std::string("mutual exclusion of ") + Peer::kName).c_str());
  return {static_cast<double>(sum) * 1000.0 / static_cast<double>(end - begin),
          static_cast<double>(least) / static_cast<double>(std::max<std::uint64_t>(most, 1))};
}

struct Contestant {
  const char* name;
  Outcome (*measure)(const Setting&, double steps, std::int64_t duration_ns);
};
template <class Peer>
constexpr Contestant kContestant{Peer::kName, measure<Peer>};

constexpr std::array kAll = {kContestant<CaromLock>, kContestant<PthreadShared>, kContestant<PthreadRobust>,
                             kContestant<PthreadAdaptive>, kContestant<Semaphore>};

void run_row(Report& report, const Setting& setting, double steps, std::int64_t duration_ns,
             std::size_t rounds) {
  std::array<std::vector<double>, kAll.size()> mops;
  std::array<std::vector<double>, kAll.size()> shares;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < kAll.size(); ++turn) {
      const std::size_t who = (round + turn) % kAll.size();
      report.progress(fmt::format("contended: {} processes, {} ns + {} ns: round {}, {}", setting.processes,
                                  setting.critical_ns, setting.think_ns, round + 1, kAll[who].name));
      const Outcome outcome = kAll[who].measure(setting, steps, duration_ns);
      mops[who].push_back(outcome.mops);
      shares[who].push_back(outcome.share);
    }
  }

  const std::string row = fmt::format("{} processes, critical {:.1f} us, think {:.1f} us", setting.processes,
                                      static_cast<double>(setting.critical_ns) / 1000,
                                      static_cast<double>(setting.think_ns) / 1000);
  std::string text = fmt::format("  {:>2} {:>5.1f} {:>5.1f}", setting.processes,
                                 static_cast<double>(setting.critical_ns) / 1000,
                                 static_cast<double>(setting.think_ns) / 1000);
  std::size_t best = 1;
  for (std::size_t who = 0; who < kAll.size(); ++who) {
    const double median = summarize(mops[who]).median;
    text += fmt::format(" {:>11.2f} {:.2f}", median, summarize(shares[who]).median);
    if (who > 1 && median > summarize(mops[best]).median) best = who;
    report.add(Series{"contended", row, kAll[who].name, "Mops/s", mops[who]});
    report.add(Series{"contended", row + ", least/most share", kAll[who].name, "ratio", shares[who]});
  }
  const double ours = summarize(mops[0]).median;
  const double theirs = summarize(mops[best]).median;
  const Summary paired = summarize(paired_ratios(mops[0], mops[best]));
  report.line(text + fmt::format("   {:.2f} [{:.2f} {:.2f}] {}", ours / theirs, paired.q1, paired.q3,
                                 kAll[best].name));
  if (ours < theirs) {
    report.add_loss(fmt::format("contended {}: carom {:.2f} Mops/s, {} {:.2f} Mops/s, ratio {:.2f}", row,
                                ours, kAll[best].name, theirs, ours / theirs));
  }
}

}  // namespace

void run_contended(Report& report, bool quick) {
  const std::int64_t duration_ns = quick ? 10'000'000 : 80'000'000;
  const std::size_t rounds = quick ? 1 : 7;
  report.line();
  report.line(fmt::format(
      "Contended, processes: {} rounds of {} ms; millions of lock + unlock a second, and the least share / "
      "the largest. Ratio: carom / best peer, larger is better",
      rounds, duration_ns / 1'000'000));
  std::string head = fmt::format("  {:>2} {:>5} {:>5}", "P", "crit", "think");
  for (const Contestant& who : kAll) head += fmt::format(" {:>16}", who.name);
  report.line(head + "   ratio [quartiles] to");

  const double steps = steps_per_us();
  for (const int processes : {2, 4, 8}) {
    for (const std::int64_t critical_ns : {0, 100, 1000}) {
      for (const std::int64_t times : {0, 5}) {
        if (critical_ns == 0 && times != 0) continue;  // five times nothing
        if (quick && (processes == 8 || times != 0)) continue;
        run_row(report, {processes, critical_ns, times * critical_ns}, steps, duration_ns, rounds);
      }
    }
  }
}

}  // namespace bench
