// What the workers note about themselves, in plain shared memory that carom knows nothing of, and what the
// oracle judges by.
//
// Every note is one store, made before or after the step it speaks of: a kill may leave it one step behind,
// never half written. Where it may be behind, what is noted is "perhaps".
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "stress/book.hpp"
#include "stress/kind.hpp"

namespace storm {

inline constexpr int kLocks = 5;
inline constexpr int kRLocks = 3;
inline constexpr int kFifoLocks = 2;
inline constexpr int kAll = kLocks + kRLocks + kFifoLocks;  // in that order
constexpr bool is_rlock(int lock) noexcept {
  return lock >= kLocks && lock < kLocks + kRLocks;
}
constexpr Kind kind_of_lock(int lock) noexcept {
  if (lock < kLocks) return Kind::lock;
  return is_rlock(lock) ? Kind::rlock : Kind::fifo_lock;
}
inline constexpr int kTable = kAll;  // the SharedLock: its writers are judged as owners are
inline constexpr int kGuarded = kAll + 1;

inline constexpr std::uint32_t kDesks = 8192;
inline constexpr std::uint32_t kSpareDesks = 1024;  // kept for new workers
inline constexpr std::uint32_t kPosts = 1024;
inline constexpr std::uint32_t kNotices = 8192;
inline constexpr std::uint32_t kFaults = 64;

/// Stores a note where the program says so. Release, and not more: a full barrier would order the library's
/// own steps too, and hide where it forgot one.
template <class T>
void note(std::atomic<T>& where, T value) noexcept {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  where.store(value, std::memory_order_release);
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

/// One more of what only this actor counts.
inline void count_one(std::atomic<std::uint32_t>& where) noexcept {
  note(where, where.load(std::memory_order_relaxed) + 1);
}

enum class Phase : std::uint32_t {
  storm,  ///< kills
  calm,   ///< no more kills: finish what you are at, and nobody comes to wake a sleeper that was forgotten
  close,  ///< what some wait for and would never come, comes: once
  last    ///< acquire every lock once more, and park
};

/// One actor: a thread of a worker, from its joining the segment until it leaves it or dies.
struct Desk {
  std::atomic<std::uint32_t> post;
  std::atomic<std::uint32_t> id;  ///< in the segment's roster
  std::atomic<std::uint32_t> tid;
  std::atomic<bool> parked;
  std::atomic<bool> ended;  ///< about to end by itself, whatever it holds
  std::atomic<Hold> hold[kGuarded];
  std::atomic<std::uint32_t> began[kGuarded];  ///< increments of what the lock guards, before the first half
  std::atomic<std::uint32_t> completed[kGuarded];  ///< after the second
  std::atomic<std::int64_t> longest_wait_ns;       ///< in calm
};

/// One worker process.
struct Post {
  std::atomic<std::uint32_t> finished;  ///< threads that are through with the storm
  std::atomic<std::uint32_t> parked;    ///< threads that have acquired every lock once more
  std::atomic<bool> ended;              ///< it is about to end by itself
  std::atomic<bool> doomed;             ///< it is about to be killed
};

/// A handed over lock, on its way to whoever releases it.
struct Baton {
  enum Kind : std::uint32_t { none, giving, ready, taking };
  Kind kind;
  std::uint32_t desk;

  static Baton unpack(std::uint32_t bits) noexcept {
    return {static_cast<Kind>(bits >> 30), bits & 0x3fff'ffffu};
  }
  std::uint32_t pack() const noexcept { return std::uint32_t{kind} << 30 | desk; }
};

/// One lock, beside the lock.
struct Spot {
  std::atomic<std::uint32_t> inside;  ///< 1 + the desk of who is inside; left by the dead
  std::atomic<std::uint64_t> intent;  ///< what the guarded number is about to be
  std::atomic<std::uint32_t> baton;
};

/// "`by` was told that the participant `dead` left the lock."
struct Notice {
  std::uint32_t dead;
  int lock;
  std::uint32_t by;

  static Notice unpack(std::uint64_t bits) noexcept {
    return {static_cast<std::uint32_t>(bits) & 0x3fff'ffffu, static_cast<int>(bits >> 32 & 0xff),
            static_cast<std::uint32_t>(bits >> 40)};
  }
  std::uint64_t pack() const noexcept {
    return dead | static_cast<std::uint64_t>(lock) << 32 | std::uint64_t{by} << 40;
  }
};

enum class Wrong : std::uint32_t {
  nothing,
  hung,
  lost_notice,
  lost_update,
  two_inside,
  invented_notice,
  doubled_notice,
  other
};
const char* to_string(Wrong wrong) noexcept;

struct Fault {
  std::atomic<Wrong> wrong;
  int lock;            ///< -1: none
  std::uint32_t desk;  ///< kDesks: none
  char text[160];
};

/// All of it. All zeros is a good beginning.
struct Ledger {
  std::atomic<Phase> phase;
  std::atomic<std::int64_t> calm_since_ns;
  Spot spots[kGuarded];
  Common common;
  std::atomic<std::uint32_t> used_desks;
  Desk desks[kDesks];
  Book books[kDesks];  ///< of the desk with the same number
  Post posts[kPosts];
  std::atomic<std::uint32_t> used_notices;
  std::atomic<std::uint64_t> notices[kNotices];  ///< 0: its writer was killed before it wrote
  std::atomic<std::uint32_t> used_faults;
  Fault faults[kFaults];

  /// Forgets the last round's actors. What the locks guard goes on.
  void begin_round() noexcept;

  void fault(Wrong wrong, int lock, std::uint32_t desk, const std::string& text) noexcept;

  std::uint32_t desk_count() const noexcept;
  std::uint32_t notice_count() const noexcept;
  std::uint32_t fault_count() const noexcept;
};

}  // namespace storm
