// From kill -9 of the owner to the next owner running.
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "children.hpp"
#include "crowd.hpp"
#include "peers/carom.hpp"
#include "peers/pthread.hpp"
#include "rows.hpp"
#include "stats.hpp"

namespace bench {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kAllocationPatienceNs = 120 * kSecond;
constexpr std::size_t kMaxSleepers = 200;
constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kSeats = 16'384;
constexpr double kTargetRatio = 1.5;
constexpr double kTargetWorstUs = 100'000;

struct Scenario {
  const char* name;
  std::size_t sleepers;
  std::size_t rounds;
  std::size_t victim_bytes = 0;
  bool other_namespace = false;
  std::size_t onlookers = 0;  ///< threads that are in the segment and do nothing
};

/// What the processes of one trial share beside the lock.
struct Stage {
  Gate victim_holds;
  Gate may_allocate;
  Gate victim_ready;
  Gate may_retire;
  Gate all_done;
  std::atomic<pid_t> victim{0};  ///< as the program sees it; -1: no other pid namespace to be had
  std::atomic<std::size_t> arriving{0};
  std::atomic<std::size_t> done{0};
  struct alignas(64) Sleeper {
    std::int64_t taken_ns = 0;
    bool owner_died = false;
  };
  std::array<Sleeper, kMaxSleepers> sleepers;
};

struct Outcome {
  double first_us;  ///< until the next owner had it
  double all_us;    ///< until each of the sleepers had had it
};

template <class Peer>
[[noreturn]] void be_victim(Peer& peer, Stage& stage, std::size_t bytes) {
  peer.lock();
  stage.victim_holds.open();
  stage.may_allocate.pass();
  if (bytes != 0) {
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) unexpected("mmap in the victim", errno);
  }
  stage.victim_ready.open();
  for (;;) pause();
}

/// Runs the victim as a child of its own, the first process of another pid namespace, and outlives it.
template <class Peer>
void be_parent_of_victim(Peer& peer, Stage& stage) {
  if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
    stage.victim = -1;
    stage.victim_holds.open();
    return;
  }
  die_with_parent();  // again: a new user namespace forgets it
  const pid_t victim = fork();
  if (victim == 0) {
    die_with_parent();
    be_victim(peer, stage, 0);
  }
  if (victim < 0) unexpected("fork in another pid namespace", errno);
  stage.victim = victim;
  stage.may_retire.pass();  // not waitpid: it would have this process run when the others are to wake
  waitpid(victim, nullptr, 0);
}

template <class Peer>
void be_sleeper(Peer& peer, Stage& stage, std::size_t index, std::size_t count) {
  stage.arriving.fetch_add(1);
  const bool owner_died = peer.take();
  const std::int64_t taken_ns = now_ns();
  if (owner_died) peer.heal();
  peer.unlock();
  stage.sleepers[index] = {taken_ns, owner_died};
  if (stage.done.fetch_add(1) + 1 == count) stage.all_done.open();
  for (;;) pause();  // to end now would take the processor from those who still wait
}

std::size_t resident_bytes(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t available_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::size_t kib = 0;
  for (std::string unit; file >> key >> kib; std::getline(file, unit)) {
    if (key == "MemAvailable:") return kib * 1024;
  }
  return 0;
}

