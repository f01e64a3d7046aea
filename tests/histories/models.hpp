// The sequential objects that the judge compares with: for each kind its state in a few numbers, and what each step does
// to it. They follow the public pages alone.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "carom/barrier.hpp"
#include "carom/condition.hpp"
#include "carom/latch.hpp"
#include "carom/outcome.hpp"
#include "histories/search.hpp"

namespace histories {

using Small = std::int8_t;
using PerPlayer = std::array<Small, kEverybody>;
constexpr Small kNobody = -1;
constexpr Small kHandedOver = 100;

inline std::size_t at(int player) {
  return static_cast<std::size_t>(player);
}
template <class State>
bool is_dead(const State& state, int player) {
  return ((state.dead >> player) & 1) != 0;
}
template <class State>
void mark_dead(State& state, int player) {
  state.dead = static_cast<Small>(state.dead | 1 << player);
}
inline int total(const PerPlayer& counts) {
  int sum = 0;
  for (const Small count : counts) sum += count;
  return sum;
}

/// Who owns it, and whether it was taken over from the dead. What Lock, RLock, FifoLock and Condition's lock share.
struct Ownership {
  Small owner = kNobody;
  Small inherited = 0;

  template <class State, class Emit>
  static void acquire(const State& state, const Step& step, Emit emit) {
    const Ownership& now = state.ownership;
    const bool free = now.owner == kNobody;
    const bool left_by_dead = !free && now.owner != kHandedOver && is_dead(state, now.owner);
    State next = state;
    if (free && step.may_return(carom::Acquisition::acquired)) {
      next.ownership = {static_cast<Small>(step.player), 0};
      emit(next);
    }
    if (left_by_dead && step.may_return(carom::Acquisition::acquired_owner_died)) {
      next.ownership = {static_cast<Small>(step.player), 1};
      emit(next);
    }
    if (!free && !left_by_dead && step.may_return(carom::Acquisition::timed_out)) emit(state);
  }
};

/// Lock and FifoLock: anyone may release. In a FifoLock nobody overtakes one that waits, so that a free one can be refused.
struct LockModel {
  struct State {
    Small dead = 0;
    Ownership ownership;
  };
  bool in_line = false;

  template <class Emit>
  void apply(const State& state, const Step& step, Emit emit) const {
    State next = state;
    const Small owner = state.ownership.owner;
    if (step.part == Part::death) {
      mark_dead(next, step.player);
      return emit(next);
    }
    switch (step.what) {
      case What::acquire:
        if (in_line && step.beside && step.may_return(carom::Acquisition::timed_out)) emit(state);
        return Ownership::acquire(state, step, emit);
      case What::release:
        next.ownership = {};
        if (owner != kNobody && step.may_return(static_cast<int>(carom::Release::released))) emit(next);
        if (owner == kNobody && step.may_return(static_cast<int>(carom::Release::not_held))) emit(state);
        return;
      case What::inherited:
        if (step.may_return(state.ownership.inherited)) emit(state);
        return;
      case What::locked:
        if (step.may_return(owner != kNobody ? 1 : 0)) emit(state);
        return;
      case What::hand_over:
        next.ownership.owner = kHandedOver;
        if (owner == step.player && step.may_return(1)) emit(next);
        if (owner != step.player && step.may_return(0)) emit(state);
        return;
      default:
        return;
    }
  }
};

struct RLockModel {
  struct State {
    Small dead = 0;
    Ownership ownership;
    Small depth = 0;
  };

  template <class Emit>
  void apply(const State& state, const Step& step, Emit emit) const {
    State next = state;
    const Small owner = state.ownership.owner;
    if (step.part == Part::death) {
      mark_dead(next, step.player);
      return emit(next);
    }
    switch (step.what) {
      case What::acquire:
        if (owner == step.player) {
          ++next.depth;
          if (step.may_return(carom::Acquisition::acquired)) emit(next);
          return;
        }
        return Ownership::acquire(state, step, [&](State taken) {
          if (taken.ownership.owner == step.player) taken.depth = 1;
          emit(taken);
        });
      case What::release:
        if (owner != step.player) {
          if (step.may_return(static_cast<int>(carom::Release::not_owner))) emit(state);
          return;
        }
        if (--next.depth == 0) next.ownership = {};
        if (step.may_return(static_cast<int>(carom::Release::released))) emit(next);
        return;
      case What::inherited:
        if (step.may_return(state.ownership.inherited)) emit(state);
        return;
      case What::locked:
        if (step.may_return(owner != kNobody ? 1 : 0)) emit(state);
        return;
      default:
        return;
    }
  }
};

/// A writer that waits keeps others out: beside one, a lock that nobody has can be refused.
/// inherited() is told to whoever has it; others may see what nobody has noticed yet.
struct SharedLockModel {
  struct State {
    Small dead = 0;
    Small writer = kNobody;
    Small tainted = 0;  // a writer died, and none has released since
    Small came =
        0;  // the writers that were cut off, a bit for each: one may have come without being inside yet
    PerPlayer readers{};
  };

