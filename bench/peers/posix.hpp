// POSIX semaphores: what Python's multiprocessing is made of.
#pragma once

#include <semaphore.h>

#include <cerrno>

#include "common.hpp"

namespace bench {

template <unsigned kValue>
class SharedSemaphore {
 public:
  static constexpr const char* kName = "sem_t shared";
  SharedSemaphore() { expect_zero(sem_init(&semaphore_, 1, kValue), "sem_init"); }
  void wait() {
    while (sem_wait(&semaphore_) != 0) {
      if (errno != EINTR) unexpected("sem_wait", errno);
    }
  }
  void post() { expect_zero(sem_post(&semaphore_), "sem_post"); }
  void lock() { wait(); }
  void unlock() { post(); }

 private:
  sem_t semaphore_;
};

using Semaphore = SharedSemaphore<1>;
using SemaphoreSignal = SharedSemaphore<0>;

}  // namespace bench
