// What a few processes did to one object, and when: the calls of each, and the deaths. Plain data in shared memory.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

namespace histories {

constexpr int kPlayers = 4;         // processes, any of which may be killed
constexpr int kWitness = kPlayers;  // who looks in the end, and is never killed
constexpr int kEverybody = kPlayers + 1;
constexpr int kMaxCalls = 7;

enum class Kind : std::uint8_t {
  lock,
  rlock,
  fifo_lock,
  shared_lock,
  semaphore,
  scoped_semaphore,
  bounded_semaphore,
  event,
  condition,
  barrier,
  latch
};
constexpr int kKinds = 11;
const char* to_string(Kind kind) noexcept;

enum class What : std::uint8_t {
  acquire,
  release,
  inherited,
  locked,
  hand_over,
  acquire_shared,
  release_shared,
  lock,  // a permit in a scope
  unlock,
  value,
  set,
  clear,
  is_set,
  wait,
  notify,
  abort,
  reset,
  enrol,
  leave,
  broken,
  promise,
  count_down,
  left
};
const char* to_string(What what) noexcept;

/// What a Barrier's wait came to: its index, or this and why it broke.
constexpr int kBroken = 100;

/// One call. Its result is what it returned, as a number; of no meaning until it has ended.
struct Call {
  What what{};
  std::int16_t argument = 0;  // how many; of a call that can wait: its deadline in microseconds
  std::int16_t result = 0;
  std::int64_t began_ns = 0;              // 0: never
  std::atomic<std::int64_t> ended_ns{0};  // 0: never
};

struct Player {
  std::array<Call, kMaxCalls> calls;
  std::atomic<int> count{0};  // of calls that have begun
  std::int64_t kill_ns = 0;   // before it was killed; 0: it was not
  std::int64_t dead_ns = 0;   // after it was gone
};

struct History {
  Kind kind{};
  int size = 1;  // permits, parties or what a latch counts
  std::array<Player, kEverybody> players;
};

}  // namespace histories
