// Spinning before a sleep: as long as it has helped this thread of late, and never on a single processor.
#pragma once

namespace carom::sync {

class Spin {
 public:
  /// Overrides, in this process and the children it forks, how often a waiter looks before it sleeps.
  static void set_rounds(int rounds) noexcept;

  Spin() noexcept : limit_(limit()) {}
  Spin(const Spin&) = delete;
  Spin& operator=(const Spin&) = delete;
  ~Spin() {
    if (used_ != 0 && used_ < limit_) learn(used_);
  }

  /// Pauses a little, each time longer. False when it is time to sleep instead.
  bool again() noexcept {
    if (used_ == limit_) return false;
    if (++used_ == limit_) learn_that_it_failed();
    for (int i = 0; i < pauses_; ++i) pause();
    if (pauses_ < kLongestPause) pauses_ *= 2;
    return true;
  }

 private:
  static constexpr int kLongestPause = 16;

  static int limit() noexcept;
  static void learn(int rounds) noexcept;
  static void learn_that_it_failed() noexcept;
  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  int limit_;
  int used_ = 0;
  int pauses_ = 1;
};

}  // namespace carom::sync
