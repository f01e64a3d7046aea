#include "crash/ledger.hpp"

#include <gnu/libc-version.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "crash/tracee.hpp"

namespace crash {
namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::fine:
      return "fine";
    case Verdict::hung:
      return "HUNG";
    case Verdict::lost:
      return "LOST";
    case Verdict::doubled:
      return "DOUBLED";
  }
  return "?";
}

void Count::add(const Entry& entry) {
  ++points;
  hung += entry.verdict == Verdict::hung;
  lost += entry.verdict == Verdict::lost;
  doubled += entry.verdict == Verdict::doubled;
  if (entry.verdict == Verdict::fine) longest_wait_ms = std::max(longest_wait_ms, entry.wait_ms);
}

Count& Count::operator+=(const Count& other) {
  points += other.points;
  hung += other.hung;
  lost += other.lost;
  doubled += other.doubled;
  longest_wait_ms = std::max(longest_wait_ms, other.longest_wait_ms);
  return *this;
}

Ledger::Ledger(const std::string& path) {
  if (path.empty()) return;
  file_ = std::fopen(path.c_str(), "w");
  if (file_ == nullptr) {
    std::fprintf(stderr, "cannot write the ledger to %s: %s\n", path.c_str(), std::strerror(errno));
    std::exit(2);
  }
  // A child forked with half a line in the buffer would write that too.
  std::setvbuf(file_, nullptr, _IOLBF, BUFSIZ);
  utsname system;
  uname(&system);
  std::fprintf(file_, "# kernel %s, glibc %s, %s, built with %s\n", system.release, gnu_get_libc_version(),
               processor().c_str(), __VERSION__);
  std::fprintf(
      file_,
      "subject\tscenario\toperation\tinstruction\tsecond instruction\tat\tvictim was\twait ms\tverdict\n");
}

Ledger::~Ledger() {
  if (file_ != nullptr) std::fclose(file_);
}

void Ledger::add(const Entry& entry) {
  counts_[entry.subject][entry.scenario].add(entry);
  totals_[entry.subject].add(entry);
  if (file_ == nullptr) return;
  static const char* const phases[] = {"before", "acquiring", "holding", "releasing", "after"};
  std::fprintf(file_, "%s\t%s\t%s\t%d\t%d\t%s\t%s\t%.3f\t%s\n", entry.subject.c_str(), entry.scenario.c_str(),
               entry.operation.c_str(), entry.point, entry.second_point, describe(entry.address).c_str(),
               phases[entry.phase], entry.wait_ms, to_string(entry.verdict));
}

void Ledger::print_scenario(const std::string& subject, const std::string& scenario) const {
  const auto found = counts_.find(subject);
  if (found == counts_.end() || !found->second.contains(scenario)) return;
  const Count& count = found->second.at(scenario);
  std::printf("  %-15s %-34s %7ld points %5ld hung %4ld lost %4ld doubled   longest wait %7.1f ms\n",
              subject.c_str(), scenario.c_str(), count.points, count.hung, count.lost, count.doubled,
              count.longest_wait_ms);
  std::fflush(stdout);
}

}  // namespace crash
