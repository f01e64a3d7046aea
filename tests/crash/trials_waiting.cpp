// Kills in Event, Latch and Barrier.
#include <unistd.h>

#include <chrono>

#include "crash/trial.hpp"

namespace crash {
namespace {

using namespace std::chrono_literals;

int event_waiter(Board& b, Script&) {
  return b.event.wait() ? 0 : kLost;
}

int all_ended_well(const Script& s, std::size_t others) {
  for (std::size_t i = 0; i < others; ++i) {
    if (!ended(s, i)) return kHung;
    if (s.result[i] != 0) return s.result[i];
  }
  return kSound;
}

enum Met : int { kBroken = 100 };  // and below: the index

int meet(Board& b, carom::Deadline deadline = carom::Deadline::never()) {
  try {
    return b.barrier.wait(deadline);
  } catch (const carom::BrokenBarrierError&) {
    return kBroken;
  }
}

int party(Board& b, Script&) {
  return meet(b);
}

/// Both have met, as the first and the second; or neither.
int same_fate(Script& s) {
  if (!ended(s, 0) || !ended(s, 1)) return kHung;
  if (s.result[0] == kBroken && s.result[1] == kBroken) return kSound;
  return s.result[0] + s.result[1] == 1 ? kSound : kLost;
}

/// Two wait for a third that was to come and may be dead. Whether it came or not they get the same answer.
int judge_the_last(Board& b, Script& s) {
  const int was = s.phase;
  if (was != kBefore) {
    const int finding = same_fate(s);
    if (finding != kSound) return finding;
    if (was == kAfter && s.result[0] == kBroken) return kLost;
  } else {  // it never began, as far as anybody can know
    usleep(2000);
    b.barrier.abort();
    const int finding = same_fate(s);
    if (finding != kSound) return finding;
  }
  b.barrier.reset();
  return b.barrier.n_waiting() == 0 && !b.barrier.broken() ? kSound : kLost;
}

bool two_wait(Board& b) {
  return b.barrier.waiters() == 2 && b.barrier.n_waiting() == 2;
}

Trial last_to_arrive(const std::string& scenario, std::function<void(Board&, Script&)> body) {
  return {.subject = "Barrier",
          .scenario = scenario,
          .body = std::move(body),
          .others = {party, party},
          .ready = two_wait,
          .judge = [](Board& b, Script& s) {
            // Before its note nobody knows of it: then two still wait, and are let go.
            if (s.phase != kAfter && b.barrier.n_waiting() == 2 && !b.barrier.broken()) {
              usleep(1000);
              if (b.barrier.n_waiting() == 2 && !b.barrier.broken()) s.phase = kBefore;
            }
            return judge_the_last(b, s);
          }};
}

}  // namespace

std::vector<Trial> event_trials() {
  const auto judge = [](Board& b, Script& s) {
    if (s.phase == kAfter) {
      const int finding = all_ended_well(s, 2);
      if (finding != kSound) return finding;
    }
    b.event.set();
    return all_ended_well(s, 2);
  };
  const auto two_asleep = [](Board& b) { return b.event.waiters() == 2; };
  return {
      {.subject = "Event",
       .scenario = "set, two asleep",
       .body = [](Board& b, Script&) { b.event.set(); },
       .others = {event_waiter, event_waiter},
       .ready = two_asleep,
       .judge = judge},
      {.subject = "Event",
       .scenario = "set, clear, two asleep",
       .body =
           [](Board& b, Script&) {
             b.event.set();
             b.event.clear();
           },
       .others = {event_waiter, event_waiter},
       .ready = two_asleep,
       .judge = judge},
      {.subject = "Event",
       .scenario = "wait, another asleep",
       .body = [](Board& b, Script&) { b.event.wait(); },
       .others = {[](Board& b, Script& s) {
                    wait_until_victim_sleeps(s);
                    b.event.set();
                    return 0;
                  },
                  event_waiter},
       .judge =
           [](Board& b, Script& s) {
             s.go = true;
             const int finding = all_ended_well(s, 2);
             return finding == kSound && !b.event.is_set() ? static_cast<int>(kLost) : finding;
           },
       .through_sleep = true},
  };
}

std::vector<Trial> latch_trials() {
  const auto waiter = [](Board& b, Script&) { return static_cast<int>(b.latch.wait().kind()); };
  const auto asleep = [](Board& b) { return b.latch.waiters() == 1; };
  return {
      {.subject = "Latch",
       .scenario = "count down, another asleep",
       .body = [](Board& b, Script&) { b.latch.count_down(); },
       .others = {waiter},
       .ready = asleep,
       .judge =
           [](Board& b, Script& s) {
             if (s.phase != kAfter && !b.latch.try_wait()) b.latch.count_down();
             return ended(s, 0) ? s.result[0].load() : kHung;
           }},
      {.subject = "Latch",
       .scenario = "promise, count down, another asleep",
       .body =
           [](Board& b, Script& s) {
             b.latch.promise();
             s.phase = kHolding;
             b.latch.count_down();
           },
       .others = {waiter},
       .ready = asleep,
       .judge =
           [](Board& b, Script& s) {
             const int was = s.phase;
             if (was == kBefore && !comes_true([&] { return s.result[0] != kNotYet || !b.latch.try_wait(); }))
               return static_cast<int>(kHung);
             if (was == kBefore) b.latch.count_down();  // it may not have promised yet
             if (!ended(s, 0)) return static_cast<int>(kHung);
             const int told = s.result[0];
             if (was == kAfter && told != carom::LatchWait::open) return static_cast<int>(kLost);
             return static_cast<int>(
                 told == carom::LatchWait::open || told == carom::LatchWait::forsaken ? kSound : kLost);
           }},
      {.subject = "Latch",
       .scenario = "wait, another asleep",
       .body = [](Board& b, Script&) { static_cast<void>(b.latch.wait()); },
       .others = {[](Board& b, Script& s) {
                    wait_until_victim_sleeps(s);
                    b.latch.count_down();
                    return 0;
                  },
                  waiter},
       .judge =
           [](Board&, Script& s) {
             s.go = true;
             return all_ended_well(s, 2);
           },
       .through_sleep = true},
  };
}

std::vector<Trial> barrier_trials() {
  return {
      last_to_arrive("arrive last, two asleep", [](Board& b, Script&) { meet(b); }),
      last_to_arrive("arrive last with an action, two asleep",
                     [](Board& b, Script&) { b.barrier.wait(carom::Deadline::never(), [] { getppid(); }); }),
      {.subject = "Barrier",
       .scenario = "arrive, one asleep",
       .body = [](Board& b, Script&) { meet(b); },
       .others = {party},
       .ready = [](Board& b) { return b.barrier.waiters() == 1; },
       .judge =
           [](Board& b, Script& s) {
             // Two are left of three: they must not wait for the dead for ever.
             const int mine = meet(b, 5ms);
             if (!ended(s, 0)) return static_cast<int>(kHung);
             return mine == kBroken && s.result[0] == kBroken ? static_cast<int>(kSound)
                                                              : static_cast<int>(kDoubled);
           }},
      {.subject = "Barrier",
       .scenario = "enrol, another asleep",
       .body = [](Board& b, Script&) { b.barrier.enrol(); },
       .others = {party},
       .ready = [](Board& b) { return b.barrier.waiters() == 1; },
       .judge =
           [](Board& b, Script& s) {
             const int was = s.phase;
             if (was != kAfter) b.barrier.abort();  // it may not have enrolled yet
             if (!ended(s, 0)) return static_cast<int>(kHung);
             return s.result[0] == kBroken ? static_cast<int>(kSound) : static_cast<int>(kLost);
           }},
      {.subject = "Barrier",
       .scenario = "reset, two asleep",
       .body = [](Board& b, Script&) { b.barrier.reset(); },
       .others = {party, party},
       .ready = two_wait,
       .judge =
           [](Board& b, Script& s) {
             if (s.phase != kAfter && b.barrier.n_waiting() == 2) b.barrier.reset();
             const int finding = same_fate(s);
             if (finding != kSound) return finding;
             return s.result[0] == kBroken && !b.barrier.broken() ? static_cast<int>(kSound)
                                                                  : static_cast<int>(kLost);
           }},
      {.subject = "Barrier",
       .scenario = "abort, two asleep",
       .body = [](Board& b, Script&) { b.barrier.abort(); },
       .others = {party, party},
       .ready = two_wait,
       .judge =
           [](Board& b, Script& s) {
             if (s.phase != kAfter) b.barrier.abort();
             const int finding = same_fate(s);
             if (finding != kSound) return finding;
             return s.result[0] == kBroken && b.barrier.broken() ? static_cast<int>(kSound)
                                                                 : static_cast<int>(kLost);
           }},
      {.subject = "Barrier",
       .scenario = "time out, one asleep",
       .body = [](Board& b, Script&) { meet(b, 2ms); },
       .others = {party},
       .ready = [](Board& b) { return b.barrier.waiters() == 1; },
       .judge =
           [](Board& b, Script& s) {
             const int mine = meet(b, 5ms);
             if (!ended(s, 0)) return static_cast<int>(kHung);
             return mine == kBroken && s.result[0] == kBroken ? static_cast<int>(kSound)
                                                              : static_cast<int>(kDoubled);
           },
       .over = [](Board& b) { return b.barrier.broken(); },  // an exception on its way is long
       .through_sleep = true},
  };
}

}  // namespace crash
