// The one door to the kernel's futexes. Every word is process-shared, every deadline absolute and monotonic.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <span>

#include "carom/deadline.hpp"

namespace carom::platform {

using Word = std::atomic<std::uint32_t>;
static_assert(sizeof(Word) == 4 && Word::is_always_lock_free,
              "the kernel reads the word as four plain bytes");

/// The less significant half of a word of twice the size, to sleep on; never to be read through.
inline const Word& low_half(const std::atomic<std::uint64_t>& word) noexcept {
  static_assert(std::endian::native == std::endian::little || std::endian::native == std::endian::big);
  return reinterpret_cast<const Word*>(&word)[std::endian::native == std::endian::little ? 0 : 1];
}

/// Why a wait came back. None of them says that anything happened: the caller reads the words again.
enum class Wait { woken, changed, interrupted, timed_out };

/// A word and the value it must still hold for a sleep to begin.
struct Watch {
  const Word* word;
  std::uint32_t expected;
};

/// Sleeps until somebody wakes `watch.word`, unless it no longer holds the expected value.
Wait wait(Watch watch, Deadline deadline);

/// Sleeps until somebody wakes any of the words, unless one no longer holds its expected value. At most 128.
/// They are joined and looked at in their order: who changes one, and then wakes one that stands before it, misses
/// nobody.
/// Where the kernel cannot wait for several words (before Linux 5.16, or forbidden by a sandbox) it watches
/// watches[alone] only and comes back at least every few milliseconds, so that the caller sees a change of the
/// others that late.
Wait wait_any(std::span<const Watch> watches, Deadline deadline, std::size_t alone = 0);

/// Wakes at most `count` sleepers of `word`. Returns how many there were. Safe in a signal handler.
int wake(const Word& word, int count);
inline constexpr int kEverybody = INT32_MAX;

/// Sleeps until the deadline, and on nothing.
void pause_until(Deadline deadline) noexcept;

/// Makes wait_any() behave as on a kernel without it, in this process and the children it forks.
void pretend_kernel_lacks_wait_any(bool pretend) noexcept;

}  // namespace carom::platform
