// What the program says: tables while it runs, the summary lines at the end, and the same as JSON.
#pragma once

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// All samples of one contestant in one row.
struct Series {
  std::string group;
  std::string panel;  ///< those of one panel belong into one plot
  std::string x;      ///< where they stand on its axis; empty if it has none
  std::string metric;
  std::string who;
  std::string unit;
  std::vector<double> samples;
};

/// A row that has a target.
struct Verdict {
  std::string row;
  std::string carom;  ///< as printed, with its unit
  std::string peer;   ///< as printed, with its unit
  std::string peer_name;
  double ratio;
  std::string target;
  bool met;
};

class Report {
 public:
  /// An empty `text_path`: to the terminal only. Throws std::runtime_error if it cannot be written.
  explicit Report(const std::string& text_path);
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  ~Report();

  /// One line of output, at once.
  void line(const std::string& text = "");

  /// What is being done now; overwritten by the next line. Nothing unless stderr is a terminal.
  void progress(const std::string& text);

  void add(Series series) { series_.push_back(std::move(series)); }
  void add(Verdict verdict) { verdicts_.push_back(std::move(verdict)); }

  /// A peer that is ahead of carom in a row without a target of its own.
  void add_loss(const std::string& text) { losses_.push_back(text); }

  /// What was not measured, and why.
  void add_note(const std::string& text);

  /// The machine, and how busy it is: first in every report.
  void describe_machine();

  void summarize();

  /// Both throw std::runtime_error if they cannot write.
  void write_json(const std::string& path, bool quick) const;
  void write_summary(const std::string& path, bool quick) const;

 private:
  std::FILE* text_ = nullptr;
  bool terminal_;
  double load_at_begin_;  // its own is not what the machine was busy with
  bool progress_shown_ = false;
  std::vector<Series> series_;
  std::vector<Verdict> verdicts_;
  std::vector<std::string> losses_;
  std::vector<std::string> notes_;
};

}  // namespace bench
