// Workers that queue for a FifoLock, and are served in the order in which they came.
#include "carom/fifo_lock.hpp"

#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "carom/carom.hpp"

using namespace std::chrono_literals;

constexpr int kWorkers = 3;

void worker(int worker_id, carom::FifoLock& lock) {
  std::scoped_lock hold(lock);
  std::printf("Worker %d is served\n", worker_id);
  std::fflush(stdout);  // before the next one is served
}

int main() {
  carom::Shared<carom::FifoLock> lock;
  std::vector<carom::Process> workers;
  {
    std::scoped_lock closed(*lock);
    for (int i = 0; i < kWorkers; ++i) {
      workers.emplace_back([i, &lock] { worker(i, *lock); });
      while (lock->waiters() != workers.size()) std::this_thread::sleep_for(1ms);
    }
    std::printf("%zu are waiting\n", lock->waiters());
    std::fflush(stdout);
  }
  for (carom::Process& process : workers) process.join();
}
