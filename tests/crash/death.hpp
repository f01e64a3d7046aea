// A process that is killed at a step of a DEATH table.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <functional>

#include "carom/detail/step.hpp"
#include "support/plain.hpp"

namespace crash {

inline const char* fatal_step = "";

inline void die_there(const char* name) noexcept {
  if (std::strcmp(name, fatal_step) == 0) raise(SIGKILL);
}

/// Runs `body` in a process that is killed at the step `name`, and waits until it is.
class DiesAt {
 public:
  DiesAt(const char* name, const std::function<void()>& body)
      : child_([=] {
          fatal_step = name;
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

}  // namespace crash
