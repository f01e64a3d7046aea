// Spinning before a sleep: about as long as one hand-over takes, and never on a single processor.
#pragma once

namespace carom::sync {

class Spin {
 public:
  /// Overrides, in this process and the children it forks, how often a waiter looks before it sleeps.
  static void set_rounds(int rounds) noexcept;

  Spin() noexcept : rounds_left_(rounds()) {}

  /// Pauses a little, each time longer. False when it is time to sleep instead.
  bool again() noexcept {
    if (rounds_left_ == 0) return false;
    --rounds_left_;
    for (int i = 0; i < pauses_; ++i) pause();
    if (pauses_ < kLongestPause) pauses_ *= 2;
    return true;
  }

 private:
  static constexpr int kLongestPause = 16;

  static int rounds() noexcept;
  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  int rounds_left_;
  int pauses_ = 1;
};

}  // namespace carom::sync
