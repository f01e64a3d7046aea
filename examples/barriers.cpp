// Four workers that meet after each of three phases; the last to arrive runs the barrier's action.
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "carom/carom.hpp"

using namespace std::chrono_literals;

struct BarrierAction {
  void operator()() const { std::printf("*** All processes synchronized - continuing! ***\n"); }
};
using Barrier = carom::BarrierWith<BarrierAction>;

void worker_with_barrier(int worker_id, Barrier& barrier, int phase_count) {
  std::random_device random;
  for (int phase = 0; phase < phase_count; ++phase) {
    const std::chrono::duration<double> work_time(std::uniform_real_distribution(0.05, 0.2)(random));
    std::printf("Worker %d: working on phase %d for %.2fs\n", worker_id, phase, work_time.count());
    std::this_thread::sleep_for(work_time);

    std::printf("Worker %d: finished phase %d, waiting at barrier\n", worker_id, phase);
    try {
      const int index = barrier.wait(5s);
      std::printf("Worker %d: barrier passed (index %d)\n", worker_id, index);
    } catch (const carom::BrokenBarrierError& e) {  // also if a worker was killed
      std::printf("Worker %d: barrier error: %s\n", worker_id, e.what());
      break;
    }
  }
  std::printf("Worker %d: all phases complete\n", worker_id);
}

int main() {
  constexpr int kWorkers = 4;
  constexpr int kPhases = 3;

  carom::Shared<Barrier> barrier(std::in_place, kWorkers);
  std::printf("Barrier created for %u processes\n", barrier->parties());

  std::vector<carom::Process> workers;
  workers.reserve(kWorkers);
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([i, &barrier] { worker_with_barrier(i, *barrier, kPhases); });
  }

  for (int phase = 0; phase < kPhases; ++phase) {
    std::this_thread::sleep_for(100ms);
    std::printf("Phase %d: %u processes waiting, broken: %s\n", phase, barrier->n_waiting(),
                barrier->broken() ? "true" : "false");
  }

  for (carom::Process& worker : workers) worker.join();
  std::printf("All workers completed\n");
}
