#include "platform/life_word.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace carom::platform {

bool LifeWord::lives(std::uint32_t value) noexcept {
  return (value & FUTEX_TID_MASK) != 0 && (value & FUTEX_OWNER_DIED) == 0;
}

void LifeWord::claim() noexcept {
  const auto self = static_cast<std::uint32_t>(syscall(SYS_gettid));
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  while (!word_.compare_exchange_weak(seen, self | (seen & FUTEX_WAITERS))) {
  }
}

void LifeWord::vacate() noexcept {
  if ((word_.exchange(0) & FUTEX_WAITERS) != 0) wake(word_, kEverybody);
}

bool LifeWord::marked() const noexcept {
  return (word_.load(std::memory_order_acquire) & FUTEX_OWNER_DIED) != 0;
}

std::optional<std::uint32_t> LifeWord::arm() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_acquire);
  for (;;) {
    if (!lives(seen)) return std::nullopt;
    if ((seen & FUTEX_WAITERS) != 0) return seen;
    if (word_.compare_exchange_weak(seen, seen | FUTEX_WAITERS)) return seen | FUTEX_WAITERS;
  }
}

void LifeWord::pass_on() noexcept {
  if ((word_.load(std::memory_order_relaxed) & FUTEX_WAITERS) != 0) wake(word_, 1);
}

void LifeWord::send_away() noexcept {
  // Clearing the bit first makes the sleep of everybody who is on the way to it fail its comparison.
  if ((word_.fetch_and(~static_cast<std::uint32_t>(FUTEX_WAITERS)) & FUTEX_WAITERS) != 0) {
    wake(word_, kEverybody);
  }
}

}  // namespace carom::platform
