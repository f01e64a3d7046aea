// What a meeting of several processes costs.
#include <fmt/format.h>

#include <optional>
#include <vector>

#include "children.hpp"
#include "peers/carom.hpp"
#include "peers/pthread.hpp"
#include "row.hpp"
#include "rows.hpp"

namespace bench {
namespace {

constexpr double kTarget = 0.7;

template <class Barrier>
struct Meeting {
  explicit Meeting(int parties) : barrier(parties) {}
  Placed<Barrier> barrier;
  double us = 0;  ///< of one round
};

template <class Barrier>
void enter(Row& row, int parties, int meetings) {
  row.add(Barrier::kName, [=] {
    const carom::Shared<Meeting<Barrier>> meeting(std::in_place, parties);
    run_together(parties, [&](int party) {
      for (int i = 0; i <= meetings / 10; ++i) meeting->barrier->wait();  // what only the first ones cost
      const std::int64_t begin = now_ns();
      for (int i = 0; i < meetings; ++i) meeting->barrier->wait();
      if (party == 0) meeting->us = static_cast<double>(now_ns() - begin) / 1000 / meetings;
    });
    return std::vector{meeting->us};
  });
}

}  // namespace

void run_barrier(Report& report, bool quick) {
  const std::size_t rounds = quick ? 3 : 21;
  const int meetings = quick ? 100 : 1000;
  report.line();
  report.line(fmt::format("Barrier, processes: {} rounds of {} meetings", rounds, meetings));
  for (const int parties : {2, 4, 8, 16}) {
    Row row("barrier", "one meeting", fmt::format("{} parties", parties), {{"meeting", "us"}});
    enter<CaromBarrier>(row, parties, meetings);
    enter<PthreadBarrier>(row, parties, meetings);
    row.run(report, rounds);
    row.judge(report, row.find(CaromBarrier::kName), row.best_peer(0), 0,
              parties <= 8 ? std::optional(kTarget) : std::nullopt);
  }
}

}  // namespace bench
