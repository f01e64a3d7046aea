// The record of every ending, and the table that is made of it.
#pragma once

#include <array>
#include <cstdio>
#include <map>
#include <string>

#include "endings/scene.hpp"

namespace endings {

struct Entry {
  std::string ending;
  std::string primitive;
  Role role;
  int phase = 0;       ///< of the victim, as it noted it last
  double wait_ms = 0;  ///< from the ending, or from when it could be had, until the last of the others got on
  Verdict verdict = Verdict::fine;
  std::string text;  ///< what was wrong
};

struct Count {
  long endings = 0;
  std::array<long, 4> verdicts{};
  std::array<double, 4> longest_ms{};  ///< of each role; below 0: there is none
  double longest = -1;
  std::string where;  ///< the longest wait was

  Count() { longest_ms.fill(-1); }
  void add(const Entry& entry);
  long wrong() const { return endings - verdicts[0]; }
};

class Ledger {
 public:
  /// Writes every entry to `path` as it comes; an empty path keeps the counts only.
  explicit Ledger(const std::string& path);
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  void add(const Entry& entry);
  const Count& of_ending(const std::string& ending) { return endings_[ending]; }
  const Count& total() const { return total_; }

  static void print_head();
  static void print(const std::string& name, const Count& count);
  /// Of all endings together, for each primitive.
  void print_primitives() const;

 private:
  std::FILE* file_ = nullptr;
  std::map<std::string, Count> endings_;
  std::map<std::string, Count> primitives_;
  Count total_;
};

}  // namespace endings
