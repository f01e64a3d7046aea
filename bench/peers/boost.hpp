// Boost.Interprocess.
#pragma once

#include <unistd.h>

#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_recursive_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>
#include <boost/interprocess/sync/named_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#include <string>

#include "common.hpp"

namespace bench {

class BoostMutex {
 public:
  static constexpr const char* kName = "Boost interprocess_mutex";
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  boost::interprocess::interprocess_mutex mutex_;
};

class BoostRecursive {
 public:
  static constexpr const char* kName = "Boost recursive_mutex";
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  boost::interprocess::interprocess_recursive_mutex mutex_;
};

class BoostSharable {
 public:
  static constexpr const char* kName = "Boost sharable_mutex";
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  void lock_shared() { mutex_.lock_sharable(); }
  void unlock_shared() { mutex_.unlock_sharable(); }

 private:
  boost::interprocess::interprocess_sharable_mutex mutex_;
};

class BoostPermit {
 public:
  static constexpr const char* kName = "Boost semaphore";
  void lock() { semaphore_.wait(); }
  void unlock() { semaphore_.post(); }

 private:
  boost::interprocess::interprocess_semaphore semaphore_{1};
};

/// Without its name from the start, so that nothing stays behind.
class BoostNamed {
 public:
  static constexpr const char* kName = "Boost named_mutex";
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }
  BoostNamed() { boost::interprocess::named_mutex::remove(name().c_str()); }

 private:
  static std::string name() { return "carom-bench-" + std::to_string(getpid()); }
  boost::interprocess::named_mutex mutex_{boost::interprocess::create_only, name().c_str()};
};

/// One way of a ping-pong.
class BoostSemaphoreSignal {
 public:
  static constexpr const char* kName = "Boost semaphore";
  void post() { semaphore_.post(); }
  void wait() { semaphore_.wait(); }

 private:
  boost::interprocess::interprocess_semaphore semaphore_{0};
};

class BoostConditionSignal {
 public:
  static constexpr const char* kName = "Boost condition";
  void post() {
    const Hold hold(mutex_);
    posted_ = true;
    condition_.notify_one();
  }
  void wait() {
    Hold hold(mutex_);
    while (!posted_) condition_.wait(hold);
    posted_ = false;
  }

 private:
  using Hold = boost::interprocess::scoped_lock<boost::interprocess::interprocess_mutex>;
  boost::interprocess::interprocess_mutex mutex_;
  boost::interprocess::interprocess_condition condition_;
  bool posted_ = false;
};

}  // namespace bench
