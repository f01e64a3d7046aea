// Three waiters, and a setter that lets them go.
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "carom/carom.hpp"

using namespace std::chrono_literals;

constexpr int kWaiters = 3;

void waiter(carom::Event& event, int worker_id) {
  std::printf("Waiter %d: waiting for event...\n", worker_id);

  if (event.wait(5s)) {
    std::printf("Waiter %d: event received!\n", worker_id);
  } else {
    std::printf("Waiter %d: timeout waiting for event\n", worker_id);
  }
}

void setter(carom::Event& event, std::chrono::duration<double> delay) {
  std::printf("Setter: waiting %.2f seconds before setting event\n", delay.count());
  std::this_thread::sleep_for(delay);

  std::printf("Setter: setting event\n");
  event.set();
}

void event_coordination_example() {
  carom::Shared<carom::Event> event;

  std::vector<carom::Process> waiters;
  waiters.reserve(kWaiters);
  for (int i = 0; i < kWaiters; ++i) {
    waiters.emplace_back([i, &event] { waiter(*event, i); });
  }

  std::random_device random;
  const std::chrono::duration<double> delay(std::uniform_real_distribution(0.1, 0.3)(random));
  carom::Process setter_process([delay, &event] { setter(*event, delay); });

  setter_process.join();
  for (carom::Process& process : waiters) process.join();

  std::printf("Event is set: %s\n", event->is_set() ? "true" : "false");

  event->clear();
  std::printf("Event after clear: %s\n", event->is_set() ? "true" : "false");
}

int main() {
  event_coordination_example();
}
