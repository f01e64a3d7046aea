// The futex itself: the least that sleeping and waking can cost.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>
#include <mutex>

#include "common.hpp"

namespace bench {

inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) {
  syscall(SYS_futex, &word, FUTEX_WAIT, expected, nullptr, nullptr, 0);
}
inline void futex_wake(std::atomic<std::uint32_t>& word, int count) {
  syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

/// One way of a ping-pong: wakes only who sleeps, and never spins.
class FutexSignal {
 public:
  static constexpr const char* kName = "raw futex";
  void post() {
    if (word_.exchange(kPosted, std::memory_order_acq_rel) == kAsleep) futex_wake(word_, 1);
  }
  void wait() {
    std::uint32_t seen = kNone;
    if (word_.compare_exchange_strong(seen, kAsleep, std::memory_order_acq_rel)) {
      while (word_.load(std::memory_order_acquire) == kAsleep) futex_wait(word_, kAsleep);
    }
    word_.store(kNone, std::memory_order_relaxed);
  }

 private:
  enum : std::uint32_t { kNone, kPosted, kAsleep };
  std::atomic<std::uint32_t> word_{kNone};
};

/// The same under a lock, as a condition has it: a flag, and a word that says that it may have changed.
class FutexConditionSignal {
 public:
  static constexpr const char* kName = "raw futex, lock and flag";
  void post() {
    const std::scoped_lock hold(lock_);
    posted_ = true;
    if (!waiting_) return;
    change_.fetch_add(1, std::memory_order_release);
    futex_wake(change_, 1);
  }
  void wait() {
    std::unique_lock hold(lock_);
    waiting_ = true;
    while (!posted_) {
      const std::uint32_t seen = change_.load(std::memory_order_acquire);
      hold.unlock();
      futex_wait(change_, seen);
      hold.lock();
    }
    waiting_ = false;
    posted_ = false;
  }

 private:
  class Lock {
   public:
    void lock() {
      std::uint32_t seen = kFree;
      if (word_.compare_exchange_strong(seen, kHeld, std::memory_order_acquire)) return;
      while (word_.exchange(kContended, std::memory_order_acquire) != kFree) futex_wait(word_, kContended);
    }
    void unlock() {
      if (word_.exchange(kFree, std::memory_order_release) == kContended) futex_wake(word_, 1);
    }

   private:
    enum : std::uint32_t { kFree, kHeld, kContended };
    std::atomic<std::uint32_t> word_{kFree};
  };

  Lock lock_;
  std::atomic<std::uint32_t> change_{0};
  bool waiting_ = false;
  bool posted_ = false;
};

/// Many sleep until round `n` has been called.
class FutexCall {
 public:
  static constexpr const char* kName = "raw futex, wake all";
  void wait(std::uint32_t round) {
    for (std::uint32_t seen = word_.load(); seen < round; seen = word_.load()) futex_wait(word_, seen);
  }
  void prepare(std::uint32_t round) { word_.store(round, std::memory_order_release); }
  void wake_all() { futex_wake(word_, INT_MAX); }
  void after() {}

 private:
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace bench
