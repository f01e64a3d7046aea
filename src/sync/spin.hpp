// Looking again before a sleep, for as long as that has helped this thread of late: at first without letting go of the
// processor, but never where there is only one; then letting others have it in between.
#pragma once

namespace carom::sync {

/// What is waited for.
enum class Awaited {
  release,  ///< of something that another has, most likely for a moment, and is at work on
  signal    ///< of something that others have yet to do, for which they may need this processor
};

class Spin {
 public:
  /// Overrides, in this process and the children it forks, how often a waiter looks before it sleeps: so often without
  /// letting go of the processor, and once after that.
  static void set_rounds(int rounds) noexcept;

  explicit Spin(Awaited awaited) noexcept
      : awaited_(awaited), rounds_(round_limit(awaited)), yields_(yield_limit(awaited)) {}
  Spin(const Spin&) = delete;
  Spin& operator=(const Spin&) = delete;
  ~Spin() { learn(); }

  /// Lets a little time pass. False when it is time to sleep instead.
  bool again() noexcept {
    if (used_ == rounds_) return yield();
    ++used_;
    for (int i = 0; i < pauses_; ++i) pause();
    if (pauses_ < kLongestPause) pauses_ *= 2;
    return true;
  }

 private:
  static constexpr int kLongestPause = 16;

  static int round_limit(Awaited awaited) noexcept;
  static int yield_limit(Awaited awaited) noexcept;
  bool yield() noexcept;
  void learn() const noexcept;

  static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  Awaited awaited_;
  int rounds_;
  int yields_;
  int used_ = 0;
  int yielded_ = 0;
  int pauses_ = 1;
};

}  // namespace carom::sync
