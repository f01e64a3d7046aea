// Adapters for what wakes others: each with send() and await() for two sides that take turns, or announce() and await()
// for one that wakes many. A message that was sent is received once.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>

#include "peers.hpp"

namespace bench {

inline void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected) {
  syscall(SYS_futex, &word, FUTEX_WAIT, expected, nullptr, nullptr, 0);
}
inline void futex_wake(std::atomic<std::uint32_t>& word, int count) {
  syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

/// The floor: one exchange and one system call for each message sent, the same for each one awaited asleep.
class FutexMail {
 public:
  static constexpr const char* kName = "raw futex";
  void send(std::size_t to) {
    full_[to].store(1, std::memory_order_release);
    futex_wake(full_[to], 1);
  }
  void await(std::size_t at) {
    while (full_[at].exchange(0, std::memory_order_acquire) == 0) futex_wait(full_[at], 0);
  }

 private:
  std::array<std::atomic<std::uint32_t>, 2> full_{};
};

class CaromEventMail {
 public:
  static constexpr const char* kName = "carom Event";
  void send(std::size_t to) { events_[to].set(); }
  void await(std::size_t at) {
    events_[at].wait();
    events_[at].clear();
  }

 private:
  std::array<carom::Event, 2> events_;
};

class CaromSemaphoreMail {
 public:
  static constexpr const char* kName = "carom Semaphore";
  void send(std::size_t to) { expect_released(mail_[to].release(), "carom release"); }
  void await(std::size_t at) { expect_acquired(mail_[at].acquire(), "carom acquire"); }

 private:
  std::array<carom::Semaphore, 2> mail_{carom::Semaphore(0), carom::Semaphore(0)};
};

class CaromConditionMail {
 public:
  static constexpr const char* kName = "carom Condition";
  void send(std::size_t to) {
    lock_.lock();
    full_[to] = true;
    lock_.unlock();
    arrived_[to].notify();
  }
  void await(std::size_t at) {
    lock_.lock();
    while (!full_[at]) static_cast<void>(arrived_[at].wait(lock_));
    full_[at] = false;
    lock_.unlock();
  }

 private:
  carom::Lock lock_;
  std::array<carom::Condition, 2> arrived_;
  std::array<bool, 2> full_{};
};

class SemaphoreMail {
 public:
  static constexpr const char* kName = "sem_t shared";
  SemaphoreMail() {
    for (sem_t& mail : mail_) expect_zero(sem_init(&mail, 1, 0), "sem_init");
  }
  void send(std::size_t to) { expect_zero(sem_post(&mail_[to]), "sem_post"); }
  void await(std::size_t at) {
    while (sem_wait(&mail_[at]) != 0) {
    }
  }

 private:
  std::array<sem_t, 2> mail_;
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
  pthread_cond_t* operator&() { return &condition_; }

 private:
  pthread_cond_t condition_;
};

class PthreadConditionMail {
 public:
  static constexpr const char* kName = "pthread_cond";
  PthreadConditionMail() {
    pthread_mutexattr_t attributes;
    expect_zero(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
    expect_zero(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "setpshared");
    expect_zero(pthread_mutex_init(&mutex_, &attributes), "pthread_mutex_init");
    pthread_mutexattr_destroy(&attributes);
  }
  void send(std::size_t to) {
    pthread_mutex_lock(&mutex_);
    full_[to] = true;
    pthread_mutex_unlock(&mutex_);
    pthread_cond_signal(&arrived_[to]);
  }
  void await(std::size_t at) {
    pthread_mutex_lock(&mutex_);
    while (!full_[at]) pthread_cond_wait(&arrived_[at], &mutex_);
    full_[at] = false;
    pthread_mutex_unlock(&mutex_);
  }

  // One that wakes many.
  void announce(std::uint64_t round) {
    pthread_mutex_lock(&mutex_);
    round_ = round;
    pthread_mutex_unlock(&mutex_);
    pthread_cond_broadcast(&arrived_[0]);
  }
  void await_round(std::uint64_t round) {
    pthread_mutex_lock(&mutex_);
    while (round_ < round) pthread_cond_wait(&arrived_[0], &mutex_);
    pthread_mutex_unlock(&mutex_);
  }

 private:
  pthread_mutex_t mutex_;
  std::array<PthreadCondition, 2> arrived_;
  std::array<bool, 2> full_{};
  std::uint64_t round_ = 0;
};

class BoostSemaphoreMail {
 public:
  static constexpr const char* kName = "Boost semaphore";
  void send(std::size_t to) { (to == 0 ? first_ : second_).post(); }
  void await(std::size_t at) { (at == 0 ? first_ : second_).wait(); }

 private:
  boost::interprocess::interprocess_semaphore first_{0};
  boost::interprocess::interprocess_semaphore second_{0};
};

class BoostConditionMail {
 public:
  static constexpr const char* kName = "Boost condition";
  void send(std::size_t to) {
    {
      const Hold hold(mutex_);
      full_[to] = true;
    }
    arrived_[to].notify_one();
  }
  void await(std::size_t at) {
    Hold hold(mutex_);
    while (!full_[at]) arrived_[at].wait(hold);
    full_[at] = false;
  }

 private:
  using Hold = boost::interprocess::scoped_lock<boost::interprocess::interprocess_mutex>;
  boost::interprocess::interprocess_mutex mutex_;
  std::array<boost::interprocess::interprocess_condition, 2> arrived_;
  std::array<bool, 2> full_{};
};

// One that wakes many.

class FutexCall {
 public:
  static constexpr const char* kName = "raw futex";
  void announce(std::uint64_t round) {
    round_.store(static_cast<std::uint32_t>(round), std::memory_order_release);
    futex_wake(round_, INT_MAX);
  }
  void await_round(std::uint64_t round) {
    for (std::uint32_t seen = round_; seen < round; seen = round_) futex_wait(round_, seen);
  }

 private:
  std::atomic<std::uint32_t> round_{0};
};

/// Set and cleared at once: that releases whoever sleeps.
class CaromEventCall {
 public:
  static constexpr const char* kName = "carom Event.set";
  void announce(std::uint64_t) {
    event_.set();
    event_.clear();
  }
  void await_round(std::uint64_t) { event_.wait(); }

 private:
  carom::Event event_;
};

class CaromConditionCall {
 public:
  static constexpr const char* kName = "carom Condition.notify_all";
  void announce(std::uint64_t round) {
    lock_.lock();
    round_ = round;
    lock_.unlock();
    changed_.notify_all();
  }
  void await_round(std::uint64_t round) {
    lock_.lock();
    while (round_ < round) static_cast<void>(changed_.wait(lock_));
    lock_.unlock();
  }

 private:
  carom::Lock lock_;
  carom::Condition changed_;
  std::uint64_t round_ = 0;
};

}  // namespace bench
