// What a lock costs when nobody else wants it.
#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "children.hpp"
#include "peers.hpp"
#include "rows.hpp"
#include "stats.hpp"

namespace bench {
namespace {

/// All of them in one carom segment: the same kind of memory for everybody.
using Objects =
    std::tuple<Placed<CaromLock>, Placed<CaromRLock>, Placed<Bare>, Placed<StdMutex>, Placed<PthreadShared>,
               Placed<PthreadRobust>, Placed<PthreadRecursiveRobust>, Placed<Semaphore>>;

/// The one loop, made anew for each contestant, with the calls inlined as far as its header allows. The
/// barrier stands for the caller's own code: what a lock has read of memory it must read again.
template <class Peer>
[[gnu::noinline]] void run_pairs(Peer& peer, int pairs) {
  for (int i = 0; i < pairs; ++i) {
    peer.lock();
    asm volatile("" ::: "memory");
    peer.unlock();
    asm volatile("" ::: "memory");
  }
}

struct Contestant {
  const char* name;
  void* object;
  void (*run)(void* object, int pairs);
  std::vector<double> samples;
};

template <class Peer>
Contestant contestant(Placed<Peer>& placed) {
  return {Peer::kName,
          &placed.peer,
          [](void* object, int pairs) { run_pairs(*static_cast<Peer*>(object), pairs); },
          {}};
}

double ns_per_pair(const Contestant& who, int pairs) {
  const std::int64_t begin = now_ns();
  who.run(who.object, pairs);
  return static_cast<double>(now_ns() - begin) / pairs;
}

const Contestant& find(const std::vector<Contestant>& all, const char* name) {
  for (const Contestant& who : all) {
    if (std::string(who.name) == name) return who;
  }
  unexpected(name);
}

void judge(Report& report, const Contestant& ours, const Contestant& peer, double target) {
  const double mine = summarize(ours.samples).median;
  const double theirs = summarize(peer.samples).median;
  const double ratio = mine / theirs;
  report.add(Verdict{fmt::format("uncontended {} vs {}", ours.name, peer.name),
                     fmt::format("{:.2f} ns", mine), fmt::format("{:.2f} ns", theirs), peer.name, ratio,
                     fmt::format("<= {:.2f}", target), ratio <= target});
}

void print_table(Report& report, const std::vector<Contestant>& all, const Contestant& lock,
                 const Contestant& rlock) {
  const auto against = [](const Contestant& ours, const Contestant& peer) -> std::string {
    if (&ours == &peer) return "-";
    const Summary s = summarize(paired_ratios(ours.samples, peer.samples));
    return fmt::format("{:.2f} [{:.2f} {:.2f}]", s.median, s.q1, s.q3);
  };
  report.line(fmt::format("  {:<26} {:>8} {:>18} {:>8}   {:<18} {:<18}", "ns per pair", "median",
                          "[quartiles]", "least", "Lock / it", "RLock / it"));
  for (const Contestant& who : all) {
    const Summary s = summarize(who.samples);
    report.line(fmt::format("  {:<26} {:>8.2f} {:>18} {:>8.2f}   {:<18} {:<18}", who.name, s.median,
                            fmt::format("[{:.2f} {:.2f}]", s.q1, s.q3), s.min, against(lock, who),
                            against(rlock, who)));
    report.add(Series{"uncontended", "lock + unlock", who.name, "ns", who.samples});
  }
}

}  // namespace

void run_uncontended(Report& report, bool quick) {
  const int pairs = quick ? 20'000 : 200'000;
  const std::size_t rounds = quick ? 11 : 101;
  report.line();
  report.line(fmt::format(
      "Uncontended lock + unlock, one thread: {} rounds of {} pairs each; ratios are paired by round", rounds,
      pairs));

  const carom::Shared<Objects> objects;
  std::vector<Contestant> all =
      std::apply([](auto&... placed) { return std::vector<Contestant>{contestant(placed)...}; }, *objects);

  // In a process with one thread the C library leaves out the atomics of std::mutex, and nobody locks there.
  Gate done;
  std::thread second([&] { done.pass(); });
  for (Contestant& who : all) ns_per_pair(who, pairs);
  for (std::size_t round = 0; round < rounds; ++round) {
    report.progress(fmt::format("uncontended: round {} of {}", round + 1, rounds));
    for (std::size_t turn = 0; turn < all.size(); ++turn) {
      Contestant& who = all[(round + turn) % all.size()];
      who.samples.push_back(ns_per_pair(who, pairs));
    }
  }
  done.open();
  second.join();

  const Contestant& lock = find(all, CaromLock::kName);
  const Contestant& rlock = find(all, CaromRLock::kName);
  print_table(report, all, lock, rlock);
  judge(report, lock, find(all, PthreadRobust::kName), 0.65);
  judge(report, lock, find(all, Bare::kName), 1.10);
  judge(report, lock, find(all, PthreadShared::kName), 1.00);
  judge(report, rlock, find(all, PthreadRecursiveRobust::kName), 1.00);

  for (const auto& [ours, peer] :
       {std::pair{&lock, StdMutex::kName}, {&lock, Semaphore::kName}, {&rlock, Semaphore::kName}}) {
    const double mine = summarize(ours->samples).median;
    const double theirs = summarize(find(all, peer).samples).median;
    if (mine > theirs) {
      report.add_loss(fmt::format("uncontended {}: carom {:.2f} ns, {} {:.2f} ns, ratio {:.2f}", ours->name,
                                  mine, peer, theirs, mine / theirs));
    }
  }
}

}  // namespace bench
