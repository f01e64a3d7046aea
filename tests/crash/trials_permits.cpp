// Kills in Semaphore and BoundedSemaphore.
#include <unistd.h>

#include <chrono>
#include <mutex>

#include "crash/trial.hpp"

namespace crash {
namespace {

using carom::Acquisition;
using carom::Release;
using namespace std::chrono_literals;

/// All permits of a semaphore that nobody alive holds are there, once.
template <class S>
int all_there(S& semaphore, std::uint32_t permits) {
  for (std::uint32_t i = 0; i < permits; ++i) {
    if (!semaphore.try_lock_for(10s)) return kLost;
  }
  if (semaphore.try_lock()) return kDoubled;
  for (std::uint32_t i = 0; i < permits; ++i) semaphore.unlock();
  return semaphore.get_value() == permits ? kSound : kDoubled;
}

template <class S>
std::vector<Trial> scope_trials(const std::string& subject, S Board::*member, std::uint32_t permits) {
  const auto lock_all = [=](Board& b, Script&) {
    for (std::uint32_t i = 0; i < permits; ++i) (b.*member).lock();
  };
  const auto unlock_all = [=](Board& b) {
    for (std::uint32_t i = 0; i < permits; ++i) (b.*member).unlock();
  };
  const auto pass_through = [=](Board& b, Script&) {
    (b.*member).lock();
    (b.*member).unlock();
    return 0;
  };
  const auto after_the_victim = [=](Board& b, Script& s) {
    while ((b.*member).get_value() != 0 && !s.go) usleep(100);
    return pass_through(b, s);
  };
  const auto behind_the_victim = [=](Board& b, Script& s) {
    wait_until_victim_sleeps(s);
    return pass_through(b, s);
  };
  const auto holder = [=](Board& b, Script& s) {
    lock_all(b, s);
    wait_for_go(s);
    unlock_all(b);
    return 0;
  };
  const auto waker = [=](Board& b, Script& s) {
    lock_all(b, s);
    while ((b.*member).waiters() < 2 && !s.go) usleep(200);
    wait_until_victim_sleeps(s);
    unlock_all(b);
    return 0;
  };
  const auto body = [=](Board& b, Script& s) { pass_through(b, s); };
  const auto judge = [=](std::size_t others) {
    return [=](Board& b, Script& s) {
      s.go = true;
      for (std::size_t i = 0; i < others; ++i) {
        if (!ended(s, i)) return static_cast<int>(kHung);
      }
      return all_there(b.*member, permits);
    };
  };
  const auto waiting = [=](std::size_t count) {
    return [=](Board& b) { return (b.*member).waiters() == count; };
  };
  return {
      {.subject = subject, .scenario = "lock, unlock in a scope", .body = body, .judge = judge(0)},
      {.subject = subject,
       .scenario = "unlock, another asleep",
       .body = [=](Board& b, Script&) { unlock_all(b); },
       .before = lock_all,
       .others = {after_the_victim},
       .set = waiting(1),
       .judge = judge(1)},
      {.subject = subject,
       .scenario = "lock, blocked beside another",
       .body = body,
       .others = {holder, pass_through},
       .ready = waiting(1),
       .judge = judge(2)},
      {.subject = subject,
       .scenario = "just woken, another asleep",
       .body = body,
       .others = {waker, behind_the_victim},
       .judge = judge(2),
       .through_sleep = true},
      {.subject = subject,
       .scenario = "timed out, another asleep",
       .body = [=](Board& b, Script&) { static_cast<void>((b.*member).try_lock_for(2ms)); },
       .others = {holder, pass_through},
       .ready = waiting(1),
       .judge = judge(2),
       .through_sleep = true},
      {.subject = subject,
       .scenario = "lock, all held by the dead",
       .body = body,
       .dead = {[=](Board& b) {
         for (std::uint32_t i = 0; i < permits; ++i) (b.*member).lock();
       }},
       .judge = judge(0)},
  };
}

Trial join_over_the_dead() {
  return {.subject = "Semaphore",
          .scenario = "join in the slot of a dead holder",
          .body = [](Board& b, Script&) { std::scoped_lock hold(b.scoped); },
          .dead = {[](Board& b) { b.scoped.lock(); }, [](Board& b) { b.pair.lock(); }},
          .judge =
              [](Board& b, Script&) {
                const int finding = all_there(b.scoped, 1);
                return finding == kSound ? all_there(b.pair, 2) : finding;
              },
          .participants = 2};
}

/// Signals: what is released is acquired once, or still there.
int signals_conserved(Board& b, std::uint32_t taken, bool may_be_one_less, bool may_be_one_more,
                      std::uint32_t released) {
  const std::uint32_t there = b.signals.get_value();
  if (there + taken == released) return kSound;
  if (may_be_one_less && there + taken + 1 == released) return kSound;
  if (may_be_one_more && there + taken == released + 1) return kSound;
  return there + taken < released ? kLost : kDoubled;
}

std::vector<Trial> signal_trials() {
  const auto consumer = [](Board& b, Script& s) {
    static_cast<void>(b.signals.acquire());
    ++s.noted;
    return 0;
  };
  return {
      {.subject = "Semaphore",
       .scenario = "release, another asleep",
       .body =
           [](Board& b, Script& s) {
             s.phase = kReleasing;
             static_cast<void>(b.signals.release());
           },
       .others = {consumer},
       .ready = [](Board& b) { return b.signals.waiters() == 1; },
       .judge =
           [](Board& b, Script& s) {
             const int was = s.phase;
             if (was == kAfter && !ended(s, 0)) return static_cast<int>(kHung);
             static_cast<void>(b.signals.release());
             if (!ended(s, 0)) return static_cast<int>(kHung);
             return signals_conserved(b, 1, false, was == kReleasing, was == kAfter ? 2 : 1);
           }},
      {.subject = "Semaphore",
       .scenario = "release(2), two asleep",
       .body =
           [](Board& b, Script& s) {
             s.phase = kReleasing;
             static_cast<void>(b.signals.release(2));
           },
       .others = {consumer, consumer},
       .ready = [](Board& b) { return b.signals.waiters() == 2; },
       .judge =
           [](Board& b, Script& s) {
             const int was = s.phase;
             if (was == kAfter && (!ended(s, 0) || !ended(s, 1))) return static_cast<int>(kHung);
             // Either both or none have been released: those who are alone in the end get theirs from here.
             usleep(1000);
             const std::uint32_t seen = b.signals.get_value() + static_cast<std::uint32_t>(s.noted);
             if (seen == 1) return static_cast<int>(kLost);
             static_cast<void>(b.signals.release(2));
             if (!ended(s, 0) || !ended(s, 1)) return static_cast<int>(kHung);
             const std::uint32_t there = b.signals.get_value();
             return static_cast<int>(there == 0 || there == 2 ? kSound : there < 2 ? kLost : kDoubled);
           }},
      {.subject = "Semaphore",
       .scenario = "bare acquire, just woken, another asleep",
       .body =
           [](Board& b, Script& s) {
             s.phase = kAcquiring;
             static_cast<void>(b.signals.acquire());
           },
       .others = {[](Board& b, Script& s) {
                    while (b.signals.waiters() < 2 && !s.go) usleep(200);
                    wait_until_victim_sleeps(s);
                    static_cast<void>(b.signals.release());
                    ++s.noted;
                    return 0;
                  },
                  [=](Board& b, Script& s) {
                    wait_until_victim_sleeps(s);
                    return consumer(b, s);
                  }},
       .judge =
           [](Board& b, Script& s) {
             // What was released is taken by the victim or by the other, and lies there no longer than a moment.
             s.go = true;  // the waker releases at the latest now
             if (!ended(s, 0)) return static_cast<int>(kHung);
             if (!comes_true([&] { return b.signals.get_value() == 0; })) return static_cast<int>(kHung);
             static_cast<void>(b.signals.release(2));
             if (!ended(s, 1)) return static_cast<int>(kHung);
             const std::uint32_t there = b.signals.get_value();
             return static_cast<int>(there == 1 || there == 2 ? kSound : there < 1 ? kLost : kDoubled);
           },
       .through_sleep = true},
      {.subject = "Semaphore",
       .scenario = "tracked acquire, release",
       .body =
           [](Board& b, Script&) {
             static_cast<void>(b.tracked.acquire());
             static_cast<void>(b.tracked.release());
           },
       .judge = [](Board& b, Script&) { return all_there(b.tracked, 1); }},
  };
}

Trial foreign_release() {
  return {.subject = "BoundedSemaphore",
          .scenario = "release of somebody else's permit",
          .body = [](Board& b, Script&) { static_cast<void>(b.pair.release()); },
          .others = {[](Board& b, Script& s) {
            b.pair.lock();
            wait_for_go(s);
            return 0;  // ends with its permit, which may have been released for it
          }},
          .ready = [](Board& b) { return b.pair.get_value() == 1; },
          .judge =
              [](Board& b, Script& s) {
                const int was = s.phase;
                const std::uint32_t now = b.pair.get_value();
                if (was == kAfter && now != 2) return static_cast<int>(kLost);
                s.go = true;
                if (!ended(s, 0)) return static_cast<int>(kHung);
                if (!comes_true([&] { return b.pair.get_value() == 2; })) return static_cast<int>(kLost);
                if (b.pair.release() != Release::too_many) return static_cast<int>(kDoubled);
                return all_there(b.pair, 2);
              }};
}

void append(std::vector<Trial>& to, std::vector<Trial> more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

std::vector<Trial> semaphore_trials() {
  std::vector<Trial> all = scope_trials("Semaphore", &Board::scoped, 1);
  append(all, signal_trials());
  all.push_back(join_over_the_dead());
  return all;
}

std::vector<Trial> bounded_trials() {
  std::vector<Trial> all = scope_trials("BoundedSemaphore", &Board::bounded, 1);
  append(all, scope_trials("BoundedSemaphore of 2", &Board::pair, 2));
  all.push_back(foreign_release());
  return all;
}

}  // namespace crash
