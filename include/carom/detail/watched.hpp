// What tools that look for data races are told, in a program that runs under one (ThreadSanitizer, helgrind): they do not
// see what a library does that was built without them. Costs a load elsewhere.
#pragma once

#include <atomic>
#include <cstddef>

namespace carom::detail {

/// Whether such a tool is there. Found out before main.
extern std::atomic<bool> watched;

void tell_acquired(const void* address) noexcept;
void tell_releasing(const void* address) noexcept;
void tell_changed_by_many(const void* address, std::size_t bytes) noexcept;

/// What others did before they said releasing() of the same address has happened before what comes next.
inline void acquired(const void* address) noexcept {
  if (watched.load(std::memory_order_relaxed)) [[unlikely]]
    tell_acquired(address);
}

/// Before the step by which others may learn of what was done.
inline void releasing(const void* address) noexcept {
  if (watched.load(std::memory_order_relaxed)) [[unlikely]]
    tell_releasing(address);
}

/// Several threads change these bytes at one time, and may: with atomic operations.
inline void changed_by_many(const void* address, std::size_t bytes) noexcept {
  if (watched.load(std::memory_order_relaxed)) [[unlikely]]
    tell_changed_by_many(address, bytes);
}

}  // namespace carom::detail
