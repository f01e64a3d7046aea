// While it exists, this process and the children it forks wait as on a kernel that cannot wait for several words.
#pragma once

#include "platform/futex.hpp"

namespace support {

class OldKernel {
 public:
  explicit OldKernel(bool pretend = true) noexcept {
    carom::platform::pretend_kernel_lacks_wait_any(pretend);
  }
  OldKernel(const OldKernel&) = delete;
  OldKernel& operator=(const OldKernel&) = delete;
  ~OldKernel() { carom::platform::pretend_kernel_lacks_wait_any(false); }
};

}  // namespace support
