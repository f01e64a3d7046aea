// Medians and their spread. Means are not used: one preempted batch would decide them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace bench {

struct Summary {
  double median = 0;
  double q1 = 0;
  double q3 = 0;
  double min = 0;
  double max = 0;
};

/// All zeros if there are no samples.
inline Summary summarize(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const auto quantile = [&](double q) {
    const double at = q * static_cast<double>(samples.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, samples.size() - 1);
    return samples[below] + (at - static_cast<double>(below)) * (samples[above] - samples[below]);
  };
  return {quantile(0.5), quantile(0.25), quantile(0.75), samples.front(), samples.back()};
}

/// Round by round: what slows a whole round down, slows both of the pair, and drops out.
inline std::vector<double> paired_ratios(const std::vector<double>& ours, const std::vector<double>& theirs) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i)
    ratios.push_back(ours[i] / theirs[i]);
  return ratios;
}

}  // namespace bench
