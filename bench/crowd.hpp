// Threads that are in a segment and do nothing there.
#pragma once

#include <atomic>
#include <carom/segment.hpp>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "children.hpp"
#include "peers/futex.hpp"

namespace bench {

class Crowd {
 public:
  Crowd(const carom::Segment& segment, std::size_t size) {
    threads_.reserve(size);
    try {
      for (std::size_t i = 0; i < size; ++i) {
        threads_.emplace_back([this, &segment] {
          segment.join();
          ++joined_;
          while (leave_ == 0) futex_wait(leave_, 0);
        });
      }
    } catch (...) {
      dismiss();
      throw;
    }
    while (joined_ < size) sleep_ns(1'000'000);
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd() { dismiss(); }

 private:
  void dismiss() {
    leave_ = 1;
    futex_wake(leave_, INT_MAX);
    threads_.clear();
  }

  std::atomic<std::uint32_t> leave_{0};
  std::atomic<std::size_t> joined_{0};
  std::vector<std::jthread> threads_;
};

}  // namespace bench
