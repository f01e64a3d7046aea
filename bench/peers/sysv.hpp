// System V semaphores; with SEM_UNDO the kernel gives back what a dead process took.
#pragma once

#include <sys/ipc.h>
#include <sys/sem.h>

#include <cerrno>

#include "common.hpp"

namespace bench {

template <short kFlags>
class SysvSemaphore {
 public:
  static constexpr const char* kName = kFlags == SEM_UNDO ? "SysV semop, SEM_UNDO" : "SysV semop";
  SysvSemaphore() {
    if (id_ < 0) unexpected("semget", errno);
    unlock();
  }
  SysvSemaphore(const SysvSemaphore&) = delete;
  SysvSemaphore& operator=(const SysvSemaphore&) = delete;
  ~SysvSemaphore() { semctl(id_, 0, IPC_RMID); }
  void lock() { add(-1); }
  void unlock() { add(1); }

 private:
  void add(short permits) {
    sembuf change{0, permits, kFlags};
    while (semop(id_, &change, 1) != 0) {
      if (errno != EINTR) unexpected("semop", errno);
    }
  }
  int id_ = semget(IPC_PRIVATE, 1, 0600);
};

using Sysv = SysvSemaphore<0>;
using SysvUndo = SysvSemaphore<SEM_UNDO>;

}  // namespace bench
