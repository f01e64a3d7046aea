// Two processes take two locks in opposite order. The one that asks is told of the cycle instead of waiting for ever.
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "carom/carom.hpp"

struct Table {
  carom::Lock red;
  carom::Lock blue;
  carom::Barrier both_hold_one{2};
};

const char* color_of(const Table& table, const carom::Blocked& blocked) {
  return blocked.object == &table.red ? "red" : blocked.object == &table.blue ? "blue" : "unknown";
}

void red_then_blue(Table& table) {
  const std::scoped_lock red(table.red);
  table.both_hold_one.wait();
  const std::scoped_lock blue(table.blue);
  std::printf("patient: has both\n");
}

void blue_then_red(Table& table) {
  const std::scoped_lock blue(table.blue);
  table.both_hold_one.wait();
  if (table.red.acquire(carom::detect_deadlock) != carom::Acquisition::deadlocked) return;

  std::printf("careful: this would be a deadlock:\n");
  const std::vector<carom::Blocked> cycle = carom::last_deadlock();
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    const carom::Blocked& next = cycle[(i + 1) % cycle.size()];
    std::printf("  %s waits for the %s %s, which %s has\n", cycle[i].who.name().c_str(),
                color_of(table, cycle[i]), cycle[i].kind, next.who.name().c_str());
  }
  std::printf("careful: gives blue back\n");
  std::fflush(stdout);  // before the other goes on
}

int main() {
  carom::Shared<Table> table;
  carom::Process patient([&table] { red_then_blue(*table); }, {.name = "patient"});
  carom::Process careful([&table] { blue_then_red(*table); }, {.name = "careful"});
  patient.join();
  careful.join();
}
