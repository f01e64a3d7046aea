// POSIX threads, every object shared between processes.
#pragma once

#include <pthread.h>

#include <cerrno>
#include <cstdint>
#include <mutex>

#include "common.hpp"

namespace bench {

/// take() says whether the owner died; heal() declares that what it left is in order again.
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
  pthread_mutex_t* native() { return &mutex_; }
  void heal() { expect_zero(pthread_mutex_consistent(&mutex_), "pthread_mutex_consistent"); }

 private:
  pthread_mutex_t mutex_;
};

using PthreadShared = PthreadMutex<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED>;
using PthreadAdaptive = PthreadMutex<PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_MUTEX_STALLED>;
using PthreadPi = PthreadMutex<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT>;
using PthreadRobust = PthreadMutex<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST>;
using PthreadRecursiveRobust = PthreadMutex<PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST>;

class PthreadSharedLock {
 public:
  static constexpr const char* kName = "pthread rwlock";
  PthreadSharedLock() {
    pthread_rwlockattr_t attributes;
    expect_zero(pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init");
    expect_zero(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    expect_zero(pthread_rwlock_init(&lock_, &attributes), "pthread_rwlock_init");
    pthread_rwlockattr_destroy(&attributes);
  }
  void lock() { expect_zero(pthread_rwlock_wrlock(&lock_), "pthread_rwlock_wrlock"); }
  void lock_shared() { expect_zero(pthread_rwlock_rdlock(&lock_), "pthread_rwlock_rdlock"); }
  void unlock() { expect_zero(pthread_rwlock_unlock(&lock_), "pthread_rwlock_unlock"); }
  void unlock_shared() { unlock(); }

 private:
  pthread_rwlock_t lock_;
};

class PthreadWriter : public PthreadSharedLock {
 public:
  static constexpr const char* kName = "pthread rwlock, alone";
};

class PthreadReader {
 public:
  static constexpr const char* kName = "pthread rwlock, shared";
  void lock() { lock_.lock_shared(); }
  void unlock() { lock_.unlock_shared(); }

 private:
  PthreadSharedLock lock_;
};

class PthreadCondition {
 public:
  PthreadCondition() {
    pthread_condattr_t attributes;
    expect_zero(pthread_condattr_init(&attributes), "pthread_condattr_init");
    expect_zero(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    expect_zero(pthread_cond_init(&condition_, &attributes), "pthread_cond_init");
    pthread_condattr_destroy(&attributes);
  }
  void wait(PthreadShared& mutex) {
    expect_zero(pthread_cond_wait(&condition_, mutex.native()), "pthread_cond_wait");
  }
  void signal() { expect_zero(pthread_cond_signal(&condition_), "pthread_cond_signal"); }
  void broadcast() { expect_zero(pthread_cond_broadcast(&condition_), "pthread_cond_broadcast"); }

 private:
  pthread_cond_t condition_;
};

class PthreadSignal {
 public:
  static constexpr const char* kName = "pthread_cond_signal";
  void lock() { condition_.signal(); }
  void unlock() {}

 private:
  PthreadCondition condition_;
};

/// One way of a ping-pong.
class PthreadConditionSignal {
 public:
  static constexpr const char* kName = "pthread cond";
  void post() {
    const std::scoped_lock hold(mutex_);
    posted_ = true;
    condition_.signal();
  }
  void wait() {
    const std::scoped_lock hold(mutex_);
    while (!posted_) condition_.wait(mutex_);
    posted_ = false;
  }

 private:
  PthreadShared mutex_;
  PthreadCondition condition_;
  bool posted_ = false;
};

/// Many sleep until round `n` has been called.
class PthreadBroadcast {
 public:
  static constexpr const char* kName = "pthread_cond_broadcast";
  void wait(std::uint32_t round) {
    const std::scoped_lock hold(mutex_);
    while (round_ < round) condition_.wait(mutex_);
  }
  void prepare(std::uint32_t round) {
    const std::scoped_lock hold(mutex_);
    round_ = round;
  }
  void wake_all() { condition_.broadcast(); }
  void after() {}

 private:
  PthreadShared mutex_;
  PthreadCondition condition_;
  std::uint32_t round_ = 0;
};

class PthreadBarrier {
 public:
  static constexpr const char* kName = "pthread_barrier";
  explicit PthreadBarrier(int parties) {
    pthread_barrierattr_t attributes;
    expect_zero(pthread_barrierattr_init(&attributes), "pthread_barrierattr_init");
    expect_zero(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    expect_zero(pthread_barrier_init(&barrier_, &attributes, static_cast<unsigned>(parties)),
                "pthread_barrier_init");
    pthread_barrierattr_destroy(&attributes);
  }
  void wait() {
    const int error = pthread_barrier_wait(&barrier_);
    if (error != PTHREAD_BARRIER_SERIAL_THREAD) expect_zero(error, "pthread_barrier_wait");
  }

 private:
  pthread_barrier_t barrier_;
};

}  // namespace bench
