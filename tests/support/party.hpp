// The parties of a test: the same body runs as a forked process or as a thread. A party runs its body, then
// stays as it is, holding what it holds, until the test lets it die or go.
#pragma once

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "support/plain.hpp"

namespace support {

/// What a party and its test tell each other.
struct PartyNews {
  std::atomic<pid_t> pid{0};
  std::atomic<pid_t> tid{0};
  std::atomic<int> result{0};
  std::atomic<bool> done{false};
  std::atomic<bool> may_go{false};
};

inline constexpr int kThrew = -1000;  ///< the result of a body that ended with an exception
inline constexpr int kDied = -2000;   ///< of a party that died before its body had run

class Party {
 public:
  pid_t pid() const { return (*news_)->pid; }
  pid_t tid() const { return (*news_)->tid; }
  bool done() const { return (*news_)->done; }

  /// Whether it sleeps in the kernel. Meaningful while its body runs.
  bool sleeps() const { return !done() && tid() != 0 && support::sleeps(tid()); }

  /// Signals this very thread or process.
  void signal(int number) const { syscall(SYS_tgkill, pid(), tid(), number); }

 protected:
  template <class Body>
  static std::function<int()> wrap(Body body) {
    if constexpr (std::is_void_v<std::invoke_result_t<Body&>>) {
      return [body]() mutable {
        body();
        return 0;
      };
    } else {
      return [body]() mutable { return static_cast<int>(body()); };
    }
  }

  static void run(const std::function<int()>& body, PartyNews& news, const std::string& name) {
    if (!name.empty()) prctl(PR_SET_NAME, name.c_str());
    news.pid = getpid();
    news.tid = static_cast<pid_t>(syscall(SYS_gettid));
    try {
      news.result = body();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "a party ended with: %s\n", e.what());
      news.result = kThrew;
    }
    news.done = true;
    wait_until([&] { return news.may_go.load(); });
  }

  void may_go() const { (*news_)->may_go = true; }
  PartyNews& news() const { return **news_; }

 private:
  std::unique_ptr<Plain<PartyNews>> news_ = std::make_unique<Plain<PartyNews>>();
};

/// A party that is a process of its own. Dies by SIGKILL.
class ProcessParty : public Party {
 public:
  static constexpr const char* kKind = "processes";
  static constexpr bool kIsThread = false;

  template <class Body>
  explicit ProcessParty(Body body, const std::string& name = {})
      : child_([this, run_body = wrap(body), name] { run(run_body, news(), name); }) {}

  /// Waits until its body has run, or it died of it.
  void wait_until_done() const {
    wait_until([this] { return done() || has_died(); });
  }

  /// What its body returned.
  int result() const {
    wait_until_done();
    return done() ? news().result.load() : kDied;
  }

  /// Ends where it stands.
  void die() { child_.kill(); }

  /// Ends in good order once its body has run.
  int leave() {
    const int outcome = result();
    may_go();
    child_.wait();
    return outcome;
  }

 private:
  bool has_died() const {
    siginfo_t about{};
    return child_.pid() <= 0 ||
           (waitid(P_PID, static_cast<id_t>(child_.pid()), &about, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            about.si_pid != 0);
  }

  Forked child_;
};

/// A party that is a thread of this process. Dies by ending with whatever it holds.
class ThreadParty : public Party {
 public:
  static constexpr const char* kKind = "threads";
  static constexpr bool kIsThread = true;

  template <class Body>
  explicit ThreadParty(Body body, const std::string& name = {})
      : thread_([at = &news(), run_body = wrap(body), name] { run(run_body, *at, name); }) {}
  ThreadParty(ThreadParty&&) = default;
  ~ThreadParty() {
    if (thread_.joinable()) die();
  }

  void wait_until_done() const {
    wait_until([this] { return done(); });
  }

  int result() const {
    wait_until_done();
    return news().result;
  }

  void die() {
    may_go();
    thread_.join();
  }

  int leave() {
    const int outcome = result();
    die();
    return outcome;
  }

 private:
  std::thread thread_;
};

}  // namespace support
