// What acquiring and releasing can come to, and what is to happen when an owner dies.
#pragma once

#include <cstdint>

namespace carom {

/// How an acquire ended. Converts to bool: whether the caller holds the thing now.
class [[nodiscard]] Acquisition {
 public:
  enum Kind : std::uint8_t {
    acquired,             ///< held, in good order
    acquired_owner_died,  ///< held, taken over from an owner that died: what it guarded may be half done
    timed_out,            ///< not held: the deadline passed
    refused_owner_died,   ///< not held: the owner died and the policy is refuse
    corrupted,            ///< not held: the shared word has an impossible value
    deadlocked            ///< not held: waiting would never end; only where detection was asked for
  };

  constexpr Acquisition(Kind kind) noexcept : kind_(kind) {}  // NOLINT(google-explicit-constructor)

  constexpr Kind kind() const noexcept { return kind_; }
  constexpr explicit operator bool() const noexcept { return kind_ <= acquired_owner_died; }
  constexpr bool owner_died() const noexcept {
    return kind_ == acquired_owner_died || kind_ == refused_owner_died;
  }
  constexpr bool operator==(const Acquisition&) const noexcept = default;

 private:
  Kind kind_;
};

/// How a release ended. Everything but `released` left the lock as it was.
enum class [[nodiscard]] Release : std::uint8_t{
    released,
    not_held,            ///< nobody holds it
    not_owner,           ///< RLock: somebody else holds it, or nobody
    refused_owner_died,  ///< the owner died and the policy is refuse: make_consistent() first
    too_many,            ///< a semaphore: it would have more permits than it can, or may
};

/// For acquire(): notice, while it sleeps, that it waits in a cycle (carom/deadlock.hpp). It takes up to 0.1 s, until each thread
/// of the cycle has looked again: one that has left its wait by a jump is in no cycle.
struct DetectDeadlock {
  explicit DetectDeadlock() = default;
};
inline constexpr DetectDeadlock detect_deadlock{};  // NOLINT(readability-identifier-naming): as std::in_place

/// What the death of an owner means for the lock.
enum class OwnerDeath : std::uint8_t {
  recover,  ///< the next to acquire gets it and is told
  refuse,   ///< acquiring fails until somebody calls make_consistent()
  ignore    ///< nothing: it stays held until somebody releases it, for a lock used as a signal
};

}  // namespace carom
