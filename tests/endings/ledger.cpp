#include "endings/ledger.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace endings {

void Count::add(const Entry& entry) {
  ++endings;
  ++verdicts[static_cast<std::size_t>(entry.verdict)];
  if (entry.verdict != Verdict::fine) return;
  double& of_role = longest_ms[static_cast<std::size_t>(entry.role)];
  of_role = std::max(of_role, entry.wait_ms);
  if (entry.wait_ms <= longest) return;
  longest = entry.wait_ms;
  where = fmt::format("{}, {}", entry.primitive, to_string(entry.role));
}

Ledger::Ledger(const std::string& path) {
  if (path.empty()) return;
  file_ = std::fopen(path.c_str(), "w");
  if (file_ == nullptr) {
    fmt::print(stderr, "cannot write the ledger to {}: {}\n", path, std::strerror(errno));
    std::exit(2);
  }
  // A child forked with half a line in the buffer would write that too.
  std::setvbuf(file_, nullptr, _IOLBF, BUFSIZ);
  fmt::print(file_, "ending\tprimitive\trole\tvictim was\twait ms\tverdict\twhat\n");
}

Ledger::~Ledger() {
  if (file_ != nullptr) std::fclose(file_);
}

void Ledger::add(const Entry& entry) {
  endings_[entry.ending].add(entry);
  primitives_[entry.primitive].add(entry);
  total_.add(entry);
  if (file_ == nullptr) return;
  static const char* const phases[] = {"before", "asking", "holding", "giving", "after"};
  fmt::print(file_, "{}\t{}\t{}\t{}\t{:.3f}\t{}\t{}\n", entry.ending, entry.primitive, to_string(entry.role),
             phases[entry.phase], entry.wait_ms, to_string(entry.verdict), entry.text);
}

void Ledger::print_head() {
  fmt::print("{:<24} {:>7} {:>5} {:>5} {:>7}   longest wait, ms: {:>7} {:>7} {:>7} {:>7}\n", "", "endings",
             "hung", "lost", "doubled", "holding", "waiting", "woken", "inside");
}

void Ledger::print(const std::string& name, const Count& count) {
  fmt::print("{:<24} {:>7} {:>5} {:>5} {:>7}                     ", name, count.endings, count.verdicts[1],
             count.verdicts[2], count.verdicts[3]);
  for (const double ms : count.longest_ms) {
    if (ms < 0)
      fmt::print(" {:>7}", "-");
    else
      fmt::print(" {:>7.1f}", ms);
  }
  fmt::print("   {}\n", count.where);
  std::fflush(stdout);
}

void Ledger::print_primitives() const {
  for (const auto& [name, count] : primitives_) print(name, count);
}

}  // namespace endings