  template <class Emit>
  void apply(const State& state, const Step& step, Emit emit) const {
    State next = state;
    const int success =
        state.tainted != 0 ? carom::Acquisition::acquired_owner_died : carom::Acquisition::acquired;
    const bool read = total(state.readers) != 0;
    const bool written = state.writer != kNobody;
    if (step.part == Part::death) {
      mark_dead(next, step.player);
      next.readers[at(step.player)] = 0;
      if (state.writer == step.player) next.writer = kNobody;
      if (state.writer != step.player) emit(next);
      next.tainted = 1;
      if (state.writer == step.player || ((state.came >> step.player) & 1) != 0) emit(next);
      return;
    }
    switch (step.what) {
      case What::acquire:
        next.writer = static_cast<Small>(step.player);
        if (!written && !read && step.may_return(success)) emit(next);
        next = state;
        next.came = static_cast<Small>(state.came | 1 << step.player);
        if (!step.ended) emit(next);
        if ((written || read || step.beside) && step.may_return(carom::Acquisition::timed_out)) emit(state);
        return;
      case What::acquire_shared:
        ++next.readers[at(step.player)];
        if (!written && step.may_return(success)) emit(next);
        if ((written || step.beside) && step.may_return(carom::Acquisition::timed_out)) emit(state);
        return;
      case What::release:
        next.writer = kNobody;
        next.tainted = 0;
        if (state.writer == step.player && step.may_return(static_cast<int>(carom::Release::released)))
          emit(next);
        if (state.writer != step.player && step.may_return(static_cast<int>(carom::Release::not_owner)))
          emit(state);
        return;
      case What::release_shared:
        if (state.readers[at(step.player)] == 0) {
          if (step.may_return(static_cast<int>(carom::Release::not_owner))) emit(state);
          return;
        }
        --next.readers[at(step.player)];
        if (step.may_return(static_cast<int>(carom::Release::released))) emit(next);
        return;
      case What::inherited:
        if (step.may_return(state.tainted) ||
            (state.writer != step.player && state.readers[at(step.player)] == 0))
          emit(state);
        return;
      default:
        return;
    }
  }
};

/// Permits, bare or held; a held one comes back when its holder dies.
struct PermitModel {
  struct State {
    Small dead = 0;
    Small value = 0;
    Small came_back = 0;  // some permit has, from the dead
    PerPlayer held{};
  };
  bool acquire_holds = false;  // BoundedSemaphore's does, Semaphore's does not
  int limit = 100;

  template <class Emit>
  void apply(const State& state, const Step& step, Emit emit) const {
    State next = state;
    Small& held = next.held[at(step.player)];
    if (step.part == Part::death) {
      mark_dead(next, step.player);
      next.value = static_cast<Small>(state.value + held);
      if (held != 0) next.came_back = 1;
      held = 0;
      return emit(next);
    }
    switch (step.what) {
      case What::acquire:
        --next.value;
        if (acquire_holds) ++held;
        if (state.value > 0 &&
            (step.may_return(carom::Acquisition::acquired) ||
             (state.came_back != 0 && step.may_return(carom::Acquisition::acquired_owner_died))))
          emit(next);
        if (state.value == 0 && step.may_return(carom::Acquisition::timed_out)) emit(state);
        return;
      case What::lock:
        --next.value;
        ++held;
        if (state.value > 0 && step.may_return(1)) emit(next);
        if (state.value == 0 && step.may_return(0)) emit(state);
        return;
      case What::unlock:
        ++next.value;
        --held;
        if (held >= 0 && step.may_return(static_cast<int>(carom::Release::released))) emit(next);
        if (held < 0 && step.may_return(static_cast<int>(carom::Release::not_held))) emit(state);
        return;
      case What::release:
        next.value = static_cast<Small>(state.value + step.argument);
        if (acquire_holds && held > 0) --held;
        if (next.value <= limit && step.may_return(static_cast<int>(carom::Release::released))) emit(next);
        if (next.value > limit && step.may_return(static_cast<int>(carom::Release::too_many))) emit(state);
        return;
      case What::value:
        if (step.may_return(state.value)) emit(state);
        return;
      default:
        return;
    }
  }
};

struct EventModel {
  struct State {
    Small dead = 0;
    Small set = 0;
  };

