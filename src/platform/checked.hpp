// For what only a bug of ours can make fail: ends the process with the call and the cause.
#pragma once

namespace carom::platform {

[[noreturn]] void fail(const char* call, int error) noexcept;

}  // namespace carom::platform

#define CAROM_CHECK_ZERO(call)                                                                         \
  do {                                                                                                 \
    if (const int carom_error = (call); carom_error != 0) ::carom::platform::fail(#call, carom_error); \
  } while (false)
