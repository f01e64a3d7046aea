// Every way to end, wherever one can be in each primitive; and whether those who live on do.
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "endings/cgroup.hpp"
#include "endings/ledger.hpp"
#include "endings/trial.hpp"

namespace {

using namespace endings;

constexpr int kFound = 1;
constexpr std::size_t kMiB = 1 << 20;

volatile std::sig_atomic_t interrupted = 0;

/// Which combinations were asked for: those that agree with one word of each kind that was given.
class Choice {
 public:
  explicit Choice(const std::vector<std::string>& words) {
    for (const Ending& ending : all_endings()) sort_in(words, ending.name, endings_);
    for (const Play& play : all_plays()) sort_in(words, play.primitive, primitives_);
    for (const Role role : kRoles) sort_in(words, to_string(role), roles_);
    for (const std::string& word : words) {
      if (!endings_.contains(word) && !primitives_.contains(word) && !roles_.contains(word))
        throw CLI::ValidationError("--only", "there is nothing called \"" + word + "\"");
    }
  }

  bool has(const Ending& ending) const { return agrees(endings_, ending.name); }
  bool has(const Play& play) const {
    return agrees(primitives_, play.primitive) && agrees(roles_, to_string(play.role));
  }

 private:
  static void sort_in(const std::vector<std::string>& words, const std::string& name,
                      std::set<std::string>& to) {
    if (std::find(words.begin(), words.end(), name) != words.end()) to.insert(name);
  }
  static bool agrees(const std::set<std::string>& chosen, const std::string& name) {
    return chosen.empty() || chosen.contains(name);
  }

  std::set<std::string> endings_;
  std::set<std::string> primitives_;
  std::set<std::string> roles_;
};

std::string footer() {
  std::string text = "Endings:";
  for (const Ending& ending : all_endings()) text += fmt::format(" \"{}\"", ending.name);
  text += "\nPrimitives:";
  std::set<std::string> seen;
  for (const Play& play : all_plays()) {
    if (seen.insert(play.primitive).second) text += fmt::format(" \"{}\"", play.primitive);
  }
  return text + "\nRoles: holding waiting woken inside";
}

/// A directory of its own, for cores; gone with this object.
class Scratch {
 public:
  Scratch() : path_((std::filesystem::temp_directory_path() / "carom-endings-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary directory: " + path_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }
  void empty() const {
    for (const auto& entry : std::filesystem::directory_iterator(path_)) std::filesystem::remove_all(entry);
  }

 private:
  std::string path_;
};

/// Why the machine cannot bring this ending about; empty if it can.
std::string why_not(const Ending& ending, const std::string& why_no_memory_group) {
  if (ending.way == Ending::Way::oom_kill) return why_no_memory_group;
  if (ending.way == Ending::Way::container && !support::can_enter_namespaces(CLONE_NEWPID))
    return "this user may make no pid namespace";
  return {};
}

class Progress {
 public:
  void show(const std::string& text) const {
    if (!tty_) return;
    fmt::print("\r\033[K{}", text);
    std::fflush(stdout);
  }
  void clear() const { show(""); }

 private:
  bool tty_ = isatty(STDOUT_FILENO) != 0;
};

struct Plan {
  int rounds = 10;
  std::uint64_t seed = 0;
};

void run_all_of(const Ending& ending, const Choice& choice, const Plan& plan, Trials& trials, Ledger& ledger,
                const Scratch& scratch) {
  const Progress progress;
  std::uint64_t number = 0;
  const int rounds = ending.heavy() ? (plan.rounds + 3) / 4 : plan.rounds;
  for (const Play& play : all_plays()) {
    ++number;
    if (!ending.has(play.role) || !choice.has(play)) continue;
    for (int round = 1; round <= rounds && interrupted == 0; ++round) {
      progress.show(fmt::format("{}: {}, {}, {} of {}", ending.name, play.primitive, to_string(play.role),
                                round, rounds));
      std::uint64_t letters = 0;
      for (const char c : ending.name) letters = letters * 31 + static_cast<unsigned char>(c);
      const Entry entry = trials.run(
          ending, play, storm::Dice(plan.seed, letters, number, static_cast<std::uint64_t>(round)));
      ledger.add(entry);
      if (ending.way == Ending::Way::core_dump) scratch.empty();
      if (entry.verdict == Verdict::fine) continue;
      progress.clear();
      fmt::print("{}: {}, {}, {}: {} (round {})\n", to_string(entry.verdict), ending.name, play.primitive,
                 to_string(play.role), entry.text, round);
    }
  }
  progress.clear();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], kOtherProgram) == 0) {
    for (;;) pause();
  }
  CLI::App app{
      "Ends a thread or its process in every way there is, while it holds, waits, comes back or is inside a "
      "call, "
      "and checks that everybody else goes on."};
  Plan plan;
  std::string ledger_path;
  std::vector<std::string> only;
  std::size_t core_mib = 64;
  app.add_option("--rounds", plan.rounds, "How often each combination; core dumps a quarter as often")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  const auto* const seed =
      app.add_option("--seed", plan.seed, "Repeats the instants, as far as the machine lets it");
  app.add_option("--only", only, "Only these endings, primitives and roles");
  app.add_option("--core", core_mib, "MiB that are resident when a core is dumped")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  app.add_option("--ledger", ledger_path, "Write one line for each ending to this file");
  app.footer(footer());
  std::optional<Choice> choice;
  app.callback([&] { choice.emplace(only); });
  CLI11_PARSE(app, argc, argv);
  if (seed->count() == 0) plan.seed = std::random_device{}();
  struct sigaction action {};
  action.sa_handler = [](int number) { interrupted = number; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);

  // A child forked with a line in the buffer would write that too.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  const Scratch scratch;
  std::string why_no_memory_group;
  std::optional<MemoryGroup> memory = MemoryGroup::make(24 * kMiB, why_no_memory_group);
  const Means means{
      memory ? &*memory : nullptr, scratch.path(), core_mib * kMiB,
      std::filesystem::read_symlink("/proc/self/exe").parent_path() / "carom-endings-plugin.so"};
  Trials trials(means);
  Ledger ledger(ledger_path);
  std::vector<std::string> not_to_be_had;
  fmt::print("seed {}\n", plan.seed);
  Ledger::print_head();
  for (const Ending& ending : all_endings()) {
    if (!choice->has(ending) || interrupted != 0) continue;
    if (const std::string why = why_not(ending, why_no_memory_group); !why.empty()) {
      not_to_be_had.push_back(fmt::format("{} could not be had on this machine: {}", ending.name, why));
      fmt::print("{}\n", not_to_be_had.back());
      continue;
    }
    run_all_of(ending, *choice, plan, trials, ledger, scratch);
    Ledger::print(ending.name, ledger.of_ending(ending.name));
  }
  fmt::print("\n");
  Ledger::print_head();
  ledger.print_primitives();
  const Count& total = ledger.total();
  Ledger::print("all", total);
  if (trials.without_core() != 0) {
    fmt::print("{} of those that should dump a core dumped none that the kernel knows of\n",
               trials.without_core());
  }
  for (const std::string& line : not_to_be_had) fmt::print("{}\n", line);
  if (!ledger_path.empty()) fmt::print("Ledger: {}\n", ledger_path);
  fmt::print("{} endings, {} hung, {} lost, {} doubled\n", total.endings, total.verdicts[1],
             total.verdicts[2], total.verdicts[3]);
  if (total.wrong() != 0) return kFound;
  return interrupted != 0 ? 128 + interrupted : 0;
}
