// The part that Lock and RLock share: one owned word in a segment. The word's rules: lock_word.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "carom/deadline.hpp"
#include "carom/detail/home.hpp"
#include "carom/detail/lock_word.hpp"
#include "carom/detail/step.hpp"
#include "carom/detail/watched.hpp"
#include "carom/outcome.hpp"
#include "carom/participant.hpp"

namespace carom::detail {

class RawLock {
 public:
  /// Throws Error (outside_segment) if this address lies in no segment of this process.
  explicit RawLock(OwnerDeath policy) : home_(this, "lock", static_cast<std::uint32_t>(policy)) {}

  RawLock(const RawLock&) = delete;
  RawLock& operator=(const RawLock&) = delete;

  /// Where the segment begins, which is what a seat is for.
  const void* segment() const noexcept { return home_.segment_of(this); }
  OwnerDeath policy() const noexcept { return static_cast<OwnerDeath>(home_.bits()); }

  /// Takes a free word. The strong form: failing says that it was not free.
  bool try_take(std::uint32_t self) noexcept {
    std::uint32_t seen = LockWord::kFree;
    const bool taken = word_.compare_exchange_strong(seen, self, std::memory_order_acquire,  // [O1]
                                                     std::memory_order_relaxed);
    if (taken) {
      CAROM_STEP(lock_taken);
      acquired(&word_);
    }
    return taken;
  }

  /// Takes the word as soon as it is free or its owner gone. One try if the deadline has passed. With `detect`, gives
  /// up when it would wait in a cycle.
  Acquisition take(std::uint32_t self, Deadline deadline, bool detect = false);

  /// Gives the word back, whoever holds it.
  Release give() noexcept {
    if (policy() == OwnerDeath::refuse) [[unlikely]]
      return give_unless_owner_died();
    releasing(&word_);
    const LockWord old(word_.exchange(LockWord::kFree, std::memory_order_release));  // [O2]
    CAROM_STEP(lock_released);
    if (old.contended()) [[unlikely]]
      wake_one();
    return old.free() ? Release::not_held : Release::released;
  }

  bool hand_over(std::uint32_t self) noexcept;
  bool adopt(std::uint32_t self) noexcept;
  bool make_consistent();

  LockWord load() const noexcept { return LockWord(word_.load(std::memory_order_relaxed)); }
  std::optional<Participant> owner() const;
  std::vector<Participant> waiting() const;
  std::size_t count_waiting() const;

 private:
  Release give_unless_owner_died() noexcept;
  void wake_one() noexcept;

  std::atomic<std::uint32_t> word_{LockWord::kFree};
  Home home_;  // with the policy
};

}  // namespace carom::detail
