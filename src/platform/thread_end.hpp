// What is to happen when a thread ends.
#pragma once

namespace carom::platform {

/// Runs `handler` in the calling thread when it ends, after the destructors of its thread_local objects, some of which
/// may call this again. Not when the whole process ends.
void call_at_thread_end(void (*handler)()) noexcept;

}  // namespace carom::platform