  template <class Emit>
  void apply(const State& state, const Step& step, Emit emit) const {
    State next = state;
    if (step.part == Part::death) {
      mark_dead(next, step.player);
      return emit(next);
    }
    switch (step.what) {
      case What::set:
        next.set = 1;
        return emit(next);
      case What::clear:
        next.set = 0;
        return emit(next);
      case What::is_set:
      case What::wait:
        if (step.may_return(state.set)) emit(state);
        return;
      default:
        return;
    }
  }
};

/// A wait is three steps: it gives the lock back and joins the line; it leaves the line, notified or too late; it takes
/// the lock again. What a dead one was notified of goes to another, some time.
struct ConditionModel {
  struct State {
    Small dead = 0;
    Ownership ownership;
    Small waiters = 0;
    Small passed_on = 0;  // notifications of the dead
    PerPlayer line{};     // who waits, in order; the first `waiters` of it
    PerPlayer notified{};
  };

  static bool take_out(State& state, int player) {
    Small* const end = state.line.data() + state.waiters;
    Small* const found = std::find(state.line.data(), end, static_cast<Small>(player));
    if (found == end) return false;
    std::copy(found + 1, end, found);
    state.line[at(--state.waiters)] = 0;
    return true;
  }

  template <class Emit>
  void apply(const State& state, const Step& step, Emit emit) const {
    State next = state;
    const auto self = static_cast<Small>(step.player);
    const bool owned = state.ownership.owner == self;
    if (step.part == Part::death) {
      mark_dead(next, step.player);
      if (state.notified[at(step.player)] != 0) ++next.passed_on;
      next.notified[at(step.player)] = 0;
      return emit(next);  // in line it may stay, until somebody looks
    }
    if (step.part == Part::arrive) {
      next.ownership = {};
      next.line[at(next.waiters++)] = self;
      if (owned) emit(next);
      return;
    }
    if (step.part == Part::leave) {
      const bool was_notified = state.notified[at(step.player)] != 0;
      next.notified[at(step.player)] = 0;
      if (was_notified && step.may_return(1)) emit(next);
      if (was_notified || !take_out(next, step.player)) return;
      if (step.may_return(0)) emit(next);
      if (state.passed_on > 0 && step.may_return(1)) {
        --next.passed_on;
        emit(next);
      }
      return;
    }
    if (step.part == Part::take_again) {
      Step taking = step;
      taking.ended = false;  // which of the two it was is not told
      return Ownership::acquire(state, taking, [&](const State& taken) {
        if (taken.ownership.owner == self) emit(taken);
      });
    }
    switch (step.what) {
      case What::acquire:
        return Ownership::acquire(state, step, emit);
      case What::release:
        next.ownership = {};
        if (owned && step.may_return(static_cast<int>(carom::Release::released))) emit(next);
        if (!owned && step.may_return(static_cast<int>(carom::Release::not_owner))) emit(state);
        return;
      case What::notify:
        return notify(state, step.argument, 0, emit);
      default:
        return;
    }
  }

  /// The first `left` from `place` on. The dead are passed over, or notified for nothing.
  template <class Emit>
  static void notify(const State& state, int left, int place, Emit& emit) {
    if (left == 0 || place >= state.waiters) return emit(state);
    const int waiter = state.line[at(place)];
    State next = state;
    take_out(next, waiter);
    if (!is_dead(state, waiter)) {
      next.notified[at(waiter)] = 1;
      return notify(next, left - 1, place, emit);
    }
    notify(state, left, place + 1, emit);
    ++next.passed_on;
    notify(next, left - 1, place, emit);
  }
};

/// A wait is two steps: it arrives, and it leaves. Whoever was to leave a broken round when reset() came may say either.
struct BarrierModel {
  struct State {
    Small dead = 0;
    Small arrived = 0;
    Small broken = 0;         // 0, or kBroken + why
    PerPlayer inside{};       // 1: waits
    PerPlayer came_as{};      // its index
    PerPlayer leaves_with{};  // 0: not yet; 1 + index, or kBroken + why
    PerPlayer reset_since{};  // 1: before it left a broken round
    PerPlayer enrolled{};
  };
  static constexpr int kReset = kBroken + static_cast<int>(carom::BarrierBreak::reset);
  int parties = 2;

