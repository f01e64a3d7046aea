// Processes in namespaces of their own, with the rights of root or without.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "support/plain.hpp"

namespace support {

/// Enters new namespaces; where that takes root, a user namespace gives the rights.
inline bool enter_namespaces(int kinds) {
  return unshare(kinds) == 0 || unshare(kinds | CLONE_NEWUSER) == 0;
}

inline bool can_enter_namespaces(int kinds) {
  Forked trial([kinds] { _exit(enter_namespaces(kinds) ? 0 : 1); });
  return trial.wait() == 0;
}

/// A process that is pid 1 of a new pid namespace.
class FirstProcess {
 public:
  explicit FirstProcess(const std::function<void()>& body)
      : outside_([this, &body] {
          if (!enter_namespaces(CLONE_NEWPID)) abort();
          Forked first(body);
          *pid_ = first.pid();
          _exit(first.wait() == 0 ? 0 : 101);
        }) {}

  FirstProcess(const FirstProcess&) = delete;
  FirstProcess& operator=(const FirstProcess&) = delete;
  ~FirstProcess() {
    if (!waited_) kill();
  }

  /// Kills it and waits until it is gone for everybody.
  void kill() {
    wait_until([this] { return *pid_ != 0; });
    ::kill(*pid_, SIGKILL);
    wait();
  }

  /// 0 if it ended well.
  int wait() {
    waited_ = true;
    return outside_.wait();
  }

 private:
  Plain<std::atomic<pid_t>> pid_;
  Forked outside_;
  bool waited_ = false;
};

}  // namespace support
