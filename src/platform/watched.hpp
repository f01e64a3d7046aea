// For tools that look for data races; see carom/detail/watched.hpp.
#pragma once

namespace carom::platform {

/// The calling thread has locked the mutex and never unlocks it, which is no fault: the tools are to forget it.
void locked_for_good(void* mutex) noexcept;

}  // namespace carom::platform
