// Processes that are killed, or halted, at a step of a DEATH table.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>

#include "carom/detail/step.hpp"
#include "memory/waiting.hpp"
#include "support/plain.hpp"

namespace crash {

inline const char* fatal_step = "";

/// One that is to be woken at a step is woken by what the test does, and not, on a busy machine, by the re-check.
inline void set_step(const char* name) {
  fatal_step = name;
  if (std::strcmp(name, "woken") == 0) carom::memory::Waiting::set_recheck(std::chrono::hours(1));
}

inline void die_there(const char* name) noexcept {
  if (std::strcmp(name, fatal_step) == 0) raise(SIGKILL);
}

/// Runs `body` in a process that is killed at the step `name`, and waits until it is.
class DiesAt {
 public:
  DiesAt(const char* name, const std::function<void()>& body)
      : child_([=] {
          set_step(name);
          carom::detail::at_step = die_there;
          body();
        }) {}
  void wait() { ASSERT_EQ(child_.wait(), -SIGKILL) << "the step was never reached"; }
  pid_t pid() const { return child_.pid(); }
  bool sleeps() const { return support::sleeps(child_.pid()); }

 private:
  support::Forked child_;
};

inline void dies_at(const char* name, const std::function<void()>& body) {
  DiesAt(name, body).wait();
}

struct Halt {
  std::atomic<bool> there{false};
  std::atomic<bool> over{false};
};
inline Halt* halt = nullptr;

inline void halt_there(const char* name) noexcept {
  if (std::strcmp(name, fatal_step) != 0 || halt->over) return;
  halt->there = true;
  support::wait_until([] { return halt->over.load(); });
}

/// Runs `body` in a process that halts when it first comes to the step `name`, until it is let go or killed.
class HaltsAt {
 public:
  HaltsAt(const char* name, const std::function<void()>& body)
      : child_([this, name, body] {
          set_step(name);
          halt = &*halt_;
          carom::detail::at_step = halt_there;
          body();
        }) {}
  bool sleeps() const { return !halt_->there && support::sleeps(child_.pid()); }
  void wait_until_there() const {
    support::wait_until([this] { return halt_->there.load(); });
  }
  void kill() { child_.kill(); }
  void let_go() { halt_->over = true; }
  int wait() { return child_.wait(); }

 private:
  support::Plain<Halt> halt_;
  support::Forked child_;
};

}  // namespace crash
