// What all adapters need. An adapter is a contestant's name and calls, inlined into the loop that times them; each
// checks what a careful caller has to check, as one branch that is never taken.
#pragma once

#include <cstddef>
#include <new>
#include <stdexcept>
#include <string>

namespace bench {

[[noreturn, gnu::cold, gnu::noinline]] inline void unexpected(const char* what, int error = 0) {
  throw std::runtime_error(std::string(what) + " failed, error " + std::to_string(error));
}

inline void expect_zero(int error, const char* what) {
  if (error != 0) [[unlikely]]
    unexpected(what, error);
}

/// On cache lines of its own, so that no contestant pays for a neighbour; and never destroyed, as is anything in a
/// segment.
template <class Peer>
class Placed {
 public:
  Placed() { ::new (static_cast<void*>(at_)) Peer(); }
  template <class Argument>
  explicit Placed(Argument argument) {
    ::new (static_cast<void*>(at_)) Peer(argument);
  }
  Placed(const Placed&) = delete;
  Placed& operator=(const Placed&) = delete;
  Peer& operator*() noexcept { return *std::launder(reinterpret_cast<Peer*>(at_)); }
  Peer* operator->() noexcept { return &**this; }

 private:
  static constexpr std::size_t kLine = 64;
  alignas(kLine) std::byte at_[sizeof(Peer)];
  static_assert(alignof(Peer) <= kLine);
};

}  // namespace bench
