// What those involved in one ending share: one of every primitive, and what they tell each other beside carom.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "carom/carom.hpp"

namespace endings {

/// Where the victim is when it ends.
enum class Role {
  holding,  ///< it has the thing
  waiting,  ///< it sleeps for it
  woken,    ///< it was released, and is on its way back
  inside    ///< anywhere in the calls, again and again
};
inline constexpr std::array kRoles{Role::holding, Role::waiting, Role::woken, Role::inside};
const char* to_string(Role role);

enum class Verdict { fine, hung, lost, doubled };
const char* to_string(Verdict verdict);

struct Board {
  carom::Lock lock;
  carom::RLock rlock;
  carom::FifoLock fifo;
  carom::SharedLock shared;
  carom::Semaphore scoped{1};
  carom::Semaphore tracked{1, carom::Holders::tracked};
  carom::Semaphore signals{0};
  carom::BoundedSemaphore bounded{1};
  carom::Event event;
  carom::Condition condition;
  carom::Barrier barrier{3};
  carom::Latch latch{1};
  carom::Latch long_latch{carom::Latch::max()};
};

/// What the victim notes around its calls. Between two notes a death may be on either side of the call's effect.
enum Phase : int { kBefore, kAsking, kHolding, kGiving, kAfter };

inline constexpr std::size_t kMaxOthers = 3;

/// One of those who live on.
struct Other {
  std::atomic<std::int64_t> on_ns{
      0};                      ///< when it first got on after the ending, or what it waited for was given
  std::atomic<long> count{0};  ///< whatever a play wants to count
  std::atomic<int> result{0};
  std::atomic<bool> done{false};
};

struct Scene {
  bool lives_on = false;                   ///< the victim, whatever comes to its end
  bool leaves = false;                     ///< its child, the segment, before it exits
  std::atomic<int> phase{kBefore};         ///< of the victim
  std::atomic<long> rounds{0};             ///< it has gone, inside
  std::atomic<std::int64_t> struck_ns{0};  ///< the ending was ordered
  std::atomic<std::int64_t> ended_ns{0};   ///< it began; 0 for ever if the victim lives on
  std::atomic<std::int64_t> freed_ns{0};   ///< what the victim waits for was given
  std::atomic<bool> ready{false};          ///< of who is to give it: it has it
  std::atomic<bool> freed{false};          ///< and is through
  std::atomic<bool> free_it{false};        ///< to that one
  std::atomic<bool> strike{false};         ///< to whoever in the victim's process does it
  std::atomic<bool> go{false};             ///< to a victim that ends by itself, or goes on
  std::atomic<bool> stop{false};           ///< to the others who go round and round
  std::atomic<bool> spared{false};         ///< what was to end has ended, and the victim lives on
  std::atomic<bool> relieved{false};
  std::atomic<bool> judged{false};
  std::atomic<bool> thread_ended{false};
  std::atomic<bool> cancelled{false};
  std::atomic<bool> departed{false};  ///< the victim that lived on has given back what it had
  std::atomic<pid_t> pid{0};
  std::atomic<pid_t> tid{0};
  std::atomic<int> living{0};  ///< how many of the others are inside
  std::atomic<int> told{0};    ///< how often the others were told of a death
  std::atomic<long> given{0};  ///< signals, by those who live on
  std::atomic<long> taken{0};
  std::atomic<int> freer_result{0};
  std::atomic<bool> undecided{false};  ///< the victim may have died between the call's last step and its note
  std::atomic<int> faults[4] = {};
  std::array<Other, kMaxOthers> others;
  char text[200] = "";  ///< of the first fault

  bool began() const { return ended_ns != 0; }

  void fault(Verdict verdict, const char* what) {
    int before = 0;
    for (const auto& count : faults) before += count;
    faults[static_cast<int>(verdict)].fetch_add(1);
    if (before == 0) std::snprintf(text, sizeof text, "%s", what);
  }
};

/// For an other: it has got on now. Counts from when the victim's ending has begun and what it waits for was given.
inline void gets_on(const Scene& scene, Other& other) {
  if (scene.struck_ns != 0 && other.on_ns == 0) other.on_ns = carom::Deadline::now_ns();
}

}  // namespace endings
