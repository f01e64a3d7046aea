// carom-wordcount: counts words in shared memory while a saboteur kills the workers, on carom's lock and on
// others.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "corpus.hpp"
#include "locks.hpp"
#include "report.hpp"
#include "run.hpp"

namespace {

using namespace demo;

struct Entrant {
  const char* key;
  const char* name;
  Outcome (*run)(const Corpus&, const Setup&, const Progress&);
};

constexpr Entrant kEntrants[] = {
    {"carom", "carom::Lock", run<CaromLock>},
    {"pthread", "pthread mutex", run<PlainPthreadLock>},
    {"robust", "robust pthread mutex", run<RobustPthreadLock>},
    {"sem", "sem_t", run<SemaphoreLock>},
    {"boost", "Boost interprocess", run<BoostLock>},
};

struct Arguments {
  std::vector<std::string> folders{"/usr/share/common-licenses", "/usr/share/doc"};
  std::vector<std::string> only;
  std::uint32_t workers = 4;
  std::uint32_t rounds = 0;
  double kill_every_ms = 3;
  double watchdog_s = 2;
  std::uint64_t seed = std::random_device()();
};

void declare(CLI::App& app, Arguments& arguments) {
  std::vector<std::string> keys;
  for (const Entrant& entrant : kEntrants) keys.emplace_back(entrant.key);
  app.add_option("folders", arguments.folders, "Folders, or files, whose plain text is counted")
      ->capture_default_str();
  app.add_option("--only", arguments.only, "Run on these locks only")
      ->delimiter(',')
      ->check(CLI::IsMember(keys));
  app.add_option("--workers", arguments.workers, "How many processes count")
      ->check(CLI::Range(1u, kMaxWorkers))
      ->capture_default_str();
  app.add_option("--kill-every", arguments.kill_every_ms, "Milliseconds between two kills; 0: none")
      ->check(CLI::Range(0.0, 60'000.0))
      ->capture_default_str();
  app.add_option("--seed", arguments.seed, "Of the saboteur's choices; random by default");
  app.add_option("--rounds", arguments.rounds,
                 "How often everything is counted; by default enough for some seconds");
  app.add_option("--watchdog", arguments.watchdog_s, "Seconds without progress after which a run is hung")
      ->check(CLI::Range(0.5, 3600.0))
      ->capture_default_str();
  app.footer(
      "Exit status: 0 if carom's totals are exact (with --only: those of every lock), 1 if not or on\n"
      "an error, 130 if interrupted.");
}

/// Enough to give the saboteur some seconds, without a crowd of items where there is next to nothing to read.
std::uint32_t default_rounds(const Corpus& corpus) {
  constexpr std::uint64_t kWords = 12'000'000;
  constexpr std::uint64_t kItems = 100'000;
  const std::uint64_t rounds =
      std::min((kWords + corpus.words / 2) / corpus.words, kItems / corpus.pieces.size());
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, rounds));
}

int count(const Arguments& arguments) {
  print_beginning();
  const Corpus corpus = read_corpus(arguments.folders);
  Setup setup;
  setup.workers = arguments.workers;
  setup.rounds = arguments.rounds != 0 ? arguments.rounds : default_rounds(corpus);
  setup.kill_every = std::chrono::duration<double, std::milli>(arguments.kill_every_ms);
  setup.watchdog = std::chrono::duration<double>(arguments.watchdog_s);
  setup.seed = arguments.seed;
  if (setup.rounds > (kNoItem - 1) / corpus.pieces.size()) throw std::runtime_error("--rounds: too many");
  print_corpus(corpus, setup);

  catch_interrupts();
  std::vector<Row> rows;
  bool good = true;
  for (const Entrant& entrant : kEntrants) {
    const bool wanted =
        arguments.only.empty() || std::ranges::find(arguments.only, entrant.key) != arguments.only.end();
    if (!wanted) continue;
    Ticker ticker(entrant.name);
    const Outcome outcome = entrant.run(corpus, setup, [&](const Outcome& so_far) { ticker.show(so_far); });
    ticker.end(outcome);
    if (interrupted_by() != 0) return 128 + interrupted_by();
    rows.push_back({entrant.name, outcome});
    const bool expected = !arguments.only.empty() || entrant.run == kEntrants[0].run;
    if (expected && !exact(outcome)) good = false;
  }
  print_table(rows, setup);
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Counts words into one table in shared memory while a saboteur kills the workers.",
               "carom-wordcount");
  Arguments arguments;
  declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 1;
  }
  try {
    return count(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "carom-wordcount: %s\n", error.what());
    return 1;
  }
}
