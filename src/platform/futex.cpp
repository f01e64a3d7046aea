#include "platform/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "carom/error.hpp"
#include "platform/checked.hpp"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449  // the same number on every architecture
#endif

namespace carom::platform {
namespace {

// The kernel's struct futex_waitv, which the headers of older systems lack.
struct KernelWatch {
  std::uint64_t value;
  std::uint64_t address;
  std::uint32_t flags;
  std::uint32_t reserved;
};
constexpr std::uint32_t kSize32Shared = 2;  // FUTEX_32 without FUTEX_PRIVATE_FLAG
constexpr std::size_t kMaxWatches = 128;

// How late a change of the other words is seen where the kernel can watch only one.
constexpr std::chrono::milliseconds kSlice{5};

std::atomic<bool> wait_any_missing{false};

const timespec* to_timespec(Deadline deadline, timespec& storage) {
  if (deadline.is_never()) return nullptr;
  storage.tv_sec = static_cast<time_t>(deadline.ns() / 1'000'000'000);
  storage.tv_nsec = static_cast<long>(deadline.ns() % 1'000'000'000);
  return &storage;
}

Wait sort(const char* call, int error) {
  switch (error) {
    case EAGAIN:
      return Wait::changed;
    case EINTR:
      return Wait::interrupted;
    case ETIMEDOUT:
      return Wait::timed_out;
    case EPERM:
    case ENOSYS:
      throw Error(Errc::system, "wait", std::string("the system refuses it (") + call + ")", error);
    default:
      fail(call, error);  // a bug of ours, or memory pulled from under the word
  }
}

}  // namespace

Wait wait(Watch watch, Deadline deadline) {
  timespec storage;
  // FUTEX_WAIT_BITSET takes an absolute time on the monotonic clock; FUTEX_WAIT would take a relative one.
  const long result = syscall(SYS_futex, watch.word, FUTEX_WAIT_BITSET, watch.expected,
                              to_timespec(deadline, storage), nullptr, FUTEX_BITSET_MATCH_ANY);
  return result == 0 ? Wait::woken : sort("futex wait", errno);
}

Wait wait_any(std::span<const Watch> watches, Deadline deadline, std::size_t alone) {
  if (!wait_any_missing.load(std::memory_order_relaxed)) {
    KernelWatch list[kMaxWatches];
    for (std::size_t i = 0; i < watches.size(); ++i) {
      list[i] = {watches[i].expected, reinterpret_cast<std::uintptr_t>(watches[i].word), kSize32Shared, 0};
    }
    timespec storage;
    const long result =
        syscall(SYS_futex_waitv, list, watches.size(), 0, to_timespec(deadline, storage), CLOCK_MONOTONIC);
    if (result >= 0) return Wait::woken;
    switch (errno) {
      case ENOSYS:
      case EPERM:  // how some sandboxes say ENOSYS
      case EACCES:
        wait_any_missing.store(true, std::memory_order_relaxed);
        break;
      case ENOMEM:
        break;  // the kernel allocates for this call; the plain wait needs nothing
      default:
        return sort("futex waitv", errno);
    }
  }
  for (const Watch& watch : watches) {
    if (watch.word->load(std::memory_order_relaxed) != watch.expected) return Wait::changed;
  }
  return wait(watches[alone], deadline.or_after(kSlice));
}

int wake(const Word& word, int count) {
  const int saved = errno;
  const long result = syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
  // A stranger may wait there as for a mutex with priority inheritance, and is not to be woken like this. A sandbox may refuse
  // it: whoever waits there looks again by itself.
  if (result < 0 && errno != EINVAL && errno != EPERM && errno != ENOSYS) fail("futex wake", errno);
  errno = saved;
  return result < 0 ? 0 : static_cast<int>(result);
}

void pause_until(Deadline deadline) noexcept {
  timespec storage;
  const int saved = errno;
  // Not by the C library's function, which is a cancellation point.
  syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, to_timespec(deadline, storage), nullptr);
  errno = saved;
}

void pretend_kernel_lacks_wait_any(bool pretend) noexcept {
  wait_any_missing.store(pretend, std::memory_order_relaxed);
}

}  // namespace carom::platform
