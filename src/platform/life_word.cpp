#include "platform/life_word.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "carom/error.hpp"
#include "platform/checked.hpp"

namespace carom::platform {

static_assert(offsetof(pthread_mutex_t, __data.__lock) == 0, "the futex word is the mutex's first member");

bool LifeWord::lives(std::uint32_t value) noexcept {
  return (value & FUTEX_TID_MASK) != 0 && (value & FUTEX_OWNER_DIED) == 0;
}

void LifeWord::prepare() noexcept {
  pthread_mutexattr_t attributes;
  CAROM_CHECK_ZERO(pthread_mutexattr_init(&attributes));
  CAROM_CHECK_ZERO(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
  CAROM_CHECK_ZERO(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
  CAROM_CHECK_ZERO(pthread_mutex_init(&mutex_, &attributes));
  CAROM_CHECK_ZERO(pthread_mutexattr_destroy(&attributes));
}

bool LifeWord::try_claim() {
  const int result = pthread_mutex_trylock(&mutex_);
  if (result == EBUSY) return false;
  if (result == EOWNERDEAD) CAROM_CHECK_ZERO(pthread_mutex_consistent(&mutex_));
  if (result != 0 && result != EOWNERDEAD) {
    throw Error(Errc::corrupted, "roster", "a life word is not in a state that any claimant leaves", result);
  }
  // A process made by a raw clone() keeps its parent's thread id in the C library and has no robust list: the
  // kernel would never mark what it claims.
  void* robust_list = nullptr;
  std::size_t bytes = 0;
  const bool listed = syscall(SYS_get_robust_list, 0, &robust_list, &bytes) == 0 && robust_list != nullptr;
  const auto stored = static_cast<long>(word().load(std::memory_order_relaxed) & FUTEX_TID_MASK);
  if (!listed || stored != syscall(SYS_gettid)) {
    give_up();
    throw Error(
        Errc::unknown_thread, "roster",
        "this thread was made by a raw clone() that the C library does not know, so nobody would be told "
        "of its death; make processes with fork() or carom::Process, threads with std::thread");
  }
  return true;
}

void LifeWord::give_up() noexcept {
  CAROM_CHECK_ZERO(pthread_mutex_unlock(&mutex_));
}

std::optional<std::uint32_t> LifeWord::arm() noexcept {
  std::uint32_t seen = word().load(std::memory_order_acquire);
  for (;;) {
    if (!lives(seen)) return std::nullopt;
    if ((seen & FUTEX_WAITERS) != 0) return seen;
    if (mutable_word().compare_exchange_weak(seen, seen | FUTEX_WAITERS)) return seen | FUTEX_WAITERS;
  }
}

void LifeWord::pass_on() noexcept {
  if ((word().load(std::memory_order_relaxed) & FUTEX_WAITERS) != 0) wake(word(), 1);
}

void LifeWord::send_away() noexcept {
  // Clearing the bit first makes the sleep of everybody who is on the way to it fail its comparison.
  if ((mutable_word().fetch_and(~static_cast<std::uint32_t>(FUTEX_WAITERS)) & FUTEX_WAITERS) != 0) {
    wake(word(), kEverybody);
  }
}

}  // namespace carom::platform
