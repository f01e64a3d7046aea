// What a lock, a permit, a question or a notification costs when nobody else is there.
#include <fmt/format.h>

#include <array>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "children.hpp"
#include "peers/boost.hpp"
#include "peers/carom.hpp"
#include "peers/files.hpp"
#include "peers/floor.hpp"
#include "peers/posix.hpp"
#include "peers/pthread.hpp"
#include "peers/sysv.hpp"
#include "peers/threads.hpp"
#include "rows.hpp"
#include "stats.hpp"

namespace bench {
namespace {

/// All of them in one carom segment: the same kind of memory for everybody.
using Locks =
    std::tuple<Placed<CaromLock>, Placed<CaromRLock>, Placed<CaromFifoLock>, Placed<Bare>, Placed<StdMutex>,
#ifdef CAROM_BENCH_NSYNC
               Placed<NsyncMutex>,
#endif
#ifdef CAROM_BENCH_ABSL
               Placed<AbslMutex>,
#endif
               Placed<PthreadShared>, Placed<PthreadAdaptive>, Placed<PthreadRobust>, Placed<PthreadPi>,
               Placed<PthreadRecursiveRobust>, Placed<Semaphore>, Placed<BoostMutex>, Placed<BoostRecursive>>;
using Others = std::tuple<Placed<CaromBarePermit>, Placed<CaromHeldPermit>, Placed<CaromBounded<1>>,
                          Placed<CaromBounded<16>>, Placed<CaromBounded<65535>>, Placed<BoostPermit>,
                          Placed<CaromWriter>, Placed<PthreadWriter>, Placed<BoostSharable>,
                          Placed<CaromReader>, Placed<PthreadReader>, Placed<CaromIsSet>, Placed<OneLoad>,
                          Placed<CaromNotify>, Placed<PthreadSignal>>;
struct Objects {
  Locks locks;
  Others others;
};
/// Those that the kernel, or a name, holds.
struct Handles {
  BoostNamed boost_named;
  Flock flock;
  OfdLock ofd;
  Sysv sysv;
  SysvUndo sysv_undo;
};
constexpr std::size_t kMostCandidates = 64;
constexpr std::size_t kMostRounds = 101;
using Samples = std::array<std::array<double, kMostRounds>, kMostCandidates>;
constexpr std::int64_t kRoundPatienceNs = 5'000'000'000;
constexpr int kSlower = 50;  ///< so many times fewer pairs where each is a system call

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

struct Candidate {
  const char* name;
  void* object;
  void (*run)(void* object, int pairs);
  int slower = 1;
  std::vector<double> samples = {};
};

template <class Peer>
Candidate candidate(Peer& peer, int slower = 1) {
  return {Peer::kName, &peer, [](void* object, int pairs) { run_pairs(*static_cast<Peer*>(object), pairs); },
          slower};
}

double ns_per_pair(const Candidate& who, int pairs) {
  pairs /= who.slower;
  const std::int64_t begin = now_ns();
  who.run(who.object, pairs);
  return static_cast<double>(now_ns() - begin) / pairs;
}

const Candidate& find(const std::vector<Candidate>& all, const char* name) {
  for (const Candidate& who : all) {
    if (std::string(who.name) == name) return who;
  }
  unexpected(name);
}

void judge(Report& report, const Candidate& ours, const Candidate& peer, double target) {
  const double mine = summarize(ours.samples).median;
  const double theirs = summarize(peer.samples).median;
  const double ratio = mine / theirs;
  report.add(Verdict{fmt::format("uncontended {} vs {}", ours.name, peer.name),
                     fmt::format("{:.2f} ns", mine), fmt::format("{:.2f} ns", theirs), peer.name, ratio,
                     fmt::format("<= {:.2f}", target), ratio <= target});
}

/// For what has no peer to be measured by: the peer's figure stands beside it all the same.
void judge_ns(Report& report, const Candidate& ours, const Candidate& peer, double target_ns) {
  const double mine = summarize(ours.samples).median;
  const double theirs = summarize(peer.samples).median;
  report.add(Verdict{fmt::format("uncontended {}", ours.name), fmt::format("{:.2f} ns", mine),
                     fmt::format("{:.2f} ns", theirs), peer.name, mine / theirs,
                     fmt::format("<= {:.0f} ns", target_ns), mine <= target_ns});
}

void note_if_behind(Report& report, const Candidate& ours, const Candidate& peer) {
  const double mine = summarize(ours.samples).median;
  const double theirs = summarize(peer.samples).median;
  if (mine <= theirs) return;
  report.add_loss(fmt::format("uncontended {}: carom {:.2f} ns, {} {:.2f} ns, ratio {:.2f}", ours.name, mine,
                              peer.name, theirs, mine / theirs));
}

std::string against(const Candidate& ours, const Candidate& peer) {
  if (&ours == &peer) return "-";
  const Summary s = summarize(paired_ratios(ours.samples, peer.samples));
  return fmt::format("{:.2f} [{:.2f} {:.2f}]", s.median, s.q1, s.q3);
}

std::string in_ns(const Candidate& who) {
  const Summary s = summarize(who.samples);
  return fmt::format("  {:<30} {:>8.2f} {:>18} {:>8.2f}", who.name, s.median,
                     fmt::format("[{:.2f} {:.2f}]", s.q1, s.q3), s.min);
}

void print_locks(Report& report, const std::vector<Candidate>& all, std::size_t locks) {
  const Candidate& lock = find(all, CaromLock::kName);
  const Candidate& rlock = find(all, CaromRLock::kName);
  report.line(fmt::format("  {:<30} {:>8} {:>18} {:>8}   {:<18} {:<18}", "ns per pair", "median",
                          "[quartiles]", "least", "Lock / it", "RLock / it"));
  for (std::size_t i = 0; i < locks; ++i) {
    const Candidate& who = all[i];
    report.line(in_ns(who) + fmt::format("   {:<18} {:<18}", against(lock, who), against(rlock, who)));
    report.add(Series{"uncontended", "lock + unlock", "", "pair", who.name, "ns", who.samples});
  }
  judge(report, lock, find(all, PthreadRobust::kName), 0.65);
  judge(report, lock, find(all, Bare::kName), 1.10);
  judge(report, lock, find(all, PthreadShared::kName), 1.00);
  judge(report, rlock, find(all, PthreadRecursiveRobust::kName), 1.00);
  note_if_behind(report, lock, find(all, StdMutex::kName));
  note_if_behind(report, lock, find(all, Semaphore::kName));
  note_if_behind(report, rlock, find(all, Semaphore::kName));
  for (std::size_t i = 0; i < locks; ++i) {
    if (std::string_view(all[i].name).find("Boost") == 0) note_if_behind(report, lock, all[i]);
  }
}

/// Everything but locks, each with its nearest peer.
struct Match {
  const char* ours;
  const char* peer;
  const char* row;
  double target_ratio = 0;  // 0: none
  double target_ns = 0;     // 0: none
};
constexpr Match kMatches[] = {{CaromBarePermit::kName, Semaphore::kName, "acquire + release", 1.0},
                              {CaromHeldPermit::kName, Semaphore::kName, "acquire + release", 1.0},
                              {CaromBounded<1>::kName, Semaphore::kName, "acquire + release", 1.0},
                              {CaromBounded<16>::kName, Semaphore::kName, "acquire + release", 1.0},
                              {CaromBounded<65535>::kName, Semaphore::kName, "acquire + release", 1.5},
                              {CaromWriter::kName, PthreadWriter::kName, "lock + unlock of a SharedLock"},
                              {CaromReader::kName, PthreadReader::kName, "lock_shared + unlock_shared"},
                              {CaromIsSet::kName, OneLoad::kName, "is_set", 0, 2},
                              {CaromNotify::kName, PthreadSignal::kName, "notify nobody", 0, 5}};

void print_others(Report& report, const std::vector<Candidate>& all) {
  report.line(fmt::format("  {:<30} {:>8} {:>18} {:>8}   {:<24} {:>8}   {}", "ns per pair or call", "median",
                          "[quartiles]", "least", "peer", "median", "ratio [quartiles]"));
  for (const Match& match : kMatches) {
    const Candidate& ours = find(all, match.ours);
    const Candidate& peer = find(all, match.peer);
    report.line(in_ns(ours) + fmt::format("   {:<24} {:>8.2f}   {}", peer.name,
                                          summarize(peer.samples).median, against(ours, peer)));
    report.add(Series{"uncontended", match.row, "", "pair", ours.name, "ns", ours.samples});
    if (&match == kMatches || match.peer != (&match - 1)->peer) {
      report.add(Series{"uncontended", match.row, "", "pair", peer.name, "ns", peer.samples});
    }
    if (match.target_ratio != 0) judge(report, ours, peer, match.target_ratio);
    if (match.target_ns != 0) judge_ns(report, ours, peer, match.target_ns);
    if (match.target_ratio == 0 && match.target_ns == 0) note_if_behind(report, ours, peer);
  }
}

/// In a process of its own: what carom learns here is not for the groups that follow.
void measure(Report& report, const std::vector<Candidate>& all, Samples& samples, std::size_t rounds,
             int pairs) {
  // In a process with one thread the C library leaves out the atomics of std::mutex, and nobody locks there.
  const std::jthread second([](const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock hold(mutex);
    std::condition_variable_any().wait(hold, stop, [] { return false; });
  });
  for (const Candidate& who : all) ns_per_pair(who, pairs);
  for (std::size_t round = 0; round < rounds; ++round) {
    report.progress(fmt::format("uncontended: round {} of {}", round + 1, rounds));
    for (std::size_t turn = 0; turn < all.size(); ++turn) {
      const std::size_t who = (round + turn) % all.size();
      samples[who][round] = ns_per_pair(all[who], pairs);
    }
  }
}

}  // namespace

void run_uncontended(Report& report, bool quick) {
  const int pairs = quick ? 20'000 : 200'000;
  const std::size_t rounds = quick ? 11 : kMostRounds;
  report.line();
  report.line(
      fmt::format("Uncontended, one thread: {} rounds of {} pairs or calls each; ratios are paired by round",
                  rounds, pairs));

#ifndef CAROM_BENCH_NSYNC
  report.add_note("uncontended: without nsync_mu, which was not there when this was built (libnsync-dev)");
#endif
#ifndef CAROM_BENCH_ABSL
  report.add_note("uncontended: without absl::Mutex, which was not there when this was built (libabsl-dev)");
#endif

  const carom::Shared<Objects> objects;
  Handles handles;
  std::vector<Candidate> all;
  const auto enter = [&](auto&... placed) { (all.push_back(candidate(*placed)), ...); };
  std::apply(enter, objects->locks);
  all.push_back(candidate(handles.boost_named));
  all.push_back(candidate(handles.flock, kSlower));
  all.push_back(candidate(handles.ofd, kSlower));
  all.push_back(candidate(handles.sysv, kSlower));
  all.push_back(candidate(handles.sysv_undo, kSlower));
  const std::size_t locks = all.size();
  std::apply(enter, objects->others);

  const SharedPage<Samples> samples;
  Child child([&] { measure(report, all, *samples, rounds, pairs); });
  if (!child.ends_well_within(kPatienceNs + static_cast<std::int64_t>(rounds) * kRoundPatienceNs))
    unexpected("a child");
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].samples.assign((*samples)[i].begin(), (*samples)[i].begin() + static_cast<std::ptrdiff_t>(rounds));
  }

  print_locks(report, all, locks);
  print_others(report, all);
}

}  // namespace bench
