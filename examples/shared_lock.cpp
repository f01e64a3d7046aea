// Readers and writers of one table. A reader that is killed stops counting; after a writer that is killed the next is
// told, and repairs.
#include <csignal>
#include <cstdio>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "carom/carom.hpp"

constexpr int kReaders = 3;
constexpr int kTotal = 100;

struct Table {
  carom::SharedLock lock;
  carom::Barrier everybody_reads{kReaders};
  int left = kTotal;
  int right = 0;
};

void read(Table& table, bool die_while_reading) {
  const std::shared_lock reading(table.lock);
  table.everybody_reads.wait();  // nobody gets past it unless all are inside at one time
  if (die_while_reading) std::raise(SIGKILL);
  std::printf("a reader sees %d\n", table.left + table.right);
}

void move_ten(Table& table, bool die_half_way) {
  const std::scoped_lock writing(table.lock);
  table.left -= 10;
  if (die_half_way) std::raise(SIGKILL);
  table.right += 10;
}

int main() {
  carom::Shared<Table> table;

  std::vector<carom::Process> readers;
  readers.reserve(kReaders);
  for (int i = 0; i < kReaders; ++i) {
    const bool dies = i == 0;
    readers.emplace_back([dies, &table] { read(*table, dies); });
  }
  for (carom::Process& reader : readers) reader.join();
  std::printf("one of %d readers was killed; still reading: %zu\n", kReaders, table->lock.reader_count());

  carom::Process writer([&table] { move_ten(*table, false); });
  writer.join();
  std::printf("a writer came in: left %d, right %d\n", table->left, table->right);

  carom::Process unlucky([&table] { move_ten(*table, true); }, {.name = "unlucky"});
  unlucky.join();
  {
    const std::scoped_lock writing(table->lock);
    if (table->lock.inherited()) {
      std::printf("%s died writing: left %d, right %d\n", carom::last_takeover()->from.name().c_str(),
                  table->left, table->right);
      table->left = kTotal - table->right;  // what did not arrive was not moved
    }
  }
  const std::shared_lock reading(table->lock);
  std::printf("repaired: left %d, right %d, inherited: %s\n", table->left, table->right,
              table->lock.inherited() ? "true" : "false");
}
