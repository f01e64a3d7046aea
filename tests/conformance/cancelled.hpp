// A thread that somebody has cancelled.
#pragma once

#include <pthread.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "support/plain.hpp"

namespace conformance {

/// Runs the body, in a program of its own, in a thread that has been cancelled already; 0 if it got to the
/// body's end and ended at the next cancellation point.
inline int run_cancelled(const std::function<void()>& body) {
  support::Forked program([&body] {
    bool through = false;
    bool beyond = false;
    std::thread thread([&] {
      pthread_cancel(pthread_self());
      body();
      through = true;
      pthread_testcancel();
      beyond = true;
    });
    thread.join();
    _exit(through && !beyond ? 0 : 1);
  });
  return program.wait();
}

}  // namespace conformance
