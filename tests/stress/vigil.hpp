// Watches for sleepers beside what they could have, between two looks when nobody is killed any more.
#pragma once

#include <cstdint>
#include <vector>

namespace storm {

/// What a watch has come to.
struct Idleness {
  std::int64_t longest_ns = 0;
  long rechecks = 0;  ///< as long as the library's re-check: nothing else ended them
};

class Vigil {
 public:
  explicit Vigil(int things) : things_(static_cast<std::size_t>(things)) {}

  /// To be called before the looks at all the things at one time.
  void begin(std::int64_t now_ns);

  /// Whether that thing is idle: somebody sleeps for it, and it could be had. Returns for how long it has been.
  std::int64_t look(int thing, bool idle, std::int64_t now_ns, Idleness& sum);

  void forget();

  /// Whether anything was idle at the last look.
  bool any() const noexcept;

 private:
  struct Thing {
    std::int64_t since_ns = 0;  ///< 0: not idle
    std::int64_t lasted_ns = 0;
  };

  std::vector<Thing> things_;
  std::int64_t last_look_ns_ = 0;
};

}  // namespace storm