  static void everybody_leaves(State& state, int broken) {
    for (int player = 0; player < kEverybody; ++player) {
      Small& inside = state.inside[at(player)];
      if (inside == 0) continue;
      inside = 0;
      state.leaves_with[at(player)] =
          static_cast<Small>(broken != 0 ? broken : 1 + state.came_as[at(player)]);
      state.came_as[at(player)] = 0;
    }
    state.arrived = 0;
  }
  static void break_it(State& state, carom::BarrierBreak why) {
    if (state.broken != 0) return;
    state.broken = static_cast<Small>(kBroken + static_cast<int>(why));
    everybody_leaves(state, state.broken);
  }

  template <class Emit>
  void apply(const State& state, const Step& step, Emit emit) const {
    State next = state;
    const std::size_t self = at(step.player);
    if (step.part == Part::death) {
      mark_dead(next, step.player);
      if (state.inside[self] != 0 || state.enrolled[self] != 0) {
        next.inside[self] = 0;
        break_it(next, carom::BarrierBreak::party_died);
      }
      next.came_as[self] = next.leaves_with[self] = next.reset_since[self] = next.enrolled[self] = 0;
      return emit(next);
    }
    if (step.part == Part::arrive) {
      if (state.broken != 0) {
        next.leaves_with[self] = state.broken;
      } else {
        next.inside[self] = 1;
        next.came_as[self] = next.arrived++;
        if (next.arrived == parties) everybody_leaves(next, 0);
      }
      return emit(next);
    }
    if (step.part == Part::leave) {
      if (state.inside[self] != 0) break_it(next, carom::BarrierBreak::timed_out);
      const Small with = next.leaves_with[self];
      const bool reset_since = state.reset_since[self] != 0;
      next.leaves_with[self] = next.reset_since[self] = 0;
      if (step.may_return(with < kBroken ? with - 1 : with) || (reset_since && step.may_return(kReset)))
        emit(next);
      return;
    }
    switch (step.what) {
      case What::abort:
        break_it(next, carom::BarrierBreak::aborted);
        return emit(next);
      case What::reset:
        for (int player = 0; player < kEverybody; ++player) {
          if (state.leaves_with[at(player)] >= kBroken) next.reset_since[at(player)] = 1;
        }
        everybody_leaves(next, kReset);
        next.broken = 0;
        return emit(next);
      case What::enrol:
        next.enrolled[self] = 1;
        return emit(next);
      case What::leave:
        next.enrolled[self] = 0;
        return emit(next);
      case What::broken:
        if (step.may_return(state.broken != 0 ? 1 : 0)) emit(state);
        return;
      default:
        return;
    }
  }
};

struct LatchModel {
  struct State {
    Small dead = 0;
    Small left = 0;
    PerPlayer promised{};
  };

  template <class Emit>
  void apply(const State& state, const Step& step, Emit emit) const {
    State next = state;
    Small& promised = next.promised[at(step.player)];
    if (step.part == Part::death) {
      mark_dead(next, step.player);
      return emit(next);
    }
    bool forsaken = false;
    for (int player = 0; player < kEverybody; ++player)
      forsaken = forsaken || (is_dead(state, player) && state.promised[at(player)] > 0);
    switch (step.what) {
      case What::promise:
        promised = static_cast<Small>(promised + step.argument);
        return emit(next);
      case What::count_down:
        next.left = static_cast<Small>(std::max(0, state.left - step.argument));
        promised = static_cast<Small>(std::max(0, promised - step.argument));
        return emit(next);
      case What::wait:
        if (state.left == 0 && step.may_return(carom::LatchWait::open)) emit(state);
        if (state.left != 0 && forsaken && step.may_return(carom::LatchWait::forsaken)) emit(state);
        if (state.left != 0 && !forsaken && step.may_return(carom::LatchWait::timed_out)) emit(state);
        return;
      case What::left:
        if (step.may_return(state.left)) emit(state);
        return;
      default:
        return;
    }
  }
};

}  // namespace histories
