// What a round trip between two processes costs that sleep for each other.
#include <fmt/format.h>

#include <optional>
#include <vector>

#include "peers/boost.hpp"
#include "peers/carom.hpp"
#include "peers/futex.hpp"
#include "peers/posix.hpp"
#include "peers/pthread.hpp"
#include "round_trip.hpp"
#include "row.hpp"
#include "rows.hpp"

namespace bench {
namespace {

constexpr double kTarget = 1.15;

template <class Signal>
void enter(Row& row, int cpus, int trips) {
  row.add(Signal::kName, [=] {
    const carom::Shared<Table<Signal>> table;
    return std::vector{round_trip_us(table, cpus, trips)};
  });
}

}  // namespace

void run_handoff(Report& report, bool quick) {
  const std::size_t rounds = quick ? 3 : 21;
  const int trips = quick ? 200 : 2000;
  report.line();
  report.line(fmt::format("Hand-off, two processes: {} rounds of {} round trips", rounds, trips));
  for (const int cpus : {1, 2}) {
    if (cpus > sysconf(_SC_NPROCESSORS_ONLN)) {
      report.add_note("handoff between two CPUs: skipped, there is one");
      break;
    }
    Row row("handoff", cpus == 1 ? "on one CPU" : "between two CPUs", "", {{"round trip", "us"}});
    enter<CaromEventSignal>(row, cpus, trips);
    enter<CaromSemaphoreSignal>(row, cpus, trips);
    enter<CaromConditionSignal>(row, cpus, trips);
    enter<FutexSignal>(row, cpus, trips);
    enter<FutexConditionSignal>(row, cpus, trips);
    enter<SemaphoreSignal>(row, cpus, trips);
    enter<PthreadConditionSignal>(row, cpus, trips);
    enter<BoostSemaphoreSignal>(row, cpus, trips);
    enter<BoostConditionSignal>(row, cpus, trips);
    row.run(report, rounds);
    const auto judge = [&](const char* ours, const char* peer, std::optional<double> target) {
      row.judge(report, row.find(ours), row.find(peer), 0, target);
    };
    judge(CaromEventSignal::kName, FutexSignal::kName, kTarget);
    judge(CaromSemaphoreSignal::kName, FutexSignal::kName, kTarget);
    judge(CaromConditionSignal::kName, FutexConditionSignal::kName, kTarget);
    judge(CaromSemaphoreSignal::kName, SemaphoreSignal::kName, std::nullopt);
    judge(CaromSemaphoreSignal::kName, BoostSemaphoreSignal::kName, std::nullopt);
    judge(CaromConditionSignal::kName, PthreadConditionSignal::kName, std::nullopt);
    judge(CaromConditionSignal::kName, BoostConditionSignal::kName, std::nullopt);
  }
}

}  // namespace bench
