#include "platform/checked.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace carom::platform {

void fail(const char* call, int error) noexcept {
  std::fprintf(stderr, "carom: %s failed: %s\n", call, strerrorname_np(error));
  std::abort();
}

}  // namespace carom::platform
