// What does not grow, or does: with participants, with objects, with permits.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "children.hpp"
#include "crowd.hpp"
#include "peers/carom.hpp"
#include "peers/floor.hpp"
#include "peers/posix.hpp"
#include "peers/pthread.hpp"
#include "round_trip.hpp"
#include "row.hpp"
#include "rows.hpp"

namespace bench {
namespace {

constexpr std::size_t kSeats = 16'384;
constexpr double kFlat = 1.5;              ///< up to so many times as much still counts as flat
constexpr int kWriterVisits = 10'000'000;  ///< to the slots of participants, of which a writer sees each
constexpr std::size_t kMostObjects = 1'000'000;

template <class Peer>
double ns_per_pair(Peer& peer, int pairs) {
  peer.lock();  // what only the first use costs
  peer.unlock();
  const std::int64_t begin = now_ns();
  for (int i = 0; i < pairs; ++i) {
    peer.lock();
    asm volatile("" ::: "memory");
    peer.unlock();
    asm volatile("" ::: "memory");
  }
  return static_cast<double>(now_ns() - begin) / pairs;
}

struct Objects {
  Placed<CaromLock> lock;
  Placed<CaromHeldPermit> permit;
  Placed<CaromReader> reader;
  Placed<CaromWriter> writer;
};

using Medians = std::map<std::string, double>;

/// The median of each contestant; none if there cannot be so many threads.
Medians run_participants(Report& report, std::size_t rounds, int pairs, std::size_t participants) {
  const carom::SegmentOptions options{.participants = kSeats};
  const auto objects = carom::Shared<Objects>::anonymous(options);
  const auto table = carom::Shared<Table<CaromSemaphoreSignal>>::anonymous(options);
  std::optional<Crowd> crowd;
  std::optional<Crowd> onlookers;
  try {
    crowd.emplace(objects.segment(), participants - 1);
    onlookers.emplace(table.segment(), participants - 2);
  } catch (const std::system_error&) {
    report.add_note(fmt::format("growth, {} participants: skipped, there can be no such number of threads",
                                participants));
    return {};
  }
  const std::string x = fmt::format("{} participants", participants);
  Row pairs_row("growth", "nobody else wants it", x, {{"pair", "ns"}});
  const auto enter = [&](auto& placed, int count) {
    auto& peer = *placed;
    pairs_row.add(peer.kName,
                  [&peer, count] { return std::vector{in_child([&] { return ns_per_pair(peer, count); })}; });
  };
  enter(objects->lock, pairs);
  enter(objects->permit, pairs);
  enter(objects->reader, pairs);
  enter(objects->writer, std::min(pairs, kWriterVisits / static_cast<int>(participants)));
  pairs_row.run(report, rounds);

  Row trips("growth", "hand-off on one CPU", x, {{"round trip", "us"}});
  trips.add(CaromSemaphoreSignal::kName, [&] { return std::vector{round_trip_us(table, 1, pairs / 50)}; });
  trips.run(report, rounds);

  Medians medians;
  for (const Row* row : {&pairs_row, &trips}) {
    for (const Contestant& who : row->contestants()) medians[row->panel() + ", " + who.name] = who.median(0);
  }
  return medians;
}

void note_growth(Report& report, const Medians& few, const Medians& many, std::size_t participants) {
  for (const auto& [who, median] : many) {
    const double times = median / few.at(who);
    if (times > kFlat)
      report.add_loss(fmt::format("growth {}: with {} participants {:.1f} times as much as with 2", who,
                                  participants, times));
  }
}

template <class Peer>
struct Many {
  std::array<Peer, kMostObjects> peers;
};

/// In an order that the caches do not foresee.
template <class Peer>
double ns_per_object(Many<Peer>& many, std::size_t count, int pairs) {
  constexpr std::size_t kStride = 7'368'787;  // a prime
  std::size_t at = 0;
  many.peers[at].lock();  // what only the first use costs
  many.peers[at].unlock();
  const std::int64_t begin = now_ns();
  for (int i = 0; i < pairs; ++i) {
    Peer& peer = many.peers[at];
    peer.lock();
    asm volatile("" ::: "memory");
    peer.unlock();
    asm volatile("" ::: "memory");
    at = (at + kStride) % count;
  }
  return static_cast<double>(now_ns() - begin) / pairs;
}

void run_objects(Report& report, std::size_t rounds, int pairs, const std::vector<std::size_t>& counts) {
  const auto enter = [&]<class Peer>(Row& row, const carom::Shared<Many<Peer>>& many, std::size_t count) {
    row.add(Peer::kName, [&many, count, pairs] {
      return std::vector{in_child([&] { return ns_per_object(*many, count, pairs); })};
    });
  };
  const carom::Shared<Many<CaromLock>> locks;
  const carom::Shared<Many<Bare>> floor;
  const carom::Shared<Many<PthreadRobust>> robust;
  for (const std::size_t count : counts) {
    Row row("growth", "one of many locks", fmt::format("{} {}", count, count == 1 ? "lock" : "locks"),
            {{"pair", "ns"}});
    enter(row, locks, count);
    enter(row, floor, count);
    enter(row, robust, count);
    row.run(report, rounds);
    row.judge(report, row.find(CaromLock::kName), row.find(PthreadRobust::kName), 0, std::nullopt);
  }
}

void run_permits(Report& report, std::size_t rounds, int pairs) {
  for (const std::int64_t permits : {1, 16, 1024, 65535}) {
    const carom::Shared<carom::BoundedSemaphore> ours(std::in_place, permits);
    const carom::Shared<Placed<Semaphore>> theirs;
    Row row("growth", "one of many permits",
            fmt::format("{} {}", permits, permits == 1 ? "permit" : "permits"), {{"pair", "ns"}});
    row.add("carom BoundedSemaphore",
            [&] { return std::vector{in_child([&] { return ns_per_pair(*ours, pairs); })}; });
    row.add(Semaphore::kName,
            [&] { return std::vector{in_child([&] { return ns_per_pair(**theirs, pairs); })}; });
    row.run(report, rounds);
    row.judge(report, row.contestants().front(), row.best_peer(0), 0, std::nullopt);
  }
}

}  // namespace

void run_growth(Report& report, bool quick) {
  const std::size_t rounds = quick ? 3 : 11;
  const int pairs = quick ? 5'000 : 100'000;
  report.line();
  report.line(fmt::format("Growth: {} rounds of {} pairs", rounds, pairs));
  const Medians few = run_participants(report, rounds, pairs, 2);
  for (const std::size_t participants : {10u, 100u, 1000u, 10'000u}) {
    if (quick && participants > 100) continue;
    note_growth(report, few, run_participants(report, rounds, pairs, participants), participants);
  }
  run_objects(report, rounds, pairs,
              quick ? std::vector<std::size_t>{1, 1000} : std::vector<std::size_t>{1, 1000, kMostObjects});
  run_permits(report, rounds, pairs);
}

}  // namespace bench
