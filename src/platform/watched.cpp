#include "carom/detail/watched.hpp"

#include <cstdint>

#include "platform/watched.hpp"

extern "C" {
// ThreadSanitizer's own, if the program has it (sanitizer/tsan_interface.h).
// NOLINTBEGIN(readability-identifier-naming)
[[gnu::weak]] void __tsan_acquire(void* address);
[[gnu::weak]] void __tsan_release(void* address);
[[gnu::weak]] int __tsan_mutex_pre_unlock(void* address, unsigned flags);
[[gnu::weak]] void __tsan_mutex_post_unlock(void* address, unsigned flags);
// NOLINTEND(readability-identifier-naming)
}

namespace carom::detail {

constinit std::atomic<bool> watched{false};

namespace {

// Requests that valgrind and its tools take (valgrind.h, helgrind.h). Their numbers never change.
constexpr std::uintptr_t kRunningOnValgrind = 0x1001;
constexpr std::uintptr_t kHelgrind = std::uintptr_t{'H'} << 24 | std::uintptr_t{'G'} << 16 | 0x100;
constexpr std::uintptr_t kWillUnlock = kHelgrind + 5;
constexpr std::uintptr_t kHasUnlocked = kHelgrind + 6;
constexpr std::uintptr_t kSends = kHelgrind + 33;
constexpr std::uintptr_t kReceives = kHelgrind + 34;
constexpr std::uintptr_t kUntracked = kHelgrind + 39;

/// Asks valgrind. Elsewhere these instructions change nothing, and the answer is 0.
std::uintptr_t ask_valgrind(std::uintptr_t request, std::uintptr_t first = 0,
                            std::uintptr_t second = 0) noexcept {
  const volatile std::uintptr_t question[6] = {request, first, second, 0, 0, 0};
#if defined(__x86_64__)
  std::uintptr_t answer = 0;
  asm volatile(
      "rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\t"
      "xchgq %%rbx, %%rbx"
      : "+d"(answer)
      : "a"(&question)
      : "cc", "memory");
  return answer;
#elif defined(__aarch64__)
  register std::uintptr_t answer asm("x3") = 0;
  register const volatile void* at asm("x4") = &question;
  asm volatile(
      "ror x12, x12, #3\n\tror x12, x12, #13\n\tror x12, x12, #51\n\tror x12, x12, #61\n\t"
      "orr x10, x10, x10"
      : "+r"(answer)
      : "r"(at)
      : "cc", "memory");
  return answer;
#else
  static_cast<void>(question);
  return 0;
#endif
}

std::uintptr_t number(const void* address) noexcept {
  return reinterpret_cast<std::uintptr_t>(address);
}

[[gnu::constructor]] void look_for_tools() {
  watched.store(__tsan_acquire != nullptr || ask_valgrind(kRunningOnValgrind) != 0,
                std::memory_order_relaxed);
}

}  // namespace

void tell_acquired(const void* address) noexcept {
  if (__tsan_acquire != nullptr) __tsan_acquire(const_cast<void*>(address));
  tell_changed_by_many(address, sizeof(std::uint32_t));
  ask_valgrind(kReceives, number(address));
}

void tell_releasing(const void* address) noexcept {
  if (__tsan_release != nullptr) __tsan_release(const_cast<void*>(address));
  tell_changed_by_many(address, sizeof(std::uint32_t));
  ask_valgrind(kSends, number(address));
}

void tell_changed_by_many(const void* address, std::size_t bytes) noexcept {
  ask_valgrind(kUntracked, number(address), bytes);
}

}  // namespace carom::detail

namespace carom::platform {

void locked_for_good(void* mutex) noexcept {
  if (!detail::watched.load(std::memory_order_relaxed)) return;
  if (__tsan_mutex_pre_unlock != nullptr && __tsan_mutex_post_unlock != nullptr) {
    __tsan_mutex_pre_unlock(mutex, 0);
    __tsan_mutex_post_unlock(mutex, 0);
  }
  detail::ask_valgrind(detail::kWillUnlock, detail::number(mutex));
  detail::ask_valgrind(detail::kHasUnlocked, detail::number(mutex));
}

}  // namespace carom::platform
