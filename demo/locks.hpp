// The locks the workload runs on, all with one face: lock() says whether the previous owner died.
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <carom/lock.hpp>
#include <cerrno>
#include <cstddef>
#include <new>
#include <stdexcept>
#include <system_error>

namespace demo {

enum class Told { clean, owner_died };

class CaromLock {
 public:
  Told lock() {
    const carom::Acquisition outcome = lock_.acquire();
    if (!outcome) throw std::runtime_error("carom::Lock refuses to be acquired");
    return outcome.owner_died() ? Told::owner_died : Told::clean;
  }
  void unlock() { lock_.unlock(); }

  /// The process that has it, for the saboteur; 0 if none. Of the locks here only carom's can say.
  int owner_pid() const {
    const auto owner = lock_.owner();
    return owner ? static_cast<int>(owner->pid) : 0;
  }

 private:
  carom::Lock lock_;
};

inline void check(int error, const char* call) {
  if (error != 0) throw std::system_error(error, std::generic_category(), call);
}

template <int robustness>
class PthreadLock {
 public:
  PthreadLock() {
    pthread_mutexattr_t attributes;
    check(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    check(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "pthread_mutexattr_setpshared");
    check(pthread_mutexattr_setrobust(&attributes, robustness), "pthread_mutexattr_setrobust");
    check(pthread_mutex_init(&mutex_, &attributes), "pthread_mutex_init");
    pthread_mutexattr_destroy(&attributes);
  }
  Told lock() {
    const int error = pthread_mutex_lock(&mutex_);
    if (error == EOWNERDEAD) {
      check(pthread_mutex_consistent(&mutex_), "pthread_mutex_consistent");
      return Told::owner_died;
    }
    check(error, "pthread_mutex_lock");
    return Told::clean;
  }
  void unlock() { check(pthread_mutex_unlock(&mutex_), "pthread_mutex_unlock"); }

 private:
  pthread_mutex_t mutex_;
};

using PlainPthreadLock = PthreadLock<PTHREAD_MUTEX_STALLED>;
using RobustPthreadLock = PthreadLock<PTHREAD_MUTEX_ROBUST>;

class SemaphoreLock {
 public:
  SemaphoreLock() { check(sem_init(&semaphore_, 1, 1) == 0 ? 0 : errno, "sem_init"); }
  Told lock() {
    while (sem_wait(&semaphore_) != 0) {
      if (errno != EINTR) check(errno, "sem_wait");
    }
    return Told::clean;
  }
  void unlock() { check(sem_post(&semaphore_) == 0 ? 0 : errno, "sem_post"); }

 private:
  sem_t semaphore_;
};

class BoostLock {
 public:
  BoostLock() { ::new (place_) Mutex; }
  Told lock() {
    mutex().lock();
    return Told::clean;
  }
  void unlock() { mutex().unlock(); }

 private:
  using Mutex = boost::interprocess::interprocess_mutex;

  Mutex& mutex() { return *std::launder(reinterpret_cast<Mutex*>(place_)); }

  alignas(Mutex) std::byte place_[sizeof(Mutex)];  // never destroyed, as all that lives in shared memory
};

}  // namespace demo
