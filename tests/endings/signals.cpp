// Endings around what nobody has: signals of a Semaphore, Events, and the promises to a Latch.
#include <pthread.h>
#include <unistd.h>

#include "endings/play.hpp"

namespace endings {
namespace {

using Others = decltype(Play::others);

// How long those who can get on may take before somebody helps who is allowed to.
bool soon(const std::function<bool()>& condition) {
  for (int i = 0; i < 300 && !condition(); ++i) usleep(1000);
  return condition();
}

void signal(Board& b, Scene& s, std::uint32_t n) {
  s.freed_ns = carom::Deadline::now_ns();
  s.given += n;
  if (b.signals.release(n) != carom::Release::released) s.fault(Verdict::doubled, "too many signals");
}

void take_signal(Board& b, Scene& s) {
  s.phase = kAsking;
  if (!b.signals.acquire()) s.fault(Verdict::lost, "the victim was refused");
  s.phase = kHolding;
}

// Taken bare a signal is consumed, by a victim that dies right after too.
void replace_the_victims(Board& b, Scene& s, std::size_t others) {
  const auto all_through = [&] {
    for (std::size_t i = 0; i < others; ++i) {
      if (!s.others[i].done) return false;
    }
    return true;
  };
  if (s.phase == kAfter || all_through()) return;
  if (s.phase != kHolding && (soon(all_through) || b.signals.get_value() != 0)) return;
  signal(b, s, 1);
}

void count_signals(Board& b, Scene& s) {
  const long there = b.signals.get_value();
  const long gone = s.given - s.taken - there;
  const bool may_have = s.phase == kAsking || s.phase == kHolding || s.phase == kGiving;
  if (gone < 0) s.fault(Verdict::doubled, "more signals were taken than given");
  if (gone > (may_have ? 1 : 0)) s.fault(Verdict::lost, "a signal is gone");
  if (gone == 0 && s.phase == kHolding) s.fault(Verdict::doubled, "a signal was taken twice");
}

Play signals(Role role) {
  const std::size_t count = role == Role::waiting ? 2 : 1;
  Play play{.primitive = "Semaphore bare", .role = role};
  play.arrive = take_signal;
  play.depart = [](Board& b, Scene& s) {
    ++s.taken;
    signal(b, s, 1);
    s.phase = kAfter;
  };
  play.free = [=](Board& b, Scene& s) { signal(b, s, static_cast<std::uint32_t>(count + s.lives_on)); };
  play.others = Others(count, [](Board& b, Scene& s, Other& o) {
    if (!b.signals.acquire()) s.fault(Verdict::lost, "another was refused");
    ++s.taken;
    gets_on(s, o);
  });
  play.waiters = [](Board& b) { return b.signals.waiters(); };
  play.relieve = [=](Board& b, Scene& s) { replace_the_victims(b, s, count); };
  play.judge = count_signals;
  if (role != Role::inside) return play;
  play.prepare = [](Board& b, Scene& s) { signal(b, s, 1); };
  play.free = {};
  play.arrive = [](Board& b, Scene& s) {
    while (!s.go) {
      take_signal(b, s);
      ++s.rounds;
      s.phase = kGiving;
      static_cast<void>(b.signals.release());
      s.phase = kAfter;
      pthread_testcancel();
    }
  };
  play.depart = {};
  play.others = {[](Board& b, Scene& s, Other& o) {
    while (!s.stop) {
      if (!b.signals.acquire()) s.fault(Verdict::lost, "another was refused");
      if (s.living.fetch_add(1) != 0) s.fault(Verdict::doubled, "two had one signal");
      gets_on(s, o);
      --s.living;
      static_cast<void>(b.signals.release());
    }
  }};
  play.others_sleep = false;
  return play;
}

Play event(Role role) {
  Play play{.primitive = "Event", .role = role};
  play.arrive = [](Board& b, Scene& s) {
    s.phase = kAsking;
    if (!b.event.wait()) s.fault(Verdict::lost, "the victim's wait ended without the event");
    s.phase = kHolding;
  };
  play.free = [=](Board& b, Scene& s) {
    s.freed_ns = carom::Deadline::now_ns();
    b.event.set();
    if (role == Role::woken) b.event.clear();
  };
  play.others = Others(2, [](Board& b, Scene& s, Other& o) {
    if (!b.event.wait()) s.fault(Verdict::lost, "a wait ended without the event");
    gets_on(s, o);
  });
  play.waiters = [](Board& b) { return b.event.waiters(); };
  play.judge = [=](Board& b, Scene& s) {
    if (b.event.is_set() != (role != Role::woken)) s.fault(Verdict::lost, "the event is not as it was left");
    b.event.set();
    if (!b.event.wait(kBound)) s.fault(Verdict::hung, "nobody sees the event any more");
  };
  if (role != Role::inside) return play;
  play.arrive = [](Board& b, Scene& s) {
    while (!s.go) {
      b.event.set();
      b.event.clear();
      static_cast<void>(b.event.wait(std::chrono::microseconds(s.rounds % 2 * 100)));
      ++s.rounds;
      pthread_testcancel();
    }
  };
  play.free = {};
  play.others = Others(2, [](Board& b, Scene& s, Other& o) {
    while (!s.stop) {
      if (!b.event.wait()) s.fault(Verdict::lost, "a wait ended without the event");
      if (s.freed_ns != 0) gets_on(s, o);
      breathe();
    }
  });
  play.others_sleep = false;
  play.relieve = [](Board& b, Scene& s) {
    s.freed_ns = carom::Deadline::now_ns();
    b.event.set();
  };
  return play;
}

void wait_at(carom::Latch& latch, Scene& s, Other& o) {
  o.result = static_cast<int>(latch.wait().kind());
  gets_on(s, o);
}

int forsaken_others(const Scene& s) {
  int forsaken = 0;
  for (int i = 0; i < 2; ++i)
    forsaken += s.others[static_cast<std::size_t>(i)].result == carom::LatchWait::forsaken;
  return forsaken;
}

void judge_promise(Board&, Scene& s) {
  const int forsaken = forsaken_others(s);
  const bool may_be_broken = s.began() && (s.phase == kAsking || s.phase == kHolding || s.phase == kGiving);
  if (forsaken != 0 && !may_be_broken) s.fault(Verdict::doubled, "told of a death that broke no promise");
  if (forsaken != 2 && s.began() && s.phase == kHolding)
    s.fault(Verdict::lost, "a broken promise is not told");
}

Play promise() {
  Play play{.primitive = "Latch", .role = Role::holding};
  play.arrive = [](Board& b, Scene& s) {
    s.phase = kAsking;
    b.latch.promise();
    s.phase = kHolding;
  };
  play.depart = [](Board& b, Scene& s) {
    s.phase = kGiving;
    b.latch.count_down();
    s.phase = kAfter;
  };
  play.others = Others(2, [](Board& b, Scene& s, Other& o) { wait_at(b.latch, s, o); });
  play.waiters = [](Board& b) { return b.latch.waiters(); };
  play.judge = judge_promise;
  return play;
}

Play latch(Role role) {
  Play play{.primitive = "Latch", .role = role};
  play.arrive = [](Board& b, Scene& s) {
    s.phase = kAsking;
    if (!b.latch.wait()) s.fault(Verdict::lost, "the victim's wait ended before the latch was open");
    s.phase = kAfter;
  };
  play.free = [](Board& b, Scene& s) {
    s.freed_ns = carom::Deadline::now_ns();
    b.latch.count_down();
  };
  play.others = Others(2, [](Board& b, Scene& s, Other& o) {
    wait_at(b.latch, s, o);
    if (o.result != carom::LatchWait::open) s.fault(Verdict::doubled, "told of a promise that nobody gave");
  });
  play.waiters = [](Board& b) { return b.latch.waiters(); };
  play.judge = [](Board& b, Scene& s) {
    if (!b.latch.try_wait()) s.fault(Verdict::lost, "the latch is not open");
  };
  return play;
}

Play promises() {
  Play play = promise();
  play.role = Role::inside;
  play.arrive = [](Board& b, Scene& s) {
    while (!s.go) {
      s.phase = kAsking;
      b.long_latch.promise();
      s.phase = kHolding;
      ++s.rounds;
      if (s.rounds % 16 == 0) pthread_testcancel();
      s.phase = kGiving;
      b.long_latch.count_down();
      s.phase = kAfter;
    }
  };
  play.depart = {};
  play.others = Others(2, [](Board& b, Scene& s, Other& o) { wait_at(b.long_latch, s, o); });
  play.waiters = [](Board& b) { return b.long_latch.waiters(); };
  play.relieve = [](Board& b, Scene& s) {
    const auto all_on = [&] { return s.others[0].done && s.others[1].done; };
    if (s.began() && s.phase == kHolding) return;  // they are to be told
    if (s.began() && s.phase != kAfter && soon(all_on)) return;
    s.freed_ns = carom::Deadline::now_ns();
    while (b.long_latch.left() != 0) b.long_latch.count_down(b.long_latch.left());
  };
  return play;
}

}  // namespace

std::vector<Play> semaphore_plays() {
  return {signals(Role::waiting), signals(Role::woken), signals(Role::inside)};
}

std::vector<Play> event_plays() {
  return {event(Role::waiting), event(Role::woken), event(Role::inside)};
}

std::vector<Play> latch_plays() {
  return {promise(), latch(Role::waiting), latch(Role::woken), promises()};
}

}  // namespace endings
