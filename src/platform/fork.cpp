#include "platform/fork.hpp"

#include <pthread.h>

#include "platform/checked.hpp"

namespace carom::platform {

void call_in_forked_children(void (*handler)()) noexcept {
  CAROM_CHECK_ZERO(pthread_atfork(nullptr, nullptr, handler));
}

}  // namespace carom::platform
