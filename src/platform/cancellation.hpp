// Thread cancellation (pthread_cancel): where it must not strike, and where it may.
#pragma once

#include <pthread.h>

namespace carom::platform {

/// While it exists, the calling thread cannot be cancelled. Most calls of the C library that open, read or wait can end
/// in a cancellation, which unwinds the stack; noexcept functions and destructors must not let one begin.
class NoCancellation {
 public:
  NoCancellation() noexcept { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  NoCancellation(const NoCancellation&) = delete;
  NoCancellation& operator=(const NoCancellation&) = delete;
  ~NoCancellation() { pthread_setcancelstate(before_, nullptr); }

 private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

/// Ends the calling thread here, by unwinding its stack, if somebody has cancelled it and it allows that.
inline void cancellation_point() {
  pthread_testcancel();
}

}  // namespace carom::platform
