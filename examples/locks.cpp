// Workers that share a counter behind a Lock, and a function that takes an RLock at every level.
#include <array>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "carom/carom.hpp"

constexpr int kWorkers = 3;
constexpr int kIterations = 5;

struct Table {
  carom::Lock lock;
  carom::RLock rlock;
  int counter = 0;
  std::array<int, kWorkers * kIterations> incremented_by{};
};

void worker_with_lock(int self, Table& table) {
  for (int i = 0; i < kIterations; ++i) {
    const std::scoped_lock hold(table.lock);
    const int old_value = table.counter;
    table.incremented_by[static_cast<std::size_t>(old_value)] = self;
    table.counter = old_value + 1;
  }
}

void recursive_function(carom::RLock& rlock, int level) {
  const std::scoped_lock hold(rlock);
  std::printf("Level %d: acquired lock\n", level);
  if (level > 0) recursive_function(rlock, level - 1);
  std::printf("Level %d: releasing lock\n", level);
}

int main() {
  carom::Shared<Table> table;

  std::vector<carom::Process> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([i, &table] { worker_with_lock(i, *table); });
  }
  for (carom::Process& worker : workers) worker.join();

  // Who came when differs from run to run; how often does not.
  for (int i = 0; i < kWorkers; ++i) {
    int times = 0;
    for (const int self : table->incremented_by) times += self == i ? 1 : 0;
    std::printf("Worker-%d: incremented counter %d times\n", i, times);
  }
  std::printf("Final counter value: %d\n", table->counter);

  carom::Process process([&table] { recursive_function(table->rlock, 3); });
  process.join();
}
