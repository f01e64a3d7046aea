// Workers that each count a Latch down once; and one that had promised to, and is killed first.
#include "carom/latch.hpp"

#include <chrono>
#include <csignal>
#include <cstdio>
#include <vector>

#include "carom/carom.hpp"

using namespace std::chrono_literals;

constexpr int kWorkers = 3;

struct Table {
  carom::Latch prepared{kWorkers};
  carom::Latch finished{kWorkers};
};

void worker(int worker_id, Table& table) {
  table.prepared.promise();
  table.finished.promise();
  std::printf("Worker %d: prepared\n", worker_id);
  std::fflush(stdout);  // a kill leaves no time for that
  table.prepared.count_down();

  if (!table.prepared.wait(5s)) return;
  if (worker_id == 1) std::raise(SIGKILL);
  table.finished.count_down();
}

const char* outcome(carom::LatchWait waited) {
  switch (waited.kind()) {
    case carom::LatchWait::open:
      return "open";
    case carom::LatchWait::timed_out:
      return "timed out";
    default:
      return "forsaken";
  }
}

int main() {
  carom::Shared<Table> table;

  std::vector<carom::Process> workers;
  workers.reserve(kWorkers);
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([i, &table] { worker(i, *table); });
  }

  std::printf("prepared: %s\n", outcome(table->prepared.wait(5s)));
  // Without the promise this would take all of the five seconds, and nobody would know why.
  std::printf("finished: %s\n", outcome(table->finished.wait(5s)));

  for (carom::Process& process : workers) process.join();
  std::printf("still to be counted: %u\n", table->finished.left());
}
