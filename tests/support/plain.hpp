// Shared memory and children for tests, made without carom: what judges must not lean on what is judged.
#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <utility>

namespace support {

/// One T that this process and its forked children share.
template <class T>
class Plain {
 public:
  Plain()
      : at_(new (mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) T()) {}
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;
  ~Plain() { munmap(at_, sizeof(T)); }
  T* operator->() const { return at_; }
  T& operator*() const { return *at_; }

 private:
  T* at_;
};

/// A forked child; killed and reaped with this object.
class Forked {
 public:
  explicit Forked(const std::function<void()>& body) : pid_(fork()) {
    if (pid_ < 0) std::abort();
    if (pid_ != 0) return;
    alarm(0);
    body();
    std::fflush(nullptr);
    _exit(0);
  }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;
  Forked(Forked&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}
  ~Forked() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }

  pid_t pid() const { return pid_; }
  bool dumped_core() const { return pid_ <= 0 && WCOREDUMP(status_); }
  /// Nothing once it has been waited for: -1 would be everybody.
  void signal(int number) const {
    if (pid_ > 0) ::kill(pid_, number);
  }

  /// Kills it and waits until it is gone for everybody.
  void kill() {
    signal(SIGKILL);
    wait();
  }

  /// Its exit code, or minus the signal that ended it.
  int wait() {
    if (pid_ > 0) {
      waitpid(pid_, &status_, 0);
      pid_ = -1;
    }
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
  }

 private:
  pid_t pid_;
  int status_ = 0;
};

/// Waits until it is true; the watchdog bounds it.
template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

/// Whether the thread (of any process) sleeps in the kernel.
inline bool sleeps(pid_t tid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/stat", tid);
  std::FILE* const file = std::fopen(path, "r");
  if (file == nullptr) return false;
  char line[512] = "";
  (void)!std::fgets(line, sizeof line, file);
  std::fclose(file);
  const char* after_name = nullptr;
  for (const char* c = line; *c != '\0'; ++c) {
    if (*c == ')') after_name = c;
  }
  return after_name != nullptr && after_name[1] == ' ' && after_name[2] == 'S';
}

/// A name for a segment that nobody else uses.
inline std::string unique_name(const std::string& what) {
  static int count = 0;
  return "test-" + what + "-" + std::to_string(getpid()) + "-" + std::to_string(count++);
}

}  // namespace support
