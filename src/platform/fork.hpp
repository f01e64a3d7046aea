// What is to happen in a child that fork() has just made.
#pragma once

namespace carom::platform {

/// Runs `handler` in every such child, in its only thread, before fork() returns there.
void call_in_forked_children(void (*handler)()) noexcept;

}  // namespace carom::platform
