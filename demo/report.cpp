#include "report.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <utility>

namespace demo {
namespace {

constexpr auto kClearLine = "\r\033[K";
constexpr double kLineEverySeconds = 1.0;  // where lines stay

std::string milliseconds(std::chrono::nanoseconds time) {
  return fmt::format("{:.1f} ms", static_cast<double>(time.count()) / 1e6);
}

std::string result(const Outcome& outcome) {
  switch (outcome.ending) {
    case Ending::finished:
      return "finished";
    case Ending::hung:
      return fmt::format("HUNG at {:.0f}%", outcome.done * 100);
    case Ending::interrupted:
      return "interrupted";
  }
  return {};
}

std::string time_lost(const Outcome& outcome) {
  if (outcome.ending == Ending::hung) return "for ever";
  if (outcome.recoveries == 0) return "-";
  return fmt::format("{} ({})", milliseconds(outcome.lost), milliseconds(outcome.worst_lost));
}

std::string totals(const Outcome& outcome) {
  if (outcome.ending != Ending::finished) return "incomplete";
  if (exact(outcome)) return "exact";
  return fmt::format("WRONG: {} words", grouped(outcome.wrong_words));
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

bool exact(const Outcome& outcome) {
  return outcome.ending == Ending::finished && outcome.wrong_words == 0;
}

void print_beginning() {
  if (isatty(STDOUT_FILENO) == 0) return;
  fmt::print("One process alone counts first ...");
  std::fflush(stdout);
}

void print_corpus(const Corpus& corpus, const Setup& setup) {
  fmt::print("{}{} files, {:.1f} MB: one process counts {} words, {} of them different, in {:.2f} s\n",
             isatty(STDOUT_FILENO) != 0 ? kClearLine : "", grouped(corpus.files.size()),
             static_cast<double>(corpus.bytes) / 1e6, grouped(corpus.words), grouped(corpus.counts.size()),
             corpus.seconds);
  if (corpus.unreadable > 0) fmt::print("{} files cannot be read\n", grouped(corpus.unreadable));
  fmt::print("{} workers count all of it {} into one table under one lock", setup.workers,
             setup.rounds == 1 ? "once" : fmt::format("{} times", grouped(setup.rounds)));
  if (setup.kill_every.count() > 0) {
    fmt::print("; about every {:g} ms one is killed (--seed {})", setup.kill_every.count() * 1000,
               setup.seed);
  }
  fmt::print("\n\n");
  std::fflush(stdout);
}

Ticker::Ticker(std::string name)
    : name_(std::move(name)), terminal_(isatty(STDOUT_FILENO) != 0), next_line_s_(kLineEverySeconds) {}

void Ticker::line(const std::string& text, bool last) {
  if (terminal_) {
    fmt::print("{}{}{}", kClearLine, text, last ? "\n" : "");
  } else {
    fmt::print("{}\n", text);
  }
  std::fflush(stdout);
}

void Ticker::show(const Outcome& so_far) {
  if (!terminal_) {
    if (so_far.seconds < next_line_s_) return;
    next_line_s_ += kLineEverySeconds;
  }
  line(fmt::format("{:<21} {:3.0f}%  {:4.1f} s  {} kills, {} of a holder, {} recoveries", name_,
                   so_far.done * 100, so_far.seconds, so_far.kills, so_far.holder_kills, so_far.recoveries),
       false);
}

void Ticker::end(const Outcome& outcome) {
  line(fmt::format("{:<21} {}, {:.1f} s", name_, result(outcome), outcome.seconds), true);
}

void print_table(const std::vector<Row>& rows, const Setup& setup) {
  constexpr auto kRow = "{:<21} {:<12} {:>6} {:>9} {:>7} {:>11} {:>7}  {:<19} {:>11}  {}\n";
  fmt::print("\n");
  fmt::print(kRow, "", "", "", "kills", "of a", "", "rolled", "", "words", "");
  fmt::print(kRow, "lock", "result", "time", "survived", "holder", "recoveries", "back", "time lost (worst)",
             "counted", "totals");
  for (const auto& [lock, o] : rows) {
    fmt::print(kRow, lock, result(o), fmt::format("{:.1f} s", o.seconds), o.kills, o.holder_kills,
               o.recoveries, o.rolled_back, time_lost(o), grouped(o.words), totals(o));
  }
  fmt::print(
      "\n"
      "kills survived  workers killed with SIGKILL, up to the last progress anybody made\n"
      "of a holder     workers that had the lock when they died; those that were killed before they could\n"
      "                note that they have it are missing\n"
      "recoveries      how often a worker was told, with the lock, that its owner had died\n"
      "rolled back     how often that worker found a change half done, and undid it\n"
      "time lost       from the kill of a holder to the next batch that anybody merged, time to be "
      "scheduled\n"
      "                included: the sum of all, and the longest\n"
      "totals          exact: every single word is there as often as one process alone counts it\n"
      "HUNG            nothing moved for {:g} s; the watchdog killed the workers\n",
      setup.watchdog.count());
  std::fflush(stdout);
}

}  // namespace demo
