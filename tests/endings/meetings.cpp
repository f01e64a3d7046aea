// Endings of those who wait for a Condition, and of parties to a Barrier.
#include <pthread.h>

#include <mutex>

#include "endings/play.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/turn_word.hpp"

namespace endings {
namespace {

using Others = decltype(Play::others);
using State = carom::memory::TurnWord::State;

/// Whether a notification lies with somebody dead.
bool notice_lies_with_the_dead(Board& b) {
  const carom::memory::Roster roster = carom::memory::MappedSegment::containing(&b)->roster();
  bool found = false;
  roster.each_slot([&](const carom::memory::Slot& slot, std::uint32_t) {
    const carom::memory::TurnWord turn(slot.turn.load());
    if (!roster.lives(slot) && (turn.state() == State::notified || turn.state() == State::granted))
      found = true;
  });
  return found;
}

void notify(Board& b, Scene& s, std::uint32_t n) {
  const std::scoped_lock hold(b.lock);
  s.freed_ns = carom::Deadline::now_ns();
  b.condition.notify(n);
}

void wait_for_notice(Board& b, Scene& s, Other& o) {
  const std::scoped_lock hold(b.lock);
  if (!b.condition.wait(b.lock))
    s.fault(Verdict::lost, "a wait without a deadline ended without a notification");
  if (s.living.fetch_add(1) != 0) s.fault(Verdict::doubled, "two came back with the lock");
  gets_on(s, o);
  --s.living;
}

bool all_on(const Scene& s, std::size_t others) {
  for (std::size_t i = 0; i < others; ++i) {
    if (s.others[i].on_ns == 0) return false;
  }
  return true;
}

// A notification is the victim's once its wait has returned. Until then it is for the next.
void notify_for_the_victim(Board& b, Scene& s, std::size_t others) {
  if (s.phase == kAsking && !comes_true([&] { return all_on(s, others); })) {
    if (notice_lies_with_the_dead(b))
      s.fault(Verdict::lost, "the notification stays with the dead");
    else
      s.undecided = true;
  }
  if (s.phase != kAsking || s.undecided) notify(b, s, 1);
}

Play condition(Role role) {
  const std::size_t count = role == Role::waiting ? 2 : 1;
  Play play{.primitive = "Condition", .role = role};
  play.arrive = [](Board& b, Scene& s) {
    b.lock.lock();
    s.phase = kAsking;
    static_cast<void>(b.condition.wait(b.lock));
    s.phase = kHolding;
  };
  play.depart = [](Board& b, Scene&) { b.lock.unlock(); };
  play.free = [=](Board& b, Scene& s) { notify(b, s, static_cast<std::uint32_t>(count)); };
  play.others = Others(count, wait_for_notice);
  play.waiters = [](Board& b) { return b.condition.waiters(); };
  play.relieve = [=](Board& b, Scene& s) { notify_for_the_victim(b, s, count); };
  play.judge = [](Board& b, Scene& s) {
    if (!b.lock.acquire(kBound)) s.fault(Verdict::hung, "nobody gets the lock any more");
    static_cast<void>(b.lock.release());
    if (b.lock.locked()) s.fault(Verdict::lost, "the lock is not free in the end");
  };
  if (role != Role::inside) return play;
  // A deadline on each wait: of two that notify before they wait one may have nobody left to be notified by.
  play.arrive = [](Board& b, Scene& s) {
    while (!s.go) {
      {
        const std::scoped_lock hold(b.lock);
        b.condition.notify_one();
        static_cast<void>(b.condition.wait(b.lock, std::chrono::microseconds(200)));
      }
      ++s.rounds;
      b.condition.notify_all();
      pthread_testcancel();
    }
  };
  play.depart = {};
  play.free = {};
  play.others = Others(2, [](Board& b, Scene& s, Other& o) {
    while (!s.stop) {
      const std::scoped_lock hold(b.lock);
      if (s.living.fetch_add(1) != 0) s.fault(Verdict::doubled, "two had the lock");
      gets_on(s, o);
      b.condition.notify_one();
      --s.living;
      static_cast<void>(b.condition.wait(b.lock, std::chrono::milliseconds(1)));
      if (s.living != 0) s.fault(Verdict::doubled, "two had the lock");
    }
  });
  play.others_sleep = false;
  play.relieve = {};
  return play;
}

enum Met : int { kMet = 1, kBroken };  // and above: why

int meet(Board& b) {
  try {
    b.barrier.wait();
    return kMet;
  } catch (const carom::BrokenBarrierError& e) {
    return kBroken + static_cast<int>(e.why());
  }
}

constexpr int kPartyDied = kBroken + static_cast<int>(carom::BarrierBreak::party_died);
constexpr int kAborted = kBroken + static_cast<int>(carom::BarrierBreak::aborted);

void arrive_once(Board& b, Scene& s, Other& o) {
  o.result = meet(b);
  gets_on(s, o);
}

/// How a barrier is broken by the one that ended. A cancelled party breaks it before it is dead.
bool broken_by_the_victim(int result, const Scene& s) {
  return s.began() && (result == kPartyDied || (s.cancelled && result == kAborted));
}

void judge_as_new(Board& b, Scene& s) {
  // An enrolled party that was cancelled breaks it for a second reason: by its death.
  if (s.cancelled) static_cast<void>(b.barrier.broken());
  b.barrier.reset();
  if (b.barrier.n_waiting() != 0) s.fault(Verdict::lost, "the barrier is not as new");
  if (b.barrier.broken()) s.fault(Verdict::doubled, "after a reset the same death breaks it once more");
}

Play enrolled() {
  Play play{.primitive = "Barrier", .role = Role::holding};
  play.arrive = [](Board& b, Scene& s) {
    b.barrier.enrol();
    s.phase = kHolding;
  };
  play.depart = [](Board& b, Scene&) { meet(b); };
  play.others = Others(2, arrive_once);
  play.waiters = [](Board& b) { return b.barrier.waiters(); };
  play.judge = [](Board& b, Scene& s) {
    for (int i = 0; i < 2; ++i) {
      const int result = s.others[static_cast<std::size_t>(i)].result;
      if (s.began() ? broken_by_the_victim(result, s) : result == kMet) continue;
      if (s.began())
        s.fault(Verdict::lost, "the death of an enrolled party is not told");
      else
        s.fault(Verdict::doubled, "told of a death that was none");
    }
    judge_as_new(b, s);
  };
  return play;
}

// The victim, another, and the one who comes last: all of them meet, or none of those who live.
Play meeting(Role role) {
  Play play{.primitive = "Barrier", .role = role};
  play.arrive = [](Board& b, Scene& s) {
    s.phase = kAsking;
    const int result = meet(b);
    if (result != kMet) s.fault(Verdict::lost, "the victim was told of a broken barrier");
    s.phase = kHolding;
  };
  play.free = [](Board& b, Scene& s) {
    s.freed_ns = carom::Deadline::now_ns();
    s.freer_result = meet(b);
  };
  play.others = {arrive_once};
  play.waiters = [](Board& b) { return b.barrier.waiters(); };
  play.judge = [](Board& b, Scene& s) {
    const int result = s.others[0].result;
    if (result != s.freer_result) s.fault(Verdict::lost, "one has met and the other has not");
    if (result != kMet && !broken_by_the_victim(result, s))
      s.fault(Verdict::doubled, "broken, and nobody died");
    if (result != kMet && s.phase == kHolding) s.fault(Verdict::doubled, "broken by one that had met");
    judge_as_new(b, s);
  };
  return play;
}

Play meetings() {
  Play play{.primitive = "Barrier", .role = Role::inside};
  play.arrive = [](Board& b, Scene& s) {
    b.barrier.enrol();
    // A victim that lives on comes until the others have met once more: they could not meet without it.
    while (!(s.go && all_on(s, 2)) && meet(b) == kMet) {
      ++s.rounds;
      pthread_testcancel();
    }
  };
  play.others = Others(2, [](Board& b, Scene& s, Other& o) {
    while ((o.result = meet(b)) == kMet) {
      ++o.count;
      if (s.spared) gets_on(s, o);
    }
    gets_on(s, o);
  });
  play.others_sleep = false;
  play.relieve = [](Board& b, Scene& s) {
    if (s.began()) return;
    comes_true([&] { return all_on(s, 2); });
    b.barrier.abort();
  };
  play.judge = [](Board& b, Scene& s) {
    for (int i = 0; i < 2; ++i) {
      const Other& other = s.others[static_cast<std::size_t>(i)];
      if (s.began() ? broken_by_the_victim(other.result, s) : other.result == kAborted) continue;
      if (s.began())
        s.fault(Verdict::lost, "the death of a party is not told");
      else
        s.fault(Verdict::doubled, "told of a death that was none");
    }
    if (s.others[0].count != s.others[1].count) s.fault(Verdict::lost, "one has met and the other has not");
    judge_as_new(b, s);
  };
  return play;
}

}  // namespace

std::vector<Play> condition_plays() {
  return {condition(Role::waiting), condition(Role::woken), condition(Role::inside)};
}

std::vector<Play> barrier_plays() {
  return {enrolled(), meeting(Role::waiting), meeting(Role::woken), meetings()};
}

}  // namespace endings
