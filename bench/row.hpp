// One comparison: contestants that do the same work, measured in turns.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "report.hpp"

namespace bench {

enum class Better { smaller, larger };

struct Metric {
  std::string name;
  std::string unit;
  Better better = Better::smaller;
};

/// What carom has to be, as a ratio to its peer.
struct Target {
  Better better = Better::smaller;
  double ratio = 1;

  bool met_by(double measured) const {
    return better == Better::smaller ? measured <= ratio : measured >= ratio;
  }
  std::string text() const;
};

struct Contestant {
  std::string name;
  std::function<std::vector<double>()> measure;  ///< one figure for each metric of the row
  std::vector<std::vector<double>> samples;      ///< of each metric, round by round

  bool is_carom() const { return name.rfind("carom", 0) == 0; }
  double median(std::size_t metric) const;
};

class Row {
 public:
  /// A panel is one plot of the report; `x` is where on its axis this row stands, if there is more than one.
  Row(std::string group, std::string panel, std::string x, std::vector<Metric> metrics)
      : group_(std::move(group)), panel_(std::move(panel)), x_(std::move(x)), metrics_(std::move(metrics)) {}

  void add(std::string name, std::function<std::vector<double>()> measure);

  /// Lets all of them take turns, each round begun by another, and reports what they did.
  void run(Report& report, std::size_t rounds);

  const std::vector<Contestant>& contestants() const { return contestants_; }
  const Contestant& find(const std::string& name) const;
  const Contestant& best_peer(std::size_t metric) const;

  /// Reports whether `ours` meets the target; without one, whether it is behind.
  void judge(Report& report, const Contestant& ours, const Contestant& peer, std::size_t metric,
             std::optional<double> target) const;

  std::string name() const;
  const std::string& panel() const { return panel_; }

 private:
  void print(Report& report) const;

  std::string group_;
  std::string panel_;
  std::string x_;
  std::vector<Metric> metrics_;
  std::vector<Contestant> contestants_;
};

}  // namespace bench
