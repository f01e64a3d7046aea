// What the user sees: a line that moves, and the table at the end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corpus.hpp"
#include "run.hpp"

namespace demo {

/// Thousands apart: 9,341,398.
std::string grouped(std::uint64_t number);

void print_beginning();
void print_corpus(const Corpus& corpus, const Setup& setup);

/// Shows how a run is going: one line that is rewritten on a terminal, a line now and then elsewhere.
class Ticker {
 public:
  explicit Ticker(std::string name);
  void show(const Outcome& so_far);
  void end(const Outcome& outcome);

 private:
  void line(const std::string& text, bool last);

  std::string name_;
  bool terminal_;
  double next_line_s_ = 0;
};

struct Row {
  std::string lock;
  Outcome outcome;
};

bool exact(const Outcome& outcome);
void print_table(const std::vector<Row>& rows, const Setup& setup);

}  // namespace demo
