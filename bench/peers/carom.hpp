// carom's own adapters.
#pragma once

#include <carom/carom.hpp>
#include <cstdint>
#include <mutex>

#include "common.hpp"

namespace bench {

class CaromLock {
 public:
  static constexpr const char* kName = "carom Lock";
  void lock() { lock_.lock(); }
  void unlock() { lock_.unlock(); }
  bool take() {
    const carom::Acquisition outcome = lock_.acquire();
    if (!outcome) unexpected("carom acquire", outcome.kind());
    return outcome.owner_died();
  }
  void heal() {}

 private:
  carom::Lock lock_;
};

class CaromFifoLock {
 public:
  static constexpr const char* kName = "carom FifoLock";
  void lock() { lock_.lock(); }
  void unlock() { lock_.unlock(); }

 private:
  carom::FifoLock lock_;
};

class CaromRLock {
 public:
  static constexpr const char* kName = "carom RLock";
  void lock() { lock_.lock(); }
  void unlock() { lock_.unlock(); }

 private:
  carom::RLock lock_;
};

inline void expect_acquired(carom::Acquisition outcome, const char* what) {
  if (outcome != carom::Acquisition::acquired) [[unlikely]]
    unexpected(what, outcome.kind());
}
inline void expect_released(carom::Release outcome, const char* what) {
  if (outcome != carom::Release::released) [[unlikely]]
    unexpected(what, static_cast<int>(outcome));
}

/// A permit that nobody is recorded to hold: what sem_t can do.
class CaromBarePermit {
 public:
  static constexpr const char* kName = "carom Semaphore, bare";
  void lock() { expect_acquired(semaphore_.acquire(), "carom acquire"); }
  void unlock() { expect_released(semaphore_.release(), "carom release"); }

 private:
  carom::Semaphore semaphore_{1};
};

/// A permit that comes back when its holder dies.
class CaromHeldPermit {
 public:
  static constexpr const char* kName = "carom Semaphore, scoped";
  void lock() { semaphore_.lock(); }
  void unlock() { semaphore_.unlock(); }

 private:
  carom::Semaphore semaphore_{1};
};

template <std::uint32_t kCapacity>
class CaromBounded {
 public:
  static constexpr const char* kName = kCapacity == 1    ? "carom BoundedSemaphore(1)"
                                       : kCapacity == 16 ? "carom BoundedSemaphore(16)"
                                                         : "carom BoundedSemaphore(65535)";
  void lock() { expect_acquired(semaphore_.acquire(), "carom acquire"); }
  void unlock() { expect_released(semaphore_.release(), "carom release"); }

 private:
  carom::BoundedSemaphore semaphore_{kCapacity};
};

class CaromWriter {
 public:
  static constexpr const char* kName = "carom SharedLock, alone";
  void lock() { lock_.lock(); }
  void unlock() { lock_.unlock(); }

 private:
  carom::SharedLock lock_;
};

class CaromReader {
 public:
  static constexpr const char* kName = "carom SharedLock, shared";
  void lock() { lock_.lock_shared(); }
  void unlock() { lock_.unlock_shared(); }

 private:
  carom::SharedLock lock_;
};

// Single calls: nothing is to be undone.

class CaromIsSet {
 public:
  static constexpr const char* kName = "carom Event.is_set";
  void lock() {
    if (event_.is_set()) [[unlikely]]
      unexpected("carom is_set");
  }
  void unlock() {}

 private:
  carom::Event event_;
};

class CaromNotify {
 public:
  static constexpr const char* kName = "carom Condition.notify";
  void lock() { condition_.notify(); }
  void unlock() {}

 private:
  carom::Condition condition_;
};

/// Readers and writers on one lock.
class CaromSharedLock {
 public:
  static constexpr const char* kName = "carom SharedLock";
  void lock() { lock_.lock(); }
  void unlock() { lock_.unlock(); }
  void lock_shared() { lock_.lock_shared(); }
  void unlock_shared() { lock_.unlock_shared(); }

 private:
  carom::SharedLock lock_;
};

// One way of a ping-pong: post() on one side, wait() on the other.

class CaromEventSignal {
 public:
  static constexpr const char* kName = "carom Event";
  void post() { event_.set(); }
  void wait() {
    if (!event_.wait()) unexpected("carom wait");
    event_.clear();
  }

 private:
  carom::Event event_;
};

class CaromSemaphoreSignal {
 public:
  static constexpr const char* kName = "carom Semaphore";
  void post() { expect_released(semaphore_.release(), "carom release"); }
  void wait() { expect_acquired(semaphore_.acquire(), "carom acquire"); }

 private:
  carom::Semaphore semaphore_{0};
};

class CaromConditionSignal {
 public:
  static constexpr const char* kName = "carom Condition";
  void post() {
    const std::scoped_lock hold(lock_);
    posted_ = true;
    condition_.notify_one();
  }
  void wait() {
    std::unique_lock hold(lock_);
    condition_.wait(hold, [this] { return posted_; });
    posted_ = false;
  }

 private:
  carom::Lock lock_;
  carom::Condition condition_;
  bool posted_ = false;
};

// Many sleep until round `n` has been called; prepare(n) and after(n) are not part of the call.

class CaromEventCall {
 public:
  static constexpr const char* kName = "carom Event.set";
  void wait(std::uint32_t /*round*/) {
    if (!event_.wait()) unexpected("carom wait");
  }
  void prepare(std::uint32_t /*round*/) {}
  void wake_all() { event_.set(); }
  void after() { event_.clear(); }

 private:
  carom::Event event_;
};

class CaromConditionCall {
 public:
  static constexpr const char* kName = "carom Condition.notify_all";
  void wait(std::uint32_t round) {
    std::unique_lock hold(lock_);
    condition_.wait(hold, [&] { return round_ >= round; });
  }
  void prepare(std::uint32_t round) {
    const std::scoped_lock hold(lock_);
    round_ = round;
  }
  void wake_all() { condition_.notify_all(); }
  void after() {}

 private:
  carom::Lock lock_;
  carom::Condition condition_;
  std::uint32_t round_ = 0;
};

class CaromBarrier {
 public:
  static constexpr const char* kName = "carom Barrier";
  explicit CaromBarrier(int parties) : barrier_(parties) {}
  void wait() { barrier_.arrive_and_wait(); }

 private:
  carom::Barrier barrier_;
};

}  // namespace bench
