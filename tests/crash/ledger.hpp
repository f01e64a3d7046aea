// The record of every kill: what was done to whom, at which instruction, and what became of the others.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace crash {

enum class Verdict {
  fine,
  hung,     ///< somebody waited beyond the bound for what was free
  lost,     ///< the death was not told to the next owner, or the lock is gone
  doubled,  ///< two had it at once, or a death was told twice or invented
};
const char* to_string(Verdict verdict);

struct Entry {
  std::string subject;
  std::string scenario;
  std::string operation;
  int point = 0;          ///< instructions since the operation began
  int second_point = -1;  ///< of the second victim
  std::uint64_t address = 0;
  int phase = 0;
  double wait_ms = 0;  ///< from the kill until the next had the lock
  Verdict verdict = Verdict::fine;
};

struct Count {
  long points = 0;
  long hung = 0;
  long lost = 0;
  long doubled = 0;
  double longest_wait_ms = 0;
  void add(const Entry& entry);
  Count& operator+=(const Count& other);
};

class Ledger {
 public:
  /// Writes every entry to `path` as it comes; an empty path keeps the counts only.
  explicit Ledger(const std::string& path);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  void add(const Entry& entry);

  /// The counts of one subject and scenario, printed as a line.
  void print_scenario(const std::string& subject, const std::string& scenario) const;
  const Count& total(const std::string& subject) const { return totals_.at(subject); }

 private:
  std::FILE* file_ = nullptr;
  std::map<std::string, std::map<std::string, Count>> counts_;
  std::map<std::string, Count> totals_;
};

}  // namespace crash
