// Random histories: a few processes call one object at random, some are killed, and a judge that knows nothing of carom says
// whether a sequential object could have answered so.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <random>
#include <string>

#include "carom/deadline.hpp"
#include "histories/judge.hpp"
#include "histories/stage.hpp"

namespace {

using namespace histories;

constexpr int kFound = 1;
constexpr int kCouldNotRun = 2;
constexpr long kMaxViolations = 5;

volatile std::sig_atomic_t interrupted = 0;

void on_signal(int number) {
  interrupted = number;
}

struct Tally {
  std::array<long, kKinds> histories{};
  std::array<long, kKinds> calls{};
  std::array<long, kKinds> deaths{};
  long violations = 0;
  long undecided = 0;

  void add(const History& history) {
    const auto kind = static_cast<std::size_t>(history.kind);
    ++histories[kind];
    for (const Player& player : history.players) {
      calls[kind] += player.count;
      if (player.kill_ns != 0) ++deaths[kind];
    }
  }
};

long sum(const std::array<long, kKinds>& of) {
  long all = 0;
  for (const long one : of) all += one;
  return all;
}

void print_line(std::uint64_t seed, const Tally& tally, const char* end) {
  std::printf("seed %lu: %ld histories, %ld calls, %ld deaths, %ld violations, %ld undecided%s",
              static_cast<unsigned long>(seed), sum(tally.histories), sum(tally.calls), sum(tally.deaths),
              tally.violations, tally.undecided, end);
  std::fflush(stdout);
}

void print_kinds(const Tally& tally) {
  std::printf("%-20s %12s %12s %10s\n", "", "histories", "calls", "deaths");
  for (std::size_t kind = 0; kind < kKinds; ++kind)
    std::printf("%-20s %12ld %12ld %10ld\n", to_string(static_cast<Kind>(kind)), tally.histories[kind],
                tally.calls[kind], tally.deaths[kind]);
}

int play(const Script& script, double seconds, std::int64_t first, std::int64_t last) {
  Stage stage(script);
  Tally tally;
  const carom::Deadline end = std::chrono::duration<double>(seconds);
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  carom::Deadline next_line = std::chrono::seconds(1);
  for (std::int64_t number = first;
       number <= last && !end.expired() && interrupted == 0 && tally.violations < kMaxViolations; ++number) {
    const bool through = stage.play(number);
    tally.add(stage.history());
    const Verdict verdict = through ? judge(stage.history()) : Verdict::violation;
    if (verdict == Verdict::undecided) ++tally.undecided;
    if (verdict == Verdict::violation) {
      ++tally.violations;
      std::printf("%sViolation in history %ld of seed %lu: %s\n%s", terminal ? "\r\033[K" : "",
                  static_cast<long>(number), static_cast<unsigned long>(script.seed),
                  through ? "no order of these explains what they returned" : "not everybody got through",
                  to_text(stage.history()).c_str());
    }
    if (!through) break;
    if (terminal && next_line.expired()) {
      print_line(script.seed, tally, "\r");
      next_line = std::chrono::seconds(1);
    }
  }
  print_line(script.seed, tally, "\n");
  print_kinds(tally);
  if (tally.violations != 0) return kFound;
  return interrupted != 0 ? 128 + interrupted : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Calls each kind of object at random from several processes, kills some of them, and judges whether "
      "the answers can "
      "be explained by a sequential object."};
  Script script;
  double seconds = 60;
  std::int64_t number = 0;
  std::map<std::string, Kind> kinds;
  for (int kind = 0; kind < kKinds; ++kind)
    kinds[to_string(static_cast<Kind>(kind))] = static_cast<Kind>(kind);
  app.add_option("--seconds", seconds, "How long")->capture_default_str()->check(CLI::PositiveNumber);
  auto* const seed = app.add_option("--seed", script.seed, "Repeats the calls; their order is the machine's");
  app.add_option("--only", script.only, "One kind")
      ->transform(CLI::CheckedTransformer(kinds, CLI::ignore_case));
  app.add_option("--history", number, "From this history on")->check(CLI::PositiveNumber);
  const std::map<std::string, Break> breaks{
      {"result", Break::result}, {"twice", Break::twice}, {"death", Break::death}};
  app.add_option("--break", script.broken, "What goes wrong on purpose, to show that the judge sees it")
      ->transform(CLI::CheckedTransformer(breaks))
      ->group("");  // not in the help
  CLI11_PARSE(app, argc, argv);
  if (seed->count() == 0) script.seed = std::random_device{}();
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  try {
    return play(script, seconds, std::max<std::int64_t>(number, 1), INT64_MAX);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "carom-histories: %s\n", e.what());
    return kCouldNotRun;
  }
}
