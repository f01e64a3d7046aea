#include "sync/spin.hpp"

#include <atomic>

#include "platform/process_identity.hpp"

namespace carom::sync {
namespace {

constexpr int kUnknown = -1;
constexpr int kRounds = 100;
std::atomic<int> chosen{kUnknown};

}  // namespace

void Spin::set_rounds(int rounds) noexcept {
  chosen.store(rounds, std::memory_order_relaxed);
}

int Spin::rounds() noexcept {
  const int known = chosen.load(std::memory_order_relaxed);
  if (known != kUnknown) return known;
  const int rounds = platform::usable_processors() > 1 ? kRounds : 0;
  set_rounds(rounds);
  return rounds;
}

}  // namespace carom::sync
