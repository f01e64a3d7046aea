// Endings around what one has and others wait for: the locks, a lock's readers, and permits with a holder.
#include <pthread.h>

#include <utility>

#include "endings/play.hpp"

namespace endings {
namespace {

struct Got {
  bool held;
  bool told;
};

Got got(carom::Acquisition outcome) {
  return {static_cast<bool>(outcome), outcome.owner_died()};
}

/// How to take and give it: the victim's way, and that of the others, who are always alone inside.
struct Guard {
  std::string primitive;
  Play::Told told;
  std::function<Got(Board&, carom::Deadline)> take;
  std::function<bool(Board&)> give;
  std::function<std::size_t(Board&)> waiters;
  std::function<bool(Board&)> all_free;
  std::function<Got(Board&, carom::Deadline)> others_take = {};
  std::function<bool(Board&)> others_give = {};
};

void check_given(bool given, Scene& s) {
  if (!given) s.fault(Verdict::lost, "what somebody had could not be given back");
}

// The victim.

void take(const Guard& guard, Board& b, Scene& s) {
  s.phase = kAsking;
  const Got outcome = guard.take(b, carom::Deadline::never());
  s.phase = kHolding;
  if (!outcome.held) s.fault(Verdict::lost, "the victim was refused");
  if (s.living != 0) s.fault(Verdict::doubled, "the victim got what another has");
}

void give(const Guard& guard, Board& b, Scene& s) {
  s.phase = kGiving;
  check_given(guard.give(b), s);
  s.phase = kAfter;
}

void go_round(const Guard& guard, Board& b, Scene& s) {
  while (!s.go) {
    take(guard, b, s);
    ++s.rounds;
    if (s.rounds % 16 == 0) pthread_testcancel();
    give(guard, b, s);
  }
  take(guard, b, s);  // for its way out
}

// The others.

bool one_turn(const Guard& guard, Board& b, Scene& s, Other& other) {
  const Got outcome = guard.others_take(b, carom::Deadline::never());
  if (!outcome.held) {
    s.fault(Verdict::lost, "another was refused");
    return false;
  }
  if (outcome.told && !s.began()) s.fault(Verdict::doubled, "told of a death that was none");
  s.told += outcome.told ? 1 : 0;
  if (s.living.fetch_add(1) != 0 || (s.phase == kHolding && !s.began()))
    s.fault(Verdict::doubled, "two had it at one time");
  gets_on(s, other);
  for (int i = 0; i < 20; ++i) {
    if (s.living != 1) s.fault(Verdict::doubled, "two had it at one time");
  }
  --s.living;
  check_given(guard.others_give(b), s);
  ++other.count;
  return true;
}

void judge(const Guard& guard, Board& b, Scene& s) {
  const Got outcome = guard.others_take(b, kBound);
  if (!outcome.held) return s.fault(Verdict::hung, "nobody gets it any more");
  if (outcome.told) {
    // The others may all have come before the victim had it.
    ++s.told;
    check_given(guard.others_give(b), s);
    const Got again = guard.others_take(b, kBound);
    if (!again.held) return s.fault(Verdict::hung, "nobody gets it any more");
    if (again.told) s.fault(Verdict::doubled, "a death is told for ever");
  }
  check_given(guard.others_give(b), s);
  if (!guard.all_free(b)) s.fault(Verdict::lost, "it is not free in the end");
}

Play play_of(const Guard& guard, Role role) {
  const auto once = [=](Board& b, Scene& s, Other& o) { one_turn(guard, b, s, o); };
  const auto again = [=](Board& b, Scene& s, Other& o) {
    while (!s.stop && one_turn(guard, b, s, o)) {
    }
  };
  Play play{.primitive = guard.primitive, .role = role};
  play.arrive = [=](Board& b, Scene& s) {
    if (role == Role::inside)
      go_round(guard, b, s);
    else
      take(guard, b, s);
  };
  play.depart = [=](Board& b, Scene& s) { give(guard, b, s); };
  if (role == Role::waiting || role == Role::woken) {
    play.prepare = [=](Board& b, Scene& s) {
      guard.others_take(b, carom::Deadline::never());
      ++s.living;
    };
    play.free = [=](Board& b, Scene& s) {
      --s.living;
      check_given(guard.others_give(b), s);
    };
  }
  play.others.assign(2, role == Role::inside ? decltype(play.others)::value_type(again) : once);
  play.others_sleep = role != Role::inside;
  play.waiters = guard.waiters;
  play.judge = [=](Board& b, Scene& s) { judge(guard, b, s); };
  play.told = guard.told;
  return play;
}

template <class T>
Guard guard(const std::string& primitive, T Board::*object, Play::Told told) {
  return {.primitive = primitive,
          .told = told,
          .take = [=](Board& b, carom::Deadline until) { return got((b.*object).acquire(until)); },
          .give = [=](Board& b) { return (b.*object).release() == carom::Release::released; },
          .waiters = [=](Board& b) { return (b.*object).waiters(); },
          .all_free =
              [=](Board& b) {
                if constexpr (requires { (b.*object).get_value(); })
                  return (b.*object).get_value() == 1;
                else if constexpr (requires { (b.*object).locked(); })
                  return !(b.*object).locked();
                else
                  return (b.*object).try_lock();
              }};
}

std::vector<Guard> guards() {
  std::vector<Guard> all = {
      guard("Lock", &Board::lock, Play::Told::once),
      guard("RLock", &Board::rlock, Play::Told::once),
      guard("FifoLock", &Board::fifo, Play::Told::once),
      guard("SharedLock writer", &Board::shared, Play::Told::until_mended),
      guard("SharedLock reader", &Board::shared, Play::Told::never),
      guard("Semaphore scoped", &Board::scoped, Play::Told::never),
      guard("Semaphore tracked", &Board::tracked, Play::Told::maybe),
      guard("BoundedSemaphore", &Board::bounded, Play::Told::maybe),
      guard("Condition's lock", &Board::condition, Play::Told::once),
  };
  for (Guard& one : all) {
    if (one.primitive == "Semaphore scoped") {
      one.take = [](Board& b, carom::Deadline until) {
        if (until.is_never()) {
          b.scoped.lock();
          return Got{true, false};
        }
        return Got{b.scoped.try_lock_for(std::chrono::nanoseconds(until.ns() - carom::Deadline::now_ns())),
                   false};
      };
      one.give = [](Board& b) {
        b.scoped.unlock();
        return true;
      };
    }
    one.others_take = one.take;
    one.others_give = one.give;
    if (one.primitive == "SharedLock reader") {
      one.take = [](Board& b, carom::Deadline until) { return got(b.shared.acquire_shared(until)); };
      one.give = [](Board& b) { return b.shared.release_shared() == carom::Release::released; };
    }
    if (one.primitive == "RLock") {  // as deep as it goes
      one.take = [](Board& b, carom::Deadline until) {
        const Got outer = got(b.rlock.acquire(until));
        return outer.held && b.rlock.acquire(until) ? outer : Got{false, false};
      };
      one.give = [](Board& b) {
        return b.rlock.release() == carom::Release::released && b.rlock.release() == carom::Release::released;
      };
    }
    if (one.primitive == "Condition's lock") {
      one.waiters = {};  // it counts those who wait to be notified
      one.all_free = [](Board& b) {
        const bool free = b.condition.try_lock();
        if (free) b.condition.unlock();
        return free;
      };
    }
  }
  return all;
}

// The kernel wakes one of those who sleep on the victim's life, whatever they wait for.
Play several_at_once() {
  Play play{.primitive = "several at once", .role = Role::holding};
  play.arrive = [](Board& b, Scene& s) {
    s.phase = kAsking;
    b.lock.lock();
    b.fifo.lock();
    b.bounded.lock();
    s.phase = kHolding;
  };
  play.depart = [](Board& b, Scene& s) {
    s.phase = kGiving;
    b.bounded.unlock();
    b.fifo.unlock();
    b.lock.unlock();
    s.phase = kAfter;
  };
  const auto waits_for = [](auto Board::*object) {
    return [=](Board& b, Scene& s, Other& o) {
      const Got outcome = got((b.*object).acquire());
      if (!outcome.held) return s.fault(Verdict::lost, "another was refused");
      gets_on(s, o);
      o.result = outcome.told ? 1 : 0;
      s.told += o.result;
      check_given((b.*object).release() == carom::Release::released, s);
    };
  };
  play.others = {waits_for(&Board::lock), waits_for(&Board::fifo), waits_for(&Board::bounded)};
  play.waiters = [](Board& b) { return b.lock.waiters() + b.fifo.waiters() + b.bounded.waiters(); };
  play.judge = [](Board& b, Scene& s) {
    for (const int lock : {0, 1}) {
      if (s.began() && s.others[static_cast<std::size_t>(lock)].result == 0)
        s.fault(Verdict::lost, "nobody is told of the death");
    }
    if (b.lock.locked() || b.fifo.locked() || b.bounded.get_value() != 1)
      s.fault(Verdict::lost, "not all is free in the end");
  };
  play.told = Play::Told::until_mended;
  return play;
}

}  // namespace

std::vector<Play> guard_plays() {
  std::vector<Play> plays;
  for (const Guard& guard : guards()) {
    for (const Role role : kRoles) plays.push_back(play_of(guard, role));
  }
  plays.push_back(several_at_once());
  return plays;
}

}  // namespace endings
