// Random numbers that are the same on every machine for the same seed.
#pragma once

#include <cstdint>

namespace storm {

class Dice {
 public:
  template <class... More>
  explicit Dice(std::uint64_t seed, More... more) : state_(seed) {
    ((state_ = next() ^ static_cast<std::uint64_t>(more)), ...);
  }

  /// splitmix64
  std::uint64_t next() noexcept {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }
  int below(int limit) noexcept { return static_cast<int>(next() % static_cast<std::uint64_t>(limit)); }
  int between(int low, int high) noexcept { return low + below(high - low + 1); }
  bool one_in(int count) noexcept { return below(count) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace storm
