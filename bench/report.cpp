#include "report.hpp"

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "stats.hpp"

namespace bench {
namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

struct Machine {
  std::string processor;
  long processors;
  std::string kernel;
  std::string compiler;
  std::string libc;
};

Machine machine() {
  utsname names{};
  uname(&names);
  return {processor(), sysconf(_SC_NPROCESSORS_ONLN), names.release, "gcc " __VERSION__,
          std::string("glibc ") + gnu_get_libc_version()};
}

double load() {
  double average = 0;
  return getloadavg(&average, 1) == 1 ? average : -1;
}

std::string today() {
  const time_t now = time(nullptr);
  tm utc{};
  gmtime_r(&now, &utc);
  char text[sizeof "2000-01-01"];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &utc)};
}

}  // namespace

Report::Report(const std::string& text_path) : terminal_(isatty(STDERR_FILENO) != 0), load_at_begin_(load()) {
  if (text_path.empty()) return;
  text_ = std::fopen(text_path.c_str(), "we");
  if (text_ == nullptr) throw std::runtime_error("cannot write " + text_path);
}

Report::~Report() {
  if (text_ != nullptr) std::fclose(text_);
}

void Report::line(const std::string& text) {
  if (progress_shown_) {
    std::fputs("\r\033[K", stderr);
    progress_shown_ = false;
  }
  fmt::print("{}\n", text);
  std::fflush(stdout);
  if (text_ != nullptr) {
    fmt::print(text_, "{}\n", text);
    std::fflush(text_);  // before the next fork, or the child would have it too
  }
}

void Report::progress(const std::string& text) {
  if (!terminal_) return;
  fmt::print(stderr, "\r\033[K{}", text);
  progress_shown_ = true;
}

void Report::add_note(const std::string& text) {
  notes_.push_back(text);
  line("  note: " + text);
}

void Report::describe_machine() {
  const Machine here = machine();
  line(fmt::format("carom-bench: {} x {}, Linux {}, load {:.2f}", here.processors, here.processor,
                   here.kernel, load_at_begin_));
  if (load_at_begin_ > 0.3 * static_cast<double>(here.processors)) {
    add_note("the machine is busy with something else, so times and spread are larger than they need be");
  }
}

void Report::summarize() {
  line();
  line("Summary: ratios of medians, carom to peer");
  for (const Verdict& v : verdicts_) {
    line(fmt::format("{}: carom {}, best peer {} ({}), ratio {:.2f}, target {}, {}", v.row, v.carom, v.peer,
                     v.peer_name, v.ratio, v.target, v.met ? "met" : "missed"));
  }
  for (const std::string& loss : losses_) line("behind, no target: " + loss);
  for (const std::string& note : notes_) line("note: " + note);
}

void Report::write_json(const std::string& path, bool quick) const {
  const Machine here = machine();
  nlohmann::ordered_json out;
  out["machine"] = {{"processor", here.processor}, {"processors", here.processors},
                    {"kernel", here.kernel},       {"compiler", here.compiler},
                    {"libc", here.libc},           {"load", load_at_begin_}};
  out["date"] = today();
  out["quick"] = quick;
  out["rows"] = nlohmann::ordered_json::array();
  for (const Series& series : series_) {
    const Summary s = bench::summarize(series.samples);
    out["rows"].push_back({{"group", series.group},
                           {"panel", series.panel},
                           {"x", series.x},
                           {"metric", series.metric},
                           {"who", series.who},
                           {"unit", series.unit},
                           {"median", s.median},
                           {"q1", s.q1},
                           {"q3", s.q3},
                           {"min", s.min},
                           {"max", s.max},
                           {"samples", series.samples}});
  }
  out["targets"] = nlohmann::ordered_json::array();
  for (const Verdict& v : verdicts_) {
    out["targets"].push_back({{"row", v.row},
                              {"carom", v.carom},
                              {"best_peer", v.peer},
                              {"best_peer_name", v.peer_name},
                              {"ratio", v.ratio},
                              {"target", v.target},
                              {"met", v.met}});
  }
  out["losses"] = losses_;
  out["notes"] = notes_;
  std::ofstream file(path);
  file << out.dump(1) << '\n';
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

void Report::write_summary(const std::string& path, bool quick) const {
  const Machine here = machine();
  std::ofstream file(path);
  file << fmt::format("# Benchmarks, {}\n\n{} x {}, Linux {}, {}, {}.\n", today(), here.processors,
                      here.processor, here.kernel, here.compiler, here.libc);
  if (quick) file << "\nA quick run: it shows that everything works, and no more.\n";
  const auto met = std::count_if(verdicts_.begin(), verdicts_.end(), [](const Verdict& v) { return v.met; });
  file << fmt::format(
      "\n## Targets: {} of {} met\n\n| row | carom | best peer | ratio | target | "
      "|\n|---|---|---|---|---|---|\n",
      met, verdicts_.size());
  for (const Verdict& v : verdicts_) {
    file << fmt::format("| {} | {} | {} ({}) | {:.2f} | {} | {} |\n", v.row, v.carom, v.peer, v.peer_name,
                        v.ratio, v.target, v.met ? "met" : "**missed**");
  }
  const auto list = [&](const char* title, const std::vector<std::string>& items) {
    if (items.empty()) return;
    file << fmt::format("\n## {}\n\n", title);
    for (const std::string& item : items) file << "- " << item << '\n';
  };
  list("Behind a peer, without a target", losses_);
  list("Notes", notes_);
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

}  // namespace bench
