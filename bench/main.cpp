// carom-bench: carom beside its peers, each comparison made within one run. A loop of its own and not a benchmark
// library's, because contestants that live in several processes have to take turns.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "children.hpp"
#include "rows.hpp"

namespace {

struct Group {
  const char* name;
  void (*run)(bench::Report&, bool quick);
};
constexpr Group kGroups[] = {
    {"uncontended", bench::run_uncontended}, {"contended", bench::run_contended},
    {"handoff", bench::run_handoff},         {"wake_all", bench::run_wake_all},
    {"barrier", bench::run_barrier},         {"readers_writers", bench::run_readers_writers},
    {"creation", bench::run_creation},       {"recovery", bench::run_recovery},
    {"growth", bench::run_growth},           {"priority", bench::run_priority},
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> names;
  for (const Group& group : kGroups) names.emplace_back(group.name);
  std::vector<std::string> wanted = names;
  bool quick = false;
  std::string json_path;
  std::string text_path;
  std::string summary_path;

  CLI::App app(
      "Compares carom with its peers. Contestants take turns round by round, so that all of them meet the "
      "same machine; figures are medians with quartiles. The exit code says whether everything worked, not "
      "whether targets were met.",
      "carom-bench");
  app.add_option("--rows", wanted, "Which rows to run, separated by commas")
      ->delimiter(',')
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  app.add_flag("--quick", quick, "A few seconds: shows that it works, and no more");
  app.add_option("--json", json_path, "Write every sample and every target to this file");
  app.add_option("--out", text_path, "Write the report to this file as well");
  app.add_option("--summary", summary_path,
                 "Write the targets, the losses and the notes to this file, as Markdown");
  CLI11_PARSE(app, argc, argv);

  bench::catch_interrupts();
  try {
    bench::Report report(text_path);
    report.describe_machine();
    for (const Group& group : kGroups) {
      for (const std::string& name : wanted) {
        if (name != group.name) continue;
        group.run(report, quick);
        break;
      }
    }
    report.summarize();
    if (!json_path.empty()) report.write_json(json_path, quick);
    if (!summary_path.empty()) report.write_summary(summary_path, quick);
  } catch (const bench::Interrupted& error) {
    std::fprintf(stderr, "carom-bench: %s\n", error.what());
    return 130;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "carom-bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
