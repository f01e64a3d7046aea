// A kill staged for one operation of any primitive: others who wait or hold, a victim that is killed at every
// instruction of the operation, and a judge who sees to it that everybody goes on and nothing is lost or doubled.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "carom/carom.hpp"
#include "crash/ledger.hpp"
#include "crash/stage.hpp"
#include "support/plain.hpp"

namespace crash {

/// One of everything.
struct Board {
  carom::Lock lock;
  carom::RLock rlock;
  carom::Semaphore signals{0};
  carom::Semaphore scoped{1};
  carom::Semaphore tracked{1, carom::Holders::tracked};
  carom::BoundedSemaphore bounded{1};
  carom::BoundedSemaphore pair{2};
  carom::Event event;
  carom::Condition condition;
  carom::Barrier barrier{3};
  carom::Latch latch{1};
  carom::SharedLock shared;
};

inline constexpr std::size_t kMaxOthers = 4;
inline constexpr int kNotYet = -1;

/// What those involved tell each other, beside carom.
struct Script {
  std::atomic<int> phase{0};  ///< of the victim, see Phase
  std::atomic<pid_t> victim{0};
  std::atomic<bool> go{false};                      ///< the judge's word to those who hold something
  std::atomic<int> noted{0};                        ///< whatever a trial wants to count
  std::array<std::atomic<int>, kMaxOthers> result;  ///< of the others; kNotYet
};

/// How a judge finds things.
enum Finding : int { kSound = 0, kHung = 9, kLost = 10, kDoubled = 11 };

struct Trial {
  std::string subject;
  std::string scenario;
  std::function<void(Board&, Script&)> body;  ///< the victim's, counted

  std::function<void(Board&, Script&)> before = {};  ///< the victim's, not counted
  std::vector<std::function<void(Board&)>> dead =
      {};  ///< each runs, then is killed: what it held is left behind
  std::vector<std::function<int(Board&, Script&)>> others = {};  ///< live beside the victim
  std::function<bool(Board&)> ready = {};          ///< whether the others are where they should be first
  std::function<bool(Board&)> set = {};            ///< and when the victim has begun
  std::function<int(Board&, Script&)> judge = {};  ///< after the kill; a Finding
  std::function<bool(Board&)> over =
      {};                      ///< nothing that matters comes after; else when the body has returned
  bool through_sleep = false;  ///< the victim is killed after its sleep too
  std::size_t participants = 16;
};

class Trials {
 public:
  Trials(Ledger& ledger, const Limits& limits) : ledger_(ledger), limits_(limits) {}

  void run(const Trial& trial);

 private:
  struct Staged;
  Verdict judge(const Trial& trial, Staged& staged) const;

  Ledger& ledger_;
  Limits limits_;
};

/// For trials: waits in an other until the victim sleeps in the kernel, and has done so for a moment; or for the judge.
void wait_until_victim_sleeps(const Script& script);
/// Waits until the judge says go.
void wait_for_go(const Script& script);
/// Whether the other came to an end within the bound.
bool ended(const Script& script, std::size_t other);
/// Whether it becomes true within the bound.
bool comes_true(const std::function<bool()>& condition);

std::vector<Trial> semaphore_trials();
std::vector<Trial> bounded_trials();
std::vector<Trial> event_trials();
std::vector<Trial> condition_trials();
std::vector<Trial> barrier_trials();
std::vector<Trial> latch_trials();
std::vector<Trial> shared_lock_trials();

}  // namespace crash
