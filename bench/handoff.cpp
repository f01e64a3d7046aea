// A message there and one back: what it costs to wake somebody and to be woken.
#include <fmt/format.h>
#include <sched.h>

#include <array>
#include <string>
#include <vector>

#include "children.hpp"
#include "rows.hpp"
#include "signals.hpp"
#include "stats.hpp"

namespace bench {
namespace {

constexpr std::int64_t kPatienceNs = 20'000'000'000;
constexpr double kTarget = 1.15;

void stay_on(std::size_t processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) unexpected("sched_setaffinity", errno);
}

template <class Mail>
struct Table {
  Placed<Mail> mail;
  std::int64_t took_ns = 0;
};

template <class Mail>
double round_trip_us(std::size_t first, std::size_t second, int trips) {
  const carom::Shared<Table<Mail>> shared;
  Mail& mail = shared->mail.peer();
  Child there([&] {
    stay_on(second);
    for (int i = 0; i < trips + 1; ++i) {
      mail.await(1);
      mail.send(0);
    }
  });
  Child here([&] {
    stay_on(first);
    mail.send(1);  // what only the first use costs
    mail.await(0);
    const std::int64_t begin = now_ns();
    for (int i = 0; i < trips; ++i) {
      mail.send(1);
      mail.await(0);
    }
    shared->took_ns = now_ns() - begin;
  });
  if (!here.ends_well_within(kPatienceNs) || !there.ends_well_within(kPatienceNs)) unexpected(Mail::kName);
  return static_cast<double>(shared->took_ns) / 1000 / trips;
}

struct Contestant {
  const char* name;
  double (*measure)(std::size_t first, std::size_t second, int trips);
};
template <class Mail>
constexpr Contestant kContestant{Mail::kName, round_trip_us<Mail>};

constexpr std::array kAll = {kContestant<FutexMail>,          kContestant<CaromEventMail>,
                             kContestant<CaromSemaphoreMail>, kContestant<CaromConditionMail>,
                             kContestant<SemaphoreMail>,      kContestant<PthreadConditionMail>,
                             kContestant<BoostSemaphoreMail>, kContestant<BoostConditionMail>};

void run_row(Report& report, const std::string& row, std::size_t first, std::size_t second, int trips,
             std::size_t rounds) {
  std::array<std::vector<double>, kAll.size()> samples;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < kAll.size(); ++turn) {
      const std::size_t who = (round + turn) % kAll.size();
      report.progress(fmt::format("hand-off {}: round {}, {}", row, round + 1, kAll[who].name));
      samples[who].push_back(kAll[who].measure(first, second, trips));
    }
  }
  report.line("  " + row);
  const double floor = summarize(samples[0]).median;
  for (std::size_t who = 0; who < kAll.size(); ++who) {
    const Summary s = summarize(samples[who]);
    report.line(fmt::format("    {:<18} {:>8.2f} [{:.2f} {:.2f}]   {:.2f}", kAll[who].name, s.median, s.q1,
                            s.q3, s.median / floor));
    report.add(Series{"hand-off", row, kAll[who].name, "us", samples[who]});
    if (std::string(kAll[who].name).starts_with("carom")) {
      report.add(Verdict{fmt::format("hand-off {}, {}", row, kAll[who].name),
                         fmt::format("{:.2f} us", s.median), fmt::format("{:.2f} us", floor), kAll[0].name,
                         s.median / floor, fmt::format("<= {:.2f}", kTarget), s.median / floor <= kTarget});
    }
  }
}

}  // namespace

void run_handoff(Report& report, bool quick) {
  const int trips = quick ? 500 : 5000;
  const std::size_t rounds = quick ? 1 : 9;
  report.line();
  report.line(fmt::format(
      "Hand-off, two processes: {} rounds of {} round trips; us for one, ratio to raw futex", rounds, trips));
  run_row(report, "on one processor", 0, 0, trips, rounds);
  if (sysconf(_SC_NPROCESSORS_ONLN) < 2) return report.add_note("one processor: no hand-off across two");
  run_row(report, "across two processors", 0, 1, trips, rounds);
}

}  // namespace bench
