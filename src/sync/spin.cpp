#include "sync/spin.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "platform/process_identity.hpp"

namespace carom::sync {
namespace {

using Clock = std::chrono::steady_clock;

/// How often to look, at most and at least. All of it takes no longer than a sleep and its end.
struct Limits {
  int most_rounds;
  int least_rounds;
  int most_yields;
  int least_yields;
};
constexpr Limits kForRelease{30, 4, 0, 0};  // who holds something for a moment is most likely running
constexpr Limits kForSignal{30, 0, 64, 1};

// One wait in so many looks as long as can be, to learn whether that helps again. For two that wait for each other it
// often does: each sleeps only because the other takes so long to wake.
constexpr unsigned kTryEvery = 32;

// To let others have the processor for much longer than a sleep and its end take is worse than to sleep: who sleeps is
// preferred when it is woken. So where that happens, nothing of it for some time.
constexpr std::chrono::microseconds kLongYield{500};
constexpr unsigned kWaitsWithout = 256;

// A thread may be bound to one processor, and set free again, at any time; asking costs a good part of what a sleep does.
constexpr unsigned kAskEvery = 64;

constexpr int kUnknown = -1;
std::atomic<int> chosen{kUnknown};

/// How often it took of late, in eighths.
class Average {
 public:
  void add(int used) noexcept { eighths_ += used - eighths_ / kEighths; }
  int twice() const noexcept { return 2 * eighths_ / kEighths; }

 private:
  static constexpr int kEighths = 8;
  int eighths_ = 0;
};

/// What the thread has learnt.
struct Habit {
  Average rounds;
  Average yields;
  unsigned waits = 0;
  unsigned waits_without_yields = 0;

  bool to_try() const noexcept { return waits % kTryEvery == 1; }
};
constinit thread_local Habit habits[2];
constinit thread_local bool alone = false;

Habit& habit_of(Awaited awaited) noexcept {
  return habits[static_cast<int>(awaited)];
}
const Limits& limits_of(Awaited awaited) noexcept {
  return awaited == Awaited::release ? kForRelease : kForSignal;
}

}  // namespace

void Spin::set_rounds(int rounds) noexcept {
  chosen.store(rounds, std::memory_order_relaxed);
}

int Spin::round_limit(Awaited awaited) noexcept {
  if (const int rounds = chosen.load(std::memory_order_relaxed); rounds != kUnknown) return rounds;
  Habit& habit = habit_of(awaited);
  if (habit.waits == 0 || (alone && habit.waits % kAskEvery == 0)) alone = platform::usable_processors() == 1;
  ++habit.waits;
  if (alone) return 0;
  const Limits& limits = limits_of(awaited);
  if (habit.to_try()) return limits.most_rounds;
  return std::min(limits.most_rounds, habit.rounds.twice() + limits.least_rounds);
}

int Spin::yield_limit(Awaited awaited) noexcept {
  if (chosen.load(std::memory_order_relaxed) != kUnknown) return 1;
  Habit& habit = habit_of(awaited);
  if (habit.waits_without_yields != 0) {
    --habit.waits_without_yields;
    return 0;
  }
  const Limits& limits = limits_of(awaited);
  if (habit.to_try()) return limits.most_yields;
  return std::min(limits.most_yields, habit.yields.twice() + limits.least_yields);
}

bool Spin::yield() noexcept {
  if (yielded_ == yields_) {
    // A sleep comes next, beside which this costs little: the thread may have been bound to a processor meanwhile.
    if (!alone) alone = platform::usable_processors() == 1;
    return false;
  }
  const auto begin = Clock::now();
  std::this_thread::yield();
  ++yielded_;
  if (Clock::now() - begin > kLongYield) {
    habit_of(awaited_).waits_without_yields = kWaitsWithout;
    yields_ = yielded_;
  }
  return true;
}

// What was used up has not helped.
void Spin::learn() const noexcept {
  Habit& habit = habit_of(awaited_);
  if (used_ != 0) habit.rounds.add(used_ < rounds_ ? used_ : 0);
  if (yielded_ != 0) habit.yields.add(yielded_ < yields_ ? yielded_ : 0);
}

}  // namespace carom::sync
