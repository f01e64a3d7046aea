// Seeded storms of kills over all the primitives in one segment, in short rounds that fall quiet, judged by a
// process that takes no part.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "stress/round.hpp"
#include "support/plain.hpp"

namespace {

using storm::Tally;

constexpr long kMaxViolations = 20;
constexpr int kFound = 1;
constexpr int kCouldNotRun = 2;

std::string grouped(long value) {
  std::string text = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), ",");
  }
  return text;
}

std::string summary(std::uint64_t seed, const Tally& tally) {
  std::string text = "seed " + std::to_string(seed) + ": " + grouped(tally.rounds) + " rounds, " +
                     grouped(tally.kills) + " kills (" + grouped(tally.holding) + " holding, " +
                     grouped(tally.stopped) + " stopped first), " + grouped(tally.ended) +
                     " ended holding, " + grouped(tally.takeovers) + " take-overs, " + grouped(tally.hung) +
                     " hung, " + grouped(tally.lost) + " lost, " + grouped(tally.doubled) + " doubled";
  if (tally.other != 0) text += ", " + grouped(tally.other) + " other violations";
  text += ", longest wait " + grouped(tally.longest_wait_ns / 1'000'000) + " ms, beside something free " +
          grouped(tally.idleness.longest_ns / 1'000'000) + " ms";
  if (tally.idleness.rechecks != 0)
    text += " (" + grouped(tally.idleness.rechecks) + " times until a re-check)";
  return text;
}

void print_kinds(const storm::Inspector& inspector) {
  std::printf("%-20s %12s %8s %16s %26s\n", "", "operations", "kills in", "longest wait ms",
              "beside something free ms");
  for (int i = 0; i < storm::kKinds; ++i) {
    const auto kind = static_cast<storm::Kind>(i);
    const storm::KindTally& of = inspector.of(kind);
    std::string idle = "-";  // the locks' is in the summary
    if (kind != storm::Kind::lock && kind != storm::Kind::rlock) {
      idle = grouped(of.idleness.longest_ns / 1'000'000);
      if (of.idleness.rechecks != 0) idle += " (" + grouped(of.idleness.rechecks) + " re-checks)";
    }
    std::printf("%-20s %12s %8s %16s %26s\n", to_string(kind), grouped(of.operations).c_str(),
                grouped(of.killed).c_str(), grouped(of.longest_wait_ns / 1'000'000).c_str(), idle.c_str());
  }
}

void on_signal(int number) {
  storm::interrupted = number;
}

/// One line a second on a terminal, which replaces the one before; elsewhere now and then.
class Progress {
 public:
  explicit Progress(std::uint64_t seed) : seed_(seed), tty_(isatty(STDOUT_FILENO) != 0) {}

  void show(const Tally& tally) {
    const std::int64_t now = carom::Deadline::now_ns();
    if (now < next_ns_) return;
    next_ns_ = now + interval_ns();
    std::printf(tty_ ? "\r\033[K%s" : "%s\n", summary(seed_, tally).c_str());
    std::fflush(stdout);
  }

  void end(const Tally& tally) const {
    std::printf("%s%s\n", tty_ ? "\r\033[K" : "", summary(seed_, tally).c_str());
    std::fflush(stdout);
  }

 private:
  std::int64_t interval_ns() const { return (tty_ ? 1 : 60) * std::int64_t{1'000'000'000}; }

  std::uint64_t seed_;
  bool tty_;
  std::int64_t next_ns_ = carom::Deadline::now_ns() + interval_ns();
};

int rage(const storm::Plan& plan, double seconds, bool named, const std::string& command) {
  const support::Plain<storm::Ledger> ledger;
  storm::Site site(named);
  Tally tally;
  storm::Oracle oracle(site, *ledger, tally);
  Progress progress(plan.seed);
  const carom::Deadline end = std::chrono::duration<double>(seconds);
  do {
    storm::Round round(site, *ledger, oracle, plan, tally.rounds + 1);
    if (!round.run()) break;
    progress.show(tally);
  } while (!end.expired() && tally.violations() < kMaxViolations && storm::interrupted == 0);
  progress.end(tally);
  print_kinds(oracle.inspector());
  if (tally.violations() != 0) {
    std::printf("Violations. Once more: %s\n", command.c_str());
    return kFound;
  }
  return storm::interrupted != 0 ? 128 + storm::interrupted : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Kills processes at random while they use everything there is in one segment, and checks that the "
      "living "
      "go on."};
  storm::Plan plan;
  double seconds = 60;
  bool named = false;
  app.add_option("--seconds", seconds, "How long")->capture_default_str()->check(CLI::PositiveNumber);
  auto* const seed = app.add_option("--seed", plan.seed, "Repeats a storm, as far as the machine lets it");
  app.add_option("--workers", plan.workers, "Processes in each round (default: 2 to 8, from the seed)")
      ->check(CLI::Range(1, 16));
  app.add_option("--kill-every", plan.kill_every_ms, "Milliseconds between two kills, on average")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_flag("--named", named, "A named segment that each worker opens itself, not an inherited one");
  app.add_option("--bound", plan.bound_ms, "Milliseconds in which the living must get through the quiet")
      ->capture_default_str()
      ->check(CLI::Range(100, 600'000));
  const std::map<std::string, storm::Break> breaks{
      {"notice", storm::Break::notice},       {"repair", storm::Break::repair},
      {"invention", storm::Break::invention}, {"exclusion", storm::Break::exclusion},
      {"count", storm::Break::count},         {"seat", storm::Break::seat},
      {"wake", storm::Break::wake},           {"permit", storm::Break::permit},
      {"crowd", storm::Break::crowd},         {"reader", storm::Break::reader},
      {"signal", storm::Break::signal},       {"notify", storm::Break::notify},
      {"forsake", storm::Break::forsake}};
  app.add_option("--break", plan.broken, "What the storm gets wrong on purpose, to show that it can fail")
      ->transform(CLI::CheckedTransformer(breaks))
      ->group("");  // not in the help
  CLI11_PARSE(app, argc, argv);

  std::string command;
  for (int i = 0; i < argc; ++i) command += (i == 0 ? "" : " ") + std::string(argv[i]);
  if (seed->count() == 0) {
    plan.seed = std::random_device{}();
    command += " --seed " + std::to_string(plan.seed);
  }
  std::printf("seed %lu\n", static_cast<unsigned long>(plan.seed));
  std::fflush(stdout);
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  try {
    return rage(plan, seconds, named, command);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "carom-storm: %s\n", e.what());
    return kCouldNotRun;
  }
}
