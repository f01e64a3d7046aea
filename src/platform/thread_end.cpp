#include "platform/thread_end.hpp"

#include <pthread.h>

#include "platform/checked.hpp"

namespace carom::platform {
namespace {

void run(void* handler) {
  reinterpret_cast<void (*)()>(handler)();
}

pthread_key_t make_key() noexcept {
  pthread_key_t key;
  CAROM_CHECK_ZERO(pthread_key_create(&key, run));
  return key;
}

pthread_key_t thread_end() noexcept {
  static const pthread_key_t key = make_key();
  return key;
}

// Before main, so that no fork can catch it half made.
[[gnu::constructor]] void make_key_before_main() {
  thread_end();
}

}  // namespace

void call_at_thread_end(void (*handler)()) noexcept {
  CAROM_CHECK_ZERO(pthread_setspecific(thread_end(), reinterpret_cast<void*>(handler)));
}

}  // namespace carom::platform
