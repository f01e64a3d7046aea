// The search for an order: what judge.hpp says, over any model of an object.
#pragma once

#include <bitset>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "histories/history.hpp"
#include "histories/judge.hpp"

namespace histories {

/// A part of a call that takes effect at one moment; or a death. Most calls are one; a wait is two or three.
enum class Part : std::uint8_t { whole, arrive, leave, take_again, death };

struct Step {
  Part part = Part::whole;
  What what{};
  int player = 0;
  int argument = 0;
  int result = 0;
  bool ended =
      true;  // false: it was cut off; it took effect, or not, and what it would have returned is not known
  bool beside = false;  // another player's acquire was under way meanwhile
  int after = -1;       // the step before it in the same call
  std::int64_t began_ns = 0;
  std::int64_t ended_ns = std::numeric_limits<std::int64_t>::max();

  bool may_return(int value) const { return !ended || result == value; }
};

/// `Model::State` is plain bytes with a member `dead`, a bit for each player; `model.apply(state, step, emit)` calls
/// `emit(next)` for each state that the step can lead to, and not at all if it cannot happen there.
template <class Model>
class Search {
 public:
  using State = typename Model::State;
  static_assert(std::has_unique_object_representations_v<State>, "states are compared as bytes");

  Search(const Model& model, std::vector<Step> steps) : model_(model), steps_(std::move(steps)) {}

  Verdict run(State first) { return explain(Node{first, {}}) ? Verdict::explained : failed_; }

 private:
  static constexpr std::size_t kMaxSteps = 128;
  static constexpr std::size_t kMaxNodes = 400'000;

  struct Node {
    State state;
    std::bitset<kMaxSteps> done;

    bool operator==(const Node& other) const {
      return done == other.done && std::memcmp(&state, &other.state, sizeof state) == 0;
    }
  };
  struct Hash {
    std::size_t operator()(const Node& node) const {
      const std::string_view bytes(reinterpret_cast<const char*>(&node.state), sizeof node.state);
      return std::hash<std::bitset<kMaxSteps>>()(node.done) * 31 + std::hash<std::string_view>()(bytes);
    }
  };

  bool explain(const Node& node) {
    if (!seen_.insert(node).second) return false;
    if (seen_.size() > kMaxNodes) failed_ = Verdict::undecided;
    if (failed_ == Verdict::undecided) return false;

    // A step comes before another that began after it had ended.
    bool missing = false;
    std::int64_t first_end = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (node.done[i] || !steps_[i].ended) continue;
      missing = true;
      first_end = std::min(first_end, steps_[i].ended_ns);
    }
    if (!missing) return true;

    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (node.done[i] || step.began_ns > first_end) continue;
      if (step.after >= 0 && !node.done[static_cast<std::size_t>(step.after)]) continue;
      if (((node.state.dead >> step.player) & 1) != 0) continue;
      bool found = false;
      model_.apply(node.state, step, [&](const State& next) {
        if (found) return;
        Node there{next, node.done};
        there.done.set(i);
        found = explain(there);
      });
      if (found) return true;
    }
    return false;
  }

  const Model& model_;
  std::vector<Step> steps_;
  std::unordered_set<Node, Hash> seen_;
  Verdict failed_ = Verdict::violation;
};

}  // namespace histories
