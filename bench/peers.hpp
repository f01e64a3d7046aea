// One small adapter for each contestant: name, lock() and unlock(), or what stands for them, inlined into the loop that
// times them.
// Each checks what a careful caller has to check, as one branch that is never taken. The robust ones also
// have what recovery needs: take(), which says whether the owner died, and heal(), which declares that what
// it left is in order again.
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include <atomic>
#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_recursive_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <carom/carom.hpp>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <mutex>
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

/// What a carom id is to the floor: known to the thread, and read at each acquire as by any function that
/// is handed nothing but the lock.
inline constinit thread_local std::uint32_t bare_id = 2;

/// The floor: the least that a lock whose word says who owns it can do. Knows no sleep, so never contended.
class Bare {
 public:
  static constexpr const char* kName = "bare CAS + exchange";
  void lock() {
    std::uint32_t expected = 0;
    if (!word_.compare_exchange_strong(expected, bare_id, std::memory_order_acquire,
                                       std::memory_order_relaxed)) [[unlikely]] {
      unexpected("bare lock");
    }
  }
  void unlock() {
    if ((word_.exchange(0, std::memory_order_release) & kContended) != 0) [[unlikely]]
      unexpected("bare unlock");
  }

 private:
  static constexpr std::uint32_t kContended = 1u << 31;
  std::atomic<std::uint32_t> word_{0};
};

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

class CaromRLock {
 public:
  static constexpr const char* kName = "carom RLock";
  void lock() { lock_.lock(); }
  void unlock() { lock_.unlock(); }

 private:
  carom::RLock lock_;
};

class StdMutex {
 public:
  static constexpr const char* kName = "std::mutex (threads only)";
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

template <int kType, int kRobust, int kProtocol = PTHREAD_PRIO_NONE>
class PthreadMutex {
 public:
  static constexpr const char* kName = kProtocol == PTHREAD_PRIO_INHERIT    ? "pthread PI"
                                       : kType == PTHREAD_MUTEX_RECURSIVE   ? "pthread recursive robust"
                                       : kType == PTHREAD_MUTEX_ADAPTIVE_NP ? "pthread adaptive"
                                       : kRobust == PTHREAD_MUTEX_ROBUST    ? "pthread robust"
                                                                            : "pthread shared";
  PthreadMutex() {
    pthread_mutexattr_t attributes;
    expect_zero(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    expect_zero(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    expect_zero(pthread_mutexattr_settype(&attributes, kType), "settype");
    expect_zero(pthread_mutexattr_setrobust(&attributes, kRobust), "setrobust");
    expect_zero(pthread_mutexattr_setprotocol(&attributes, kProtocol), "setprotocol");
    expect_zero(pthread_mutex_init(&mutex_, &attributes), "pthread_mutex_init");
    pthread_mutexattr_destroy(&attributes);
  }
  void lock() { expect_zero(pthread_mutex_lock(&mutex_), "pthread_mutex_lock"); }
  void unlock() { expect_zero(pthread_mutex_unlock(&mutex_), "pthread_mutex_unlock"); }
  bool take() {
    const int error = pthread_mutex_lock(&mutex_);
    if (error != EOWNERDEAD) expect_zero(error, "pthread_mutex_lock");
    return error == EOWNERDEAD;
  }
  void heal() { expect_zero(pthread_mutex_consistent(&mutex_), "pthread_mutex_consistent"); }

 private:
  pthread_mutex_t mutex_;
};

using PthreadShared = PthreadMutex<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED>;
using PthreadAdaptive = PthreadMutex<PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_MUTEX_STALLED>;
using PthreadRobust = PthreadMutex<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST>;
using PthreadPi = PthreadMutex<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT>;
using PthreadRecursiveRobust = PthreadMutex<PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST>;

class BoostMutex {
 public:
  static constexpr const char* kName = "Boost mutex";
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  boost::interprocess::interprocess_mutex mutex_;
};

class BoostRecursive {
 public:
  static constexpr const char* kName = "Boost recursive mutex";
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  boost::interprocess::interprocess_recursive_mutex mutex_;
};

class BoostSemaphore {
 public:
  static constexpr const char* kName = "Boost semaphore";
  void lock() { semaphore_.wait(); }
  void unlock() { semaphore_.post(); }

 private:
  boost::interprocess::interprocess_semaphore semaphore_{1};
};

class Semaphore {
 public:
  static constexpr const char* kName = "sem_t shared";
  Semaphore() { expect_zero(sem_init(&semaphore_, 1, 1), "sem_init"); }
  void lock() {
    while (sem_wait(&semaphore_) != 0) {
      if (errno != EINTR) unexpected("sem_wait", errno);
    }
  }
  void unlock() { expect_zero(sem_post(&semaphore_), "sem_post"); }

 private:
  sem_t semaphore_;
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

template <bool kAlone>
class PthreadRw {
 public:
  static constexpr const char* kName = kAlone ? "pthread rwlock, alone" : "pthread rwlock, shared";
  PthreadRw() {
    pthread_rwlockattr_t attributes;
    expect_zero(pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init");
    expect_zero(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    expect_zero(pthread_rwlock_init(&lock_, &attributes), "pthread_rwlock_init");
    pthread_rwlockattr_destroy(&attributes);
  }
  void lock() {
    expect_zero(kAlone ? pthread_rwlock_wrlock(&lock_) : pthread_rwlock_rdlock(&lock_),
                "pthread_rwlock_lock");
  }
  void unlock() { expect_zero(pthread_rwlock_unlock(&lock_), "pthread_rwlock_unlock"); }

 private:
  pthread_rwlock_t lock_;
};
using PthreadWriter = PthreadRw<true>;
using PthreadReader = PthreadRw<false>;

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

/// The floor of is_set().
class OneLoad {
 public:
  static constexpr const char* kName = "one atomic load";
  void lock() {
    if (word_.load(std::memory_order_acquire) != 0) [[unlikely]]
      unexpected("one load");
  }
  void unlock() {}

 private:
  std::atomic<std::uint32_t> word_{0};
};

class CaromNotify {
 public:
  static constexpr const char* kName = "carom Condition.notify";
  void lock() { condition_.notify(); }
  void unlock() {}

 private:
  carom::Condition condition_;
};

class PthreadSignal {
 public:
  static constexpr const char* kName = "pthread_cond_signal";
  PthreadSignal() {
    pthread_condattr_t attributes;
    expect_zero(pthread_condattr_init(&attributes), "pthread_condattr_init");
    expect_zero(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    expect_zero(pthread_cond_init(&condition_, &attributes), "pthread_cond_init");
    pthread_condattr_destroy(&attributes);
  }
  void lock() { expect_zero(pthread_cond_signal(&condition_), "pthread_cond_signal"); }
  void unlock() {}

 private:
  pthread_cond_t condition_;
};

/// On cache lines of its own, so that no contestant pays for a neighbour. Never destroyed: the memory goes as a whole.
template <class Peer>
class alignas(64) Placed {
 public:
  Placed() { new (bytes_) Peer; }
  Peer& peer() { return *std::launder(reinterpret_cast<Peer*>(bytes_)); }

 private:
  alignas(64) std::byte bytes_[sizeof(Peer)];
};

}  // namespace bench
