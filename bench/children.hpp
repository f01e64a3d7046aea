// Forked children, memory they share with the program, and the clock all of them read.
#pragma once

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "peers/common.hpp"

namespace bench {

inline std::int64_t now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

inline void sleep_ns(std::int64_t ns) {
  timespec left{ns / 1'000'000'000, ns % 1'000'000'000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

/// Thrown at the next turn after SIGINT or SIGTERM, so that children, names and System V sets go as at any other end.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};
inline volatile std::sig_atomic_t interrupted = 0;

inline void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // a second one ends it at once
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}
inline void throw_if_interrupted() {
  if (interrupted != 0) throw Interrupted();
}

/// One T that this process and its forked children share; zeros before its constructor runs.
template <class T>
class SharedPage {
 public:
  SharedPage() {
    void* const at = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) unexpected("mmap", errno);
    at_ = new (at) T();
  }
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;
  ~SharedPage() { munmap(at_, sizeof(T)); }
  T* operator->() const { return at_; }
  T& operator*() const { return *at_; }

 private:
  T* at_;
};

/// A signal between processes that has nothing to do with what is measured.
class Gate {
 public:
  Gate() { expect_zero(sem_init(&semaphore_, 1, 0), "sem_init"); }
  void open() { sem_post(&semaphore_); }
  void pass() {
    while (sem_wait(&semaphore_) != 0) {
    }
  }
  /// False if it does not open in time.
  bool pass_within(std::int64_t ns) {
    const std::int64_t until = now_ns() + ns;
    const timespec deadline{until / 1'000'000'000, until % 1'000'000'000};
    while (sem_clockwait(&semaphore_, CLOCK_MONOTONIC, &deadline) != 0) {
      if (errno == ETIMEDOUT) return false;
    }
    return true;
  }

 private:
  sem_t semaphore_;
};

/// Has the kernel kill the calling child when the program ends, however it ends.
inline void die_with_parent() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/// A forked child that runs `body`; killed, if need be, and reaped with this object.
class Child {
 public:
  template <class Body>
  explicit Child(const Body& body) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) unexpected("fork", errno);
    if (pid_ > 0) return;
    std::signal(SIGINT, SIG_IGN);  // the parent sees to it
    std::signal(SIGTERM, SIG_DFL);
    die_with_parent();
    if (getppid() != parent) _exit(0);
    try {
      body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "carom-bench: in a child: %s\n", error.what());
      _exit(1);
    }
    _exit(0);
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  pid_t pid() const { return pid_; }

  /// Waits for its end. Throws Interrupted. False if it ended otherwise than by exit code 0, or has not ended in time.
  bool ends_well_within(std::int64_t ns) {
    for (const std::int64_t until = now_ns() + ns; now_ns() < until; sleep_ns(200'000)) {
      throw_if_interrupted();
      int status = 0;
      const pid_t ended = waitpid(pid_, &status, WNOHANG);
      if (ended != pid_) continue;
      pid_ = -1;
      return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    return false;
  }

  /// Whether it sleeps in the kernel at this moment.
  bool sleeps() const {
    char text[512] = "";
    std::FILE* const file = std::fopen(("/proc/" + std::to_string(pid_) + "/stat").c_str(), "re");
    if (file == nullptr) return false;
    const bool read = std::fgets(text, sizeof text, file) != nullptr;
    std::fclose(file);
    const char* const after_name = read ? std::strrchr(text, ')') : nullptr;
    return after_name != nullptr && std::strncmp(after_name, ") S", 3) == 0;
  }

 private:
  pid_t pid_ = -1;
};

/// Keeps the calling process on one processor.
inline void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) unexpected("sched_setaffinity", errno);
}

/// The same until the end of the scope.
class Pinned {
 public:
  explicit Pinned(int cpu) {
    if (sched_getaffinity(0, sizeof before_, &before_) != 0) unexpected("sched_getaffinity", errno);
    pin_to(cpu);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  ~Pinned() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_{};
};

constexpr std::int64_t kPatienceNs = 20'000'000'000;

/// Runs body(0) to body(count - 1) in processes of their own until all have ended.
template <class Body>
void run_together(int count, const Body& body) {
  std::vector<Child> children;
  children.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) children.emplace_back([&] { body(i); });
  for (Child& child : children) {
    if (!child.ends_well_within(kPatienceNs)) unexpected("a child");
  }
}

/// What `measure` returns in a process of its own: what this process learns by doing, later children would inherit.
template <class Measure>
double in_child(const Measure& measure) {
  const SharedPage<double> result;
  run_together(1, [&](int) { *result = measure(); });
  return *result;
}

}  // namespace bench
