// The fuzzer's bytes, read as choices and values. One that runs out gives zeros.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "carom/deadline.hpp"

namespace fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

  bool empty() const { return at_ == end_; }

  template <class T>
  T value() {
    T read{};
    copy(&read, sizeof read);
    return read;
  }
  std::uint8_t byte() { return value<std::uint8_t>(); }
  /// One of 0 to n - 1.
  std::uint32_t choice(std::uint32_t n) { return byte() % n; }

  /// As many bytes as there are, at most `n`, over what lies at `to`.
  void copy(void* to, std::size_t n) {
    const std::size_t taken = std::min(n, static_cast<std::size_t>(end_ - at_));
    if (taken != 0) std::memcpy(to, at_, taken);
    at_ += taken;
  }

  /// Mostly one try, for those are many more in a second; at most 2 ms.
  carom::Deadline deadline() {
    const std::uint8_t chosen = byte();
    if (chosen < 240) return carom::Deadline::passed();
    return std::chrono::microseconds((chosen - 239) * 125);
  }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

}  // namespace fuzz
