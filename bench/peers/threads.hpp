// Locks that know only the threads of one process: no peers, but what a program pays that needs no more.
#pragma once

#include <mutex>

#ifdef CAROM_BENCH_NSYNC
#include <nsync.h>
#endif
#ifdef CAROM_BENCH_ABSL
#include <absl/synchronization/mutex.h>
#endif

namespace bench {

class StdMutex {
 public:
  static constexpr const char* kName = "std::mutex (threads only)";
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

#ifdef CAROM_BENCH_NSYNC
class NsyncMutex {
 public:
  static constexpr const char* kName = "nsync_mu (threads only)";
  void lock() { nsync::nsync_mu_lock(&mutex_); }
  void unlock() { nsync::nsync_mu_unlock(&mutex_); }

 private:
  nsync::nsync_mu mutex_ = NSYNC_MU_INIT;
};
#endif

#ifdef CAROM_BENCH_ABSL
class AbslMutex {
 public:
  static constexpr const char* kName = "absl::Mutex (threads only)";
  void lock() { mutex_.Lock(); }
  void unlock() { mutex_.Unlock(); }

 private:
  absl::Mutex mutex_;
};
#endif

}  // namespace bench
