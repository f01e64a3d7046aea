// Eight workers share three resources behind a Semaphore; and a BoundedSemaphore that is released once too often.
#include <chrono>
#include <cstdio>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "carom/carom.hpp"

constexpr int kWorkers = 8;

struct Table {
  carom::Semaphore resources{3};
  carom::BoundedSemaphore bounded{2};
};

void worker_with_semaphore(int worker_id, carom::Semaphore& semaphore) {
  std::printf("Worker %d: requesting resource...\n", worker_id);
  {
    const std::scoped_lock hold(semaphore);  // comes back even if the worker is killed here
    std::printf("Worker %d: acquired resource\n", worker_id);
    std::random_device random;
    const std::chrono::duration<double> work_time(std::uniform_real_distribution(0.05, 0.2)(random));
    std::this_thread::sleep_for(work_time);
    std::printf("Worker %d: releasing resource after %.2fs\n", worker_id, work_time.count());
  }
  std::printf("Worker %d: done\n", worker_id);
}

void bounded_semaphore_example(carom::BoundedSemaphore& bounded) {
  const bool both = bounded.acquire() && bounded.acquire();
  if (both) std::printf("Acquired semaphore twice\n");

  const bool returned =
      bounded.release() == carom::Release::released && bounded.release() == carom::Release::released;
  if (returned) std::printf("Released semaphore twice\n");

  if (bounded.release() == carom::Release::too_many) {
    std::printf("Bounded semaphore prevented over-release: %u of %u are free\n", bounded.get_value(),
                bounded.capacity());
  }
}

int main() {
  carom::Shared<Table> table;

  std::vector<carom::Process> workers;
  workers.reserve(kWorkers);
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([i, &table] { worker_with_semaphore(i, table->resources); });
  }
  for (carom::Process& worker : workers) worker.join();

  bounded_semaphore_example(table->bounded);
}
