// One primitive and one role: what the victim does until it ends, who is there beside it, and what must be true after.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "endings/scene.hpp"

namespace endings {

struct Play {
  using Part = std::function<void(Board&, Scene&)>;

  std::string primitive;
  Role role;

  Part arrive = {};  ///< the victim's; returns once it has got what it wanted, or is told to go on its way
  Part depart = {};  ///< the victim's, if it lives on

  /// Of the one who has what the victim waits for, and gives it; none if there is nobody like that.
  Part prepare = {};
  Part free = {};

  /// Those who live on.
  std::vector<std::function<void(Board&, Scene&, Other&)>> others = {};
  bool others_sleep = true;  ///< before anything happens; else they go round and round

  std::function<std::size_t(Board&)> waiters = {};

  /// After the ending, in a process of its own: gives what the dead may have taken, where that may be.
  Part relieve = {};
  /// When all others are through, in a process of its own. It notes faults in the scene.
  Part judge = {};

  /// How often the others may have been told of the death.
  enum class Told { never, maybe, once, until_mended } told = Told::never;
};

std::vector<Play> guard_plays();
std::vector<Play> semaphore_plays();
std::vector<Play> event_plays();
std::vector<Play> condition_plays();
std::vector<Play> barrier_plays();
std::vector<Play> latch_plays();

/// Every combination of primitive and role that there is.
std::vector<Play> all_plays();

/// Sleeps a moment; a cancellation point.
void breathe();
/// Waits for the flag; a cancellation point.
void wait_for(const std::atomic<bool>& flag);
/// Long enough for a busy machine; the table shows how long it really took.
inline constexpr std::chrono::seconds kBound{8};
/// Whether it becomes true within that time.
bool comes_true(const std::function<bool()>& condition, std::chrono::seconds bound = kBound);

}  // namespace endings