void wait_until_asleep(const std::vector<Child>& sleepers, const Stage& stage) {
  const std::int64_t patience_ends = now_ns() + kPatienceNs;
  const auto wait_for = [&](auto condition) {
    while (!condition()) {
      if (now_ns() > patience_ends) unexpected("falling asleep");
      sleep_ns(200'000);
    }
  };
  wait_for([&] { return stage.arriving == sleepers.size(); });
  for (const Child& sleeper : sleepers) wait_for([&] { return sleeper.sleeps(); });
}

/// One kill. Nothing if there is no other pid namespace to be had.
template <class Peer>
std::optional<Outcome> kill_one(const Scenario& scenario, std::int64_t settle_ns) {
  const auto lock = carom::Shared<Placed<Peer>>::anonymous({.participants = kSeats});
  const Crowd crowd(lock.segment(), scenario.onlookers);
  Peer& peer = **lock;
  const SharedPage<Stage> shared;
  Stage& stage = *shared;

  Child owner([&] {
    if (scenario.other_namespace) {
      be_parent_of_victim(peer, stage);
    } else {
      be_victim(peer, stage, scenario.victim_bytes);
    }
  });
  if (!stage.victim_holds.pass_within(kPatienceNs)) unexpected("locking by the victim");
  if (stage.victim < 0) return std::nullopt;

  // Asleep before the victim grows: who forks late would find its memory pressure, not its death.
  std::vector<Child> sleepers;
  sleepers.reserve(scenario.sleepers);
  for (std::size_t i = 0; i < scenario.sleepers; ++i) {
    sleepers.emplace_back([&] { be_sleeper(peer, stage, i, scenario.sleepers); });
  }
  wait_until_asleep(sleepers, stage);
  stage.may_allocate.open();
  if (!stage.victim_ready.pass_within(kAllocationPatienceNs)) unexpected("growing the victim");
  pid_t victim = owner.pid();
  if (scenario.other_namespace) {
    for (; stage.victim == 0; sleep_ns(100'000)) {
    }
    victim = stage.victim;
  }
  if (resident_bytes(victim) < scenario.victim_bytes) unexpected("filling the victim");
  sleep_ns(settle_ns);

  const std::int64_t killed_ns = now_ns();
  kill(victim, SIGKILL);
  const bool all_done = stage.all_done.pass_within(kPatienceNs);
  stage.may_retire.open();

  std::int64_t first_ns = INT64_MAX;
  std::int64_t last_ns = 0;
  std::size_t heirs = 0;
  for (std::size_t i = 0; i < scenario.sleepers; ++i) {
    const Stage::Sleeper& sleeper = stage.sleepers[i];
    if (sleeper.taken_ns == 0) continue;
    first_ns = std::min(first_ns, sleeper.taken_ns);
    last_ns = std::max(last_ns, sleeper.taken_ns);
    heirs += sleeper.owner_died ? 1 : 0;
  }
  if (first_ns == INT64_MAX) first_ns = killed_ns + kPatienceNs;
  if (!all_done) {
    last_ns = killed_ns + kPatienceNs;  // shown as what it is: a hang, cut short
  } else if (heirs != 1) {
    unexpected((std::string("telling exactly one heir, by ") + Peer::kName).c_str(), static_cast<int>(heirs));
  }
  sleepers.clear();
  if (scenario.other_namespace && !owner.ends_well_within(kPatienceNs)) {
    unexpected("retirement of the parent of the victim");
  }
  return Outcome{static_cast<double>(first_ns - killed_ns) / 1000.0,
                 static_cast<double>(last_ns - killed_ns) / 1000.0};
}

struct Candidate {
  const char* name;
  std::optional<Outcome> (*kill_one)(const Scenario&, std::int64_t settle_ns);
  std::vector<double> first;
  std::vector<double> all;
};

void judge(Report& report, const Scenario& scenario, const Candidate& carom, const Candidate& peer) {
  const std::string row = fmt::format("recovery {}, {} asleep", scenario.name, scenario.sleepers);
  const Summary ours = summarize(carom.first);
  const Summary theirs = summarize(peer.first);
  const double ratio = ours.median / theirs.median;
  report.add(Verdict{row + ", next owner", fmt::format("{:.0f} us", ours.median),
                     fmt::format("{:.0f} us", theirs.median), peer.name, ratio,
                     fmt::format("<= {:.2f}", kTargetRatio), ratio <= kTargetRatio});
  const double our_worst = summarize(carom.all).max;
  const double their_worst = summarize(peer.all).max;
  report.add(Verdict{row + ", worst of all", fmt::format("{:.0f} us", our_worst),
                     fmt::format("{:.0f} us", their_worst), peer.name, our_worst / their_worst,
                     fmt::format("< {:.0f} us", kTargetWorstUs), our_worst < kTargetWorstUs});
  const double our_all = summarize(carom.all).median;
  const double their_all = summarize(peer.all).median;
  if (scenario.sleepers > 1 && our_all > their_all) {
    report.add_loss(fmt::format("{}, median until all had it: carom {:.0f} us, {} {:.0f} us, ratio {:.2f}",
                                row, our_all, peer.name, their_all, our_all / their_all));
  }
}

void run_scenario(Report& report, const Scenario& scenario, std::mt19937& random) {
  std::array<Candidate, 2> contestants = {
      Candidate{CaromLock::kName, kill_one<CaromLock>, {}, {}},
      Candidate{PthreadRobust::kName, kill_one<PthreadRobust>, {}, {}},
  };
  // At random, so that the kill meets the sleepers at any point between two of their re-checks.
  std::uniform_int_distribution<std::int64_t> settle_ns(5'000'000, 60'000'000);
  for (std::size_t round = 0; round < scenario.rounds; ++round) {
    for (std::size_t turn = 0; turn < contestants.size(); ++turn) {
      throw_if_interrupted();
      Candidate& who = contestants[(round + turn) % contestants.size()];
      report.progress(fmt::format("recovery: {}, {} asleep: kill {} of {}, {}", scenario.name,
                                  scenario.sleepers, round + 1, scenario.rounds, who.name));
      const std::optional<Outcome> outcome = who.kill_one(scenario, settle_ns(random));
      if (!outcome) {
        report.add_note(
            fmt::format("recovery {}: skipped, not permitted to make a pid namespace", scenario.name));
        return;
      }
      who.first.push_back(outcome->first_us);
      who.all.push_back(outcome->all_us);
    }
  }

  for (const Candidate& who : contestants) {
    const Summary first = summarize(who.first);
    const Summary all = summarize(who.all);
    report.line(
        fmt::format("  {:<20} {:>6} {:>5}  {:<15} {:>7.0f} {:>15} {:>8.0f}   {:>7.0f} {:>15} {:>8.0f}",
                    scenario.name, scenario.sleepers, scenario.rounds, who.name, first.median,
                    fmt::format("[{:.0f} {:.0f}]", first.q1, first.q3), first.max, all.median,
                    fmt::format("[{:.0f} {:.0f}]", all.q1, all.q3), all.max));
    report.add(Series{"recovery", scenario.name, fmt::format("{} asleep", scenario.sleepers), "next owner",
                      who.name, "us", who.first});
    report.add(Series{"recovery", scenario.name, fmt::format("{} asleep", scenario.sleepers), "all", who.name,
                      "us", who.all});
  }
  judge(report, scenario, contestants[0], contestants[1]);
}

}  // namespace

void run_recovery(Report& report, bool quick) {
  report.line();
  report.line(
      "Recovery: us from kill -9 of the owner until the next owner runs, and until all sleepers had it");
  report.line(fmt::format("  {:<20} {:>6} {:>5}  {:<15} {:>7} {:>15} {:>8}   {:>7} {:>15} {:>8}", "victim",
                          "asleep", "kills", "", "next", "[quartiles]", "worst", "all", "[quartiles]",
                          "worst"));
  const std::vector<Scenario> full = {
      {"small", 1, 60},
      {"small", 8, 60},
      {"small", 100, 40},
      {"small", 200, 30},
      {"256 MiB", 1, 30, 256 * kMiB},
      {"256 MiB", 100, 15, 256 * kMiB},
      {"4 GiB", 1, 9, 4096 * kMiB},
      {"4 GiB", 8, 5, 4096 * kMiB},
      {"4 GiB", 100, 5, 4096 * kMiB},
      {.name = "other pid namespace", .sleepers = 1, .rounds = 60, .other_namespace = true},
      {.name = "other pid namespace", .sleepers = 8, .rounds = 60, .other_namespace = true},
      {.name = "100 onlookers", .sleepers = 1, .rounds = 20, .onlookers = 100},
      {.name = "1000 onlookers", .sleepers = 1, .rounds = 20, .onlookers = 1000},
      {.name = "10000 onlookers", .sleepers = 1, .rounds = 10, .onlookers = 10'000},
  };
  const std::vector<Scenario> short_list = {
      {"small", 1, 3},
      {"small", 8, 2},
      {"256 MiB", 1, 2, 256 * kMiB},
      {.name = "other pid namespace", .sleepers = 1, .rounds = 2, .other_namespace = true},
      {.name = "100 onlookers", .sleepers = 1, .rounds = 2, .onlookers = 100},
  };
  std::mt19937 random(std::random_device{}());
  for (const Scenario& scenario : quick ? short_list : full) {
    if (available_bytes() < scenario.victim_bytes / 2 * 3) {
      report.add_note(fmt::format("recovery {}, {} asleep: skipped, not enough memory is available",
                                  scenario.name, scenario.sleepers));
      continue;
    }
    run_scenario(report, scenario, random);
  }
}

}  // namespace bench
