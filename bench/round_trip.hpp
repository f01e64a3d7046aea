// Two processes that sleep for each other.
#pragma once

#include <carom/shared.hpp>
#include <cstdint>

#include "children.hpp"
#include "peers/common.hpp"

namespace bench {

template <class Signal>
struct Table {
  Placed<Signal> there;
  Placed<Signal> back;
  double us = 0;  ///< of one round trip
};

template <class Signal>
void play(Table<Signal>& table, bool first, int trips) {
  const auto go = [&](int count) {
    for (int i = 0; i < count; ++i) {
      if (first) {
        table.there->post();
        table.back->wait();
      } else {
        table.there->wait();
        table.back->post();
      }
    }
  };
  go(trips / 10 + 1);  // what only the first ones cost
  const std::int64_t begin = now_ns();
  go(trips);
  if (first) table.us = static_cast<double>(now_ns() - begin) / 1000 / trips;
}

template <class Signal>
double round_trip_us(const carom::Shared<Table<Signal>>& table, int cpus, int trips) {
  run_together(2, [&](int player) {
    pin_to(player % cpus);
    play(*table, player == 0, trips);
  });
  return table->us;
}

}  // namespace bench
