#include "endings/play.hpp"

#include <unistd.h>

#include <chrono>
#include <utility>

namespace endings {

const char* to_string(Role role) {
  const char* const names[] = {"holding", "waiting", "woken", "inside"};
  return names[static_cast<int>(role)];
}

const char* to_string(Verdict verdict) {
  const char* const names[] = {"fine", "HUNG", "LOST", "DOUBLED"};
  return names[static_cast<int>(verdict)];
}

void breathe() {
  usleep(50);
}

void wait_for(const std::atomic<bool>& flag) {
  while (!flag) breathe();
}

bool comes_true(const std::function<bool()>& condition, std::chrono::seconds bound) {
  const auto until = std::chrono::steady_clock::now() + bound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    usleep(100);
  }
  return true;
}

std::vector<Play> all_plays() {
  std::vector<Play> all;
  for (const auto& plays :
       {guard_plays, semaphore_plays, event_plays, condition_plays, barrier_plays, latch_plays}) {
    for (Play& play : plays()) all.push_back(std::move(play));
  }
  return all;
}

}  // namespace endings
