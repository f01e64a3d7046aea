// What ThreadSanitizer is to be told, in a program that it watches: it does not see what a library does that was built
// without it. Nothing in other programs.
#pragma once

extern "C" {
// The sanitizer's own, if the program has it.
// NOLINTBEGIN(readability-identifier-naming)
[[gnu::weak]] void __tsan_acquire(void* address);
[[gnu::weak]] void __tsan_release(void* address);
// NOLINTEND(readability-identifier-naming)
}

namespace carom::platform {

/// What others did before they said releasing() of the same address has happened before what comes next.
inline void acquired(const void* address) noexcept {
  if (__tsan_acquire != nullptr) __tsan_acquire(const_cast<void*>(address));
}

/// Before the step by which others may learn of what was done.
inline void releasing(const void* address) noexcept {
  if (__tsan_release != nullptr) __tsan_release(const_cast<void*>(address));
}

}  // namespace carom::platform
