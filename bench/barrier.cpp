// All wait until the last of them has arrived, again and again.
#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

#include "children.hpp"
#include "rows.hpp"
#include "stats.hpp"

namespace bench {
namespace {

constexpr std::int64_t kPatienceNs = 60'000'000'000;
constexpr double kTarget = 0.7;

class CaromBarrier {
 public:
  static constexpr const char* kName = "carom Barrier";
  explicit CaromBarrier(std::uint32_t parties) : barrier_(parties) {}
  void wait() { barrier_.wait(); }

 private:
  carom::Barrier barrier_;
};

class PthreadBarrier {
 public:
  static constexpr const char* kName = "pthread_barrier";
  explicit PthreadBarrier(std::uint32_t parties) {
    pthread_barrierattr_t attributes;
    expect_zero(pthread_barrierattr_init(&attributes), "pthread_barrierattr_init");
    expect_zero(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    expect_zero(pthread_barrier_init(&barrier_, &attributes, parties), "pthread_barrier_init");
    pthread_barrierattr_destroy(&attributes);
  }
  void wait() {
    const int outcome = pthread_barrier_wait(&barrier_);
    if (outcome != PTHREAD_BARRIER_SERIAL_THREAD) expect_zero(outcome, "pthread_barrier_wait");
  }

 private:
  pthread_barrier_t barrier_;
};

template <class Peer>
struct Meeting {
  explicit Meeting(std::uint32_t parties) : barrier(parties) {}
  alignas(64) Peer barrier;
  alignas(64) std::int64_t took_ns = 0;
};

template <class Peer>
double round_us(std::uint32_t parties, int rounds) {
  const carom::Shared<Meeting<Peer>> meeting(std::in_place, parties);
  std::vector<Child> children;
  children.reserve(parties);
  for (std::uint32_t i = 0; i < parties; ++i) {
    children.emplace_back([&meeting, i, rounds] {
      meeting->barrier.wait();  // what only the first use costs
      const std::int64_t begin = now_ns();
      for (int round = 0; round < rounds; ++round) meeting->barrier.wait();
      if (i == 0) meeting->took_ns = now_ns() - begin;
    });
  }
  for (Child& child : children) {
    if (!child.ends_well_within(kPatienceNs)) unexpected(Peer::kName);
  }
  return static_cast<double>(meeting->took_ns) / 1000 / rounds;
}

struct Contestant {
  const char* name;
  double (*measure)(std::uint32_t parties, int rounds);
};
constexpr std::array kAll = {Contestant{CaromBarrier::kName, round_us<CaromBarrier>},
                             Contestant{PthreadBarrier::kName, round_us<PthreadBarrier>}};

}  // namespace

void run_barrier(Report& report, bool quick) {
  const int rounds = quick ? 200 : 3000;
  const std::size_t repeats = quick ? 1 : 9;
  report.line();
  report.line(fmt::format("Barrier, processes: {} times {} rounds; us for one", repeats, rounds));
  for (const std::uint32_t parties : {2u, 4u, 8u, 16u}) {
    if (quick && parties > 4) break;
    const std::string row = fmt::format("{} parties", parties);
    std::array<std::vector<double>, kAll.size()> samples;
    for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
      for (std::size_t turn = 0; turn < kAll.size(); ++turn) {
        const std::size_t who = (repeat + turn) % kAll.size();
        report.progress(fmt::format("barrier: {}, {}", row, kAll[who].name));
        samples[who].push_back(kAll[who].measure(parties, rounds));
      }
    }
    const Summary ours = summarize(samples[0]);
    const Summary theirs = summarize(samples[1]);
    const double ratio = ours.median / theirs.median;
    report.line(
        fmt::format("  {:<12} carom {:>8.2f} [{:.2f} {:.2f}]  pthread {:>8.2f} [{:.2f} {:.2f}]   {:.2f}", row,
                    ours.median, ours.q1, ours.q3, theirs.median, theirs.q1, theirs.q3, ratio));
    for (std::size_t who = 0; who < kAll.size(); ++who)
      report.add(Series{"barrier", row, kAll[who].name, "us", samples[who]});
    if (parties <= 8) {
      report.add(Verdict{"barrier, " + row, fmt::format("{:.2f} us", ours.median),
                         fmt::format("{:.2f} us", theirs.median), kAll[1].name, ratio,
                         fmt::format("<= {:.2f}", kTarget), ratio <= kTarget});
    } else if (ratio > 1) {
      report.add_loss(fmt::format("barrier, {}: carom {:.2f} us, {} {:.2f} us, ratio {:.2f}", row,
                                  ours.median, kAll[1].name, theirs.median, ratio));
    }
  }
}

}  // namespace bench
