#include "histories/judge.hpp"

#include <algorithm>
#include <cstdio>

#include "histories/models.hpp"

namespace histories {

namespace {

bool is_acquire(What what) {
  return what == What::acquire || what == What::acquire_shared;
}

/// Whether an acquire of another player was under way at any moment of this call. One that was cut off is for ever.
bool beside_another(const History& history, int player, const Call& call) {
  for (int other = 0; other < kEverybody; ++other) {
    const Player& of = history.players[at(other)];
    for (int i = 0; other != player && i < of.count; ++i) {
      const Call& theirs = of.calls[at(i)];
      if (is_acquire(theirs.what) && theirs.began_ns <= call.ended_ns &&
          (theirs.ended_ns == 0 || theirs.ended_ns >= call.began_ns))
        return true;
    }
  }
  return false;
}

std::vector<Part> parts_of(Kind kind, What what) {
  if (what == What::wait && kind == Kind::barrier) return {Part::arrive, Part::leave};
  if (what == What::wait && kind == Kind::condition) return {Part::arrive, Part::leave, Part::take_again};
  return {Part::whole};
}

std::vector<Step> steps_of(const History& history) {
  std::vector<Step> steps;
  for (int player = 0; player < kEverybody; ++player) {
    const Player& of = history.players[at(player)];
    for (int i = 0; i < of.count; ++i) {
      const Call& call = of.calls[at(i)];
      Step step{.what = call.what,
                .player = player,
                .argument = call.argument,
                .result = call.result,
                .ended = call.ended_ns != 0,
                .beside = is_acquire(call.what) && beside_another(history, player, call),
                .began_ns = call.began_ns};
      if (step.ended) step.ended_ns = call.ended_ns;
      for (const Part part : parts_of(history.kind, call.what)) {
        step.part = part;
        steps.push_back(step);
        step.after = static_cast<int>(steps.size()) - 1;
      }
    }
    if (of.dead_ns != 0)
      steps.push_back(
          {.part = Part::death, .player = player, .began_ns = of.kill_ns, .ended_ns = of.dead_ns});
  }
  return steps;
}

template <class Model>
Verdict search(const History& history, const Model& model, typename Model::State first = {}) {
  return Search<Model>(model, steps_of(history)).run(first);
}

}  // namespace

Verdict judge(const History& history) {
  const auto size = static_cast<Small>(history.size);
  switch (history.kind) {
    case Kind::lock:
      return search(history, LockModel{});
    case Kind::fifo_lock:
      return search(history, LockModel{.in_line = true});
    case Kind::rlock:
      return search(history, RLockModel{});
    case Kind::shared_lock:
      return search(history, SharedLockModel{});
    case Kind::semaphore:
    case Kind::scoped_semaphore:
      return search(history, PermitModel{}, {.value = size});
    case Kind::bounded_semaphore:
      return search(history, PermitModel{.acquire_holds = true, .limit = size}, {.value = size});
    case Kind::event:
      return search(history, EventModel{});
    case Kind::condition:
      return search(history, ConditionModel{});
    case Kind::barrier:
      return search(history, BarrierModel{.parties = size});
    case Kind::latch:
      return search(history, LatchModel{}, {.left = size});
  }
  return Verdict::violation;
}

const char* to_string(Kind kind) noexcept {
  constexpr const char* kNames[kKinds] = {
      "Lock",  "RLock",     "FifoLock", "SharedLock", "Semaphore", "Semaphore scoped", "BoundedSemaphore",
      "Event", "Condition", "Barrier",  "Latch"};
  return kNames[static_cast<int>(kind)];
}

const char* to_string(What what) noexcept {
  constexpr const char* kNames[] = {
      "acquire",        "release", "inherited", "locked",     "hand_over", "acquire_shared",
      "release_shared", "lock",    "unlock",    "get_value",  "set",       "clear",
      "is_set",         "wait",    "notify",    "abort",      "reset",     "enrol",
      "leave",          "broken",  "promise",   "count_down", "left"};
  return kNames[static_cast<int>(what)];
}

std::string to_text(const History& history) {
  struct Line {
    std::int64_t began_ns;
    std::string text;
  };
  std::vector<Line> lines;
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  for (const Player& player : history.players)
    if (player.count != 0) first = std::min(first, player.calls[0].began_ns);
  const auto us = [first](std::int64_t ns) { return static_cast<double>(ns - first) / 1000; };
  char text[160];
  for (int player = 0; player < kEverybody; ++player) {
    const Player& of = history.players[at(player)];
    for (int i = 0; i < of.count; ++i) {
      const Call& call = of.calls[at(i)];
      if (call.ended_ns != 0)
        std::snprintf(text, sizeof text, "%10.2f %10.2f  %d  %s(%d) -> %d\n", us(call.began_ns),
                      us(call.ended_ns), player, to_string(call.what), call.argument, call.result);
      else
        std::snprintf(text, sizeof text, "%10.2f %10s  %d  %s(%d), cut off\n", us(call.began_ns), "", player,
                      to_string(call.what), call.argument);
      lines.push_back({call.began_ns, text});
    }
    if (of.dead_ns == 0) continue;
    std::snprintf(text, sizeof text, "%10.2f %10.2f  %d  dies\n", us(of.kill_ns), us(of.dead_ns), player);
    lines.push_back({of.kill_ns, text});
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.began_ns < b.began_ns; });
  std::string all = std::string(to_string(history.kind)) + ", size " + std::to_string(history.size) +
                    "; microseconds from the first call; began, ended, player, call\n";
  for (const Line& line : lines) all += line.text;
  return all;
}

}  // namespace histories
