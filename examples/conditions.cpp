// Producers put items into a ring in shared memory; consumers wait, under the ring's Condition, until there are some.
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "carom/carom.hpp"

using namespace std::chrono_literals;

constexpr std::size_t kConsumers = 2;
constexpr int kProducers = 2;
constexpr int kItemsEach = 3;

/// What a list of the program's own would not do: a child would append to its copy.
class Items {
 public:
  struct Item {
    int producer;
    int number;
  };

  std::size_t size() const { return size_; }
  void append(Item item) { ring_.at((first_ + size_++) % ring_.size()) = item; }
  Item pop() {
    const Item item = ring_.at(first_);
    first_ = (first_ + 1) % ring_.size();
    --size_;
    return item;
  }

 private:
  std::array<Item, std::size_t{kProducers} * kItemsEach> ring_{};
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

struct Table {
  carom::Condition condition;  // over a lock of its own
  Items items;
};

void consumer(std::size_t consumer_id, carom::Condition& condition, Items& items) {
  std::unique_lock hold(condition);
  while (items.size() == 0) {
    std::printf("Consumer %zu: waiting for items...\n", consumer_id);
    condition.wait(hold);
  }

  const Items::Item item = items.pop();
  std::printf("Consumer %zu: consumed item-%d-%d\n", consumer_id, item.producer, item.number);
}

void producer(int producer_id, carom::Condition& condition, Items& items) {
  std::random_device random;
  for (int i = 0; i < kItemsEach; ++i) {
    std::this_thread::sleep_for(
        std::chrono::duration<double>(std::uniform_real_distribution(0.05, 0.15)(random)));

    const std::scoped_lock hold(condition);
    items.append({producer_id, i});
    std::printf("Producer %d: produced item-%d-%d\n", producer_id, producer_id, i);
    condition.notify();  // one consumer
  }
}

int main() {
  carom::Shared<Table> table;

  std::vector<carom::Process> consumers;
  consumers.reserve(kConsumers);
  for (std::size_t i = 0; i < kConsumers; ++i) {
    consumers.emplace_back([i, &table] { consumer(i, table->condition, table->items); });
  }
  // Only so that every run prints the same: a consumer that comes late would not have to wait.
  while (table->condition.waiters() < kConsumers) std::this_thread::sleep_for(1ms);

  std::vector<carom::Process> producers;
  producers.reserve(kProducers);
  for (int i = 0; i < kProducers; ++i) {
    producers.emplace_back([i, &table] { producer(i, table->condition, table->items); });
  }
  for (carom::Process& process : producers) process.join();

  {
    const std::scoped_lock hold(table->condition);
    table->condition.notify_all();
  }
  for (carom::Process& process : consumers) process.join();
  std::printf("Items left: %zu\n", table->items.size());
}
