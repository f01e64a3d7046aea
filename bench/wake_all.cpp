// Many sleep, one wakes them all.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "children.hpp"
#include "rows.hpp"
#include "signals.hpp"
#include "stats.hpp"

namespace bench {
namespace {

constexpr std::int64_t kPatienceNs = 60'000'000'000;

template <class Call>
struct Hall {
  Placed<Call> call;
  alignas(64) std::atomic<std::uint64_t> arriving{0};
  alignas(64) std::atomic<std::uint64_t> woken{0};
};

/// For each round, us until the last of them had woken, divided by how many they are.
template <class Call>
std::vector<double> wake_us(std::size_t sleepers, std::size_t rounds) {
  const auto shared =
      carom::Shared<Hall<Call>>::anonymous({.participants = static_cast<std::uint32_t>(sleepers + 16)});
  Hall<Call>& hall = *shared;
  Call& call = hall.call.peer();
  std::vector<Child> children;
  children.reserve(sleepers);
  for (std::size_t i = 0; i < sleepers; ++i) {
    children.emplace_back([&] {
      for (std::uint64_t round = 1; round <= rounds + 1; ++round) {
        hall.arriving.fetch_add(1);
        call.await_round(round);
        hall.woken.fetch_add(1);
        while (hall.woken.load() < round * sleepers) sleep_ns(200'000);  // so that each is woken once a round
      }
    });
  }
  const auto wait_for = [](const std::atomic<std::uint64_t>& count, std::uint64_t wanted,
                           std::int64_t step_ns) {
    for (const std::int64_t until = now_ns() + kPatienceNs; count.load() < wanted;) {
      if (now_ns() > until) unexpected(Call::kName);
      if (step_ns != 0) sleep_ns(step_ns);
    }
  };
  std::vector<double> samples;
  for (std::uint64_t round = 1; round <= rounds + 1; ++round) {
    wait_for(hall.arriving, round * sleepers, 200'000);
    while (!std::all_of(children.begin(), children.end(), [](const Child& child) { return child.sleeps(); }))
      sleep_ns(200'000);
    sleep_ns(2'000'000);
    const std::int64_t begin = now_ns();
    call.announce(round);
    wait_for(hall.woken, round * sleepers, sleepers > 1 ? 20'000 : 0);
    const double took_us = static_cast<double>(now_ns() - begin) / 1000;
    if (round > 1) samples.push_back(took_us / static_cast<double>(sleepers));  // the first warms up
  }
  for (Child& child : children) {
    if (!child.ends_well_within(kPatienceNs)) unexpected(Call::kName);
  }
  return samples;
}

struct Contestant {
  const char* name;
  std::vector<double> (*measure)(std::size_t sleepers, std::size_t rounds);
};
template <class Call>
constexpr Contestant kContestant{Call::kName, wake_us<Call>};

constexpr std::array kAll = {kContestant<CaromEventCall>, kContestant<CaromConditionCall>,
                             kContestant<PthreadConditionMail>, kContestant<FutexCall>};
constexpr std::size_t kBroadcast = 2;

void run_row(Report& report, std::size_t sleepers, std::size_t rounds, std::size_t repeats) {
  const std::string row = fmt::format("{} asleep", sleepers);
  std::array<std::vector<double>, kAll.size()> samples;
  for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
    for (std::size_t turn = 0; turn < kAll.size(); ++turn) {
      const std::size_t who = (repeat + turn) % kAll.size();
      report.progress(fmt::format("wake all: {}, {}", row, kAll[who].name));
      const std::vector<double> some = kAll[who].measure(sleepers, rounds);
      samples[who].insert(samples[who].end(), some.begin(), some.end());
    }
  }
  report.line("  " + row);
  const Summary theirs = summarize(samples[kBroadcast]);
  for (std::size_t who = 0; who < kAll.size(); ++who) {
    const Summary s = summarize(samples[who]);
    report.line(fmt::format("    {:<28} {:>8.2f} [{:.2f} {:.2f}]   {:.2f}", kAll[who].name, s.median, s.q1,
                            s.q3, s.median / theirs.median));
    report.add(Series{"wake all, for each sleeper", row, kAll[who].name, "us", samples[who]});
    if (who < kBroadcast) {
      report.add(Verdict{fmt::format("wake all, {}, {}", row, kAll[who].name),
                         fmt::format("{:.2f} us", s.median), fmt::format("{:.2f} us", theirs.median),
                         "pthread_cond_broadcast", s.median / theirs.median, "<= 1.00",
                         s.median <= theirs.median});
    }
  }
}

}  // namespace

void run_wake_all(Report& report, bool quick) {
  report.line();
  report.line("Wake all: us until the last has woken, for each sleeper; ratio to pthread_cond_broadcast");
  for (const std::size_t sleepers : {1u, 10u, 100u, 1000u}) {
    if (quick && sleepers > 10) break;
    run_row(report, sleepers, quick ? 2 : sleepers > 100 ? 3 : 10, quick ? 1 : sleepers > 100 ? 2 : 4);
  }
}

}  // namespace bench
