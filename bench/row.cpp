#include "row.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "children.hpp"
#include "peers/common.hpp"
#include "stats.hpp"

namespace bench {
namespace {

/// Four digits, or all that stand before the point.
std::string in_digits(double figure) {
  return figure < 1000 ? fmt::format("{:.4g}", figure) : fmt::format("{:.0f}", figure);
}

}  // namespace

std::string Target::text() const {
  return fmt::format("{} {:.2f}", better == Better::smaller ? "<=" : ">=", ratio);
}

double Contestant::median(std::size_t metric) const {
  return summarize(samples[metric]).median;
}

void Row::add(std::string name, std::function<std::vector<double>()> measure) {
  contestants_.push_back(
      {std::move(name), std::move(measure), std::vector<std::vector<double>>(metrics_.size())});
}

void Row::run(Report& report, std::size_t rounds) {
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < contestants_.size(); ++turn) {
      throw_if_interrupted();
      Contestant& who = contestants_[(round + turn) % contestants_.size()];
      report.progress(fmt::format("{}: round {} of {}, {}", name(), round + 1, rounds, who.name));
      const std::vector<double> figures = who.measure();
      for (std::size_t metric = 0; metric < metrics_.size(); ++metric)
        who.samples[metric].push_back(figures[metric]);
    }
  }
  print(report);
  for (const Contestant& who : contestants_) {
    for (std::size_t metric = 0; metric < metrics_.size(); ++metric) {
      report.add(Series{group_, panel_, x_, metrics_[metric].name, who.name, metrics_[metric].unit,
                        who.samples[metric]});
    }
  }
}

const Contestant& Row::find(const std::string& name) const {
  const auto found = std::find_if(contestants_.begin(), contestants_.end(),
                                  [&](const Contestant& who) { return who.name == name; });
  if (found == contestants_.end()) unexpected(name.c_str());
  return *found;
}

const Contestant& Row::best_peer(std::size_t metric) const {
  const Contestant* best = nullptr;
  for (const Contestant& who : contestants_) {
    if (who.is_carom()) continue;
    const bool larger = best != nullptr && who.median(metric) > best->median(metric);
    if (best == nullptr || larger == (metrics_[metric].better == Better::larger)) best = &who;
  }
  if (best == nullptr) unexpected("finding a peer");
  return *best;
}

void Row::judge(Report& report, const Contestant& ours, const Contestant& peer, std::size_t metric,
                std::optional<double> target) const {
  const Metric& of = metrics_[metric];
  const double mine = ours.median(metric);
  const double theirs = peer.median(metric);
  const double ratio = mine / theirs;
  const Target goal{of.better, target.value_or(1)};
  const std::string row = fmt::format("{}, {}, {}", name(), ours.name, of.name);
  const std::string carom = fmt::format("{} {}", in_digits(mine), of.unit);
  const std::string other = fmt::format("{} {}", in_digits(theirs), of.unit);
  if (target) {
    report.add(Verdict{row, carom, other, peer.name, ratio, goal.text(), goal.met_by(ratio)});
  } else if (!goal.met_by(ratio)) {
    report.add_loss(fmt::format("{}: carom {}, {} {}, ratio {:.2f}", row, carom, peer.name, other, ratio));
  }
}

std::string Row::name() const {
  std::string name = group_ + ' ' + panel_;
  if (!x_.empty()) name += ", " + x_;
  return name;
}

void Row::print(Report& report) const {
  std::string head = fmt::format("  {:<44}", x_.empty() ? panel_ : panel_ + ", " + x_);
  for (const Metric& metric : metrics_) head += fmt::format(" {:>34}", metric.name + ", " + metric.unit);
  report.line(head);
  for (const Contestant& who : contestants_) {
    std::string line = fmt::format("    {:<42}", who.name);
    for (const std::vector<double>& samples : who.samples) {
      const Summary s = summarize(samples);
      line += fmt::format(" {:>34}",
                          fmt::format("{} [{} {}]", in_digits(s.median), in_digits(s.q1), in_digits(s.q3)));
    }
    report.line(line);
  }
}

}  // namespace bench
