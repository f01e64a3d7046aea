// Kills in Condition and SharedLock.
#include <unistd.h>

#include <chrono>
#include <mutex>

#include "crash/trial.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/turn_word.hpp"

namespace crash {
namespace {

using carom::Acquisition;
using namespace std::chrono_literals;
using State = carom::memory::TurnWord::State;

int wait_for_notice(Board& b, Script& s) {
  std::unique_lock hold(b.lock);
  b.condition.wait(hold);
  ++s.noted;
  return 0;
}

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

int lock_works(Board& b) {
  if (!b.lock.acquire(10s)) return kHung;
  static_cast<void>(b.lock.release());
  return kSound;
}

/// Lets everybody go who waits still, and sees that the lock is in order.
int release_all(Board& b, Script& s, std::size_t others) {
  for (std::size_t i = 0; i < others; ++i) {
    if (!comes_true([&] {
          b.condition.notify_all();
          return s.result[i] != kNotYet;
        })) {
      return kHung;
    }
  }
  return lock_works(b);
}

Trial notify_trial(const std::string& scenario, std::size_t asleep, std::function<void(Board&)> notify) {
  return {.subject = "Condition",
          .scenario = scenario,
          .body =
              [notify](Board& b, Script&) {
                std::scoped_lock hold(b.lock);
                notify(b);
              },
          .others = std::vector<std::function<int(Board&, Script&)>>(asleep, wait_for_notice),
          .ready = [=](Board& b) { return b.condition.waiters() == asleep; },
          .judge =
              [=](Board& b, Script& s) {
                const int was = s.phase;
                const int expected = scenario.starts_with("notify_all") ? static_cast<int>(asleep) : 1;
                if (was == kAfter && !comes_true([&] { return s.noted >= expected; }))
                  return static_cast<int>(kLost);
                usleep(1000);
                if (s.noted > expected) return static_cast<int>(kDoubled);
                return release_all(b, s, asleep);
              }};
}

int read_and_leave(Board& b, Script&) {
  b.shared.lock_shared();
  b.shared.unlock_shared();
  return 0;
}

int write_and_leave(Board& b, Script&) {
  b.shared.lock();
  b.shared.unlock();
  return 0;
}

int read_until_go(Board& b, Script& s) {
  b.shared.lock_shared();
  wait_for_go(s);
  b.shared.unlock_shared();
  return 0;
}

int write_until_go(Board& b, Script& s) {
  b.shared.lock();
  wait_for_go(s);
  b.shared.unlock();
  return 0;
}

int write_until_the_victim_sleeps(Board& b, Script& s) {
  b.shared.lock();
  wait_until_victim_sleeps(s);
  b.shared.unlock();
  return 0;
}

template <int (*kThen)(Board&, Script&)>
int behind_the_victim(Board& b, Script& s) {
  wait_until_victim_sleeps(s);
  return kThen(b, s);
}

int judge_shared(Board& b, Script& s, std::size_t others) {
  s.go = true;
  for (std::size_t i = 0; i < others; ++i) {
    if (!ended(s, i)) return kHung;
  }
  // A writer gets it, whatever is left; then it is as new.
  if (!b.shared.acquire(10s)) return kHung;
  if (b.shared.release() != carom::Release::released) return kLost;
  if (b.shared.acquire(10s) != Acquisition::acquired) return kDoubled;
  if (b.shared.release() != carom::Release::released) return kLost;
  if (b.shared.acquire_shared(false) != Acquisition::acquired) return kLost;
  return b.shared.release_shared() == carom::Release::released ? kSound : kLost;
}

Trial shared_trial(const std::string& scenario, std::function<void(Board&, Script&)> body,
                   std::vector<std::function<int(Board&, Script&)>> others, bool through_sleep = false) {
  const std::size_t count = others.size();
  return {.subject = "SharedLock",
          .scenario = scenario,
          .body = std::move(body),
          .others = std::move(others),
          .judge = [=](Board& b, Script& s) { return judge_shared(b, s, count); },
          .through_sleep = through_sleep};
}

}  // namespace

std::vector<Trial> condition_trials() {
  const auto one_waits = [](Board& b) { return b.condition.waiters() == 1; };
  std::vector<Trial> trials = {
      notify_trial("notify_one, two asleep", 2, [](Board& b) { b.condition.notify_one(); }),
      notify_trial("notify_all, three asleep", 3, [](Board& b) { b.condition.notify_all(); }),
      {.subject = "Condition",
       .scenario = "wait, another asleep",
       .body =
           [](Board& b, Script&) {
             std::unique_lock hold(b.lock);
             b.condition.wait(hold);
           },
       .others = {wait_for_notice},
       .ready = one_waits,
       .judge = [](Board& b, Script& s) { return release_all(b, s, 1); }},
      {.subject = "Condition",
       .scenario = "notified, another asleep",
       .body =
           [](Board& b, Script&) {
             std::unique_lock hold(b.lock);
             b.condition.wait(hold);
           },
       .others = {[](Board& b, Script& s) {
                    while (b.condition.waiters() < 2 && !s.go) usleep(200);
                    if (s.go) return 0;
                    usleep(500);
                    std::scoped_lock hold(b.lock);
                    b.condition.notify_one();
                    return 0;
                  },
                  behind_the_victim<wait_for_notice>},
       .judge =
           [](Board& b, Script& s) {
             const bool must_be_passed_on = notice_lies_with_the_dead(b);
             if (must_be_passed_on && !ended(s, 1)) return static_cast<int>(kLost);
             s.go = true;
             if (!ended(s, 0)) return static_cast<int>(kHung);
             return release_all(b, s, 2);
           },
       .through_sleep = true},
      {.subject = "Condition",
       .scenario = "timed out, another asleep",
       .body =
           [](Board& b, Script&) {
             std::unique_lock hold(b.lock);
             b.condition.wait_for(hold, 2ms);
           },
       .others = {wait_for_notice},
       .ready = one_waits,
       .judge = [](Board& b, Script& s) { return release_all(b, s, 1); },
       .through_sleep = true},
  };
  return trials;
}

std::vector<Trial> shared_lock_trials() {
  const auto read = [](Board& b, Script& s) { read_and_leave(b, s); };
  const auto write = [](Board& b, Script& s) { write_and_leave(b, s); };
  std::vector<Trial> trials = {
      shared_trial("read alone", read, {}),
      shared_trial("write alone", write, {}),
      shared_trial("read beside a reader, a writer asleep", read, {read_until_go, write_and_leave}),
      shared_trial("write, readers inside", write, {read_until_go, read_until_go}),
      shared_trial("write, a reader inside, another behind", write,
                   {read_until_go, behind_the_victim<read_and_leave>}),
      shared_trial("read, a writer inside, others behind", read,
                   {write_until_go, behind_the_victim<read_and_leave>, behind_the_victim<write_and_leave>}),
      shared_trial("reader just woken, others asleep", read,
                   {write_until_the_victim_sleeps, behind_the_victim<read_and_leave>,
                    behind_the_victim<write_and_leave>},
                   true),
      shared_trial("writer just woken, others asleep", write,
                   {write_until_the_victim_sleeps, behind_the_victim<read_and_leave>,
                    behind_the_victim<write_and_leave>},
                   true),
      shared_trial(
          "writer timed out, others behind",
          [](Board& b, Script&) { static_cast<void>(b.shared.acquire(2ms)); },
          {read_until_go, behind_the_victim<read_and_leave>}, true),
  };
  Trial leave = shared_trial("reader leaves, a writer asleep",
                             [](Board& b, Script&) { static_cast<void>(b.shared.release_shared()); },
                             {[](Board& b, Script& s) {
                               while (b.shared.reader_count() == 0 && !s.go) usleep(100);
                               return write_and_leave(b, s);
                             }});
  leave.before = [](Board& b, Script&) { b.shared.lock_shared(); };
  leave.set = [](Board& b) { return b.shared.waiters() == 1; };
  trials.push_back(leave);
  Trial unlock = shared_trial("writer releases, reader and writer asleep",
                              [](Board& b, Script&) { static_cast<void>(b.shared.release()); },
                              {[](Board& b, Script& s) {
                                 while (!b.shared.locked() && !s.go) usleep(100);
                                 return read_and_leave(b, s);
                               },
                               [](Board& b, Script& s) {
                                 while (!b.shared.locked() && !s.go) usleep(100);
                                 return write_and_leave(b, s);
                               }});
  unlock.before = [](Board& b, Script&) { b.shared.lock(); };
  unlock.set = [](Board& b) { return b.shared.waiters() == 2; };
  trials.push_back(unlock);
  for (const bool reading : {true, false}) {
    Trial recover = shared_trial(reading ? "read after a writer's death" : "write after a writer's death",
                                 reading ? std::function<void(Board&, Script&)>(read) : write, {});
    recover.dead = {[](Board& b) { b.shared.lock(); }};
    trials.push_back(recover);
  }
  return trials;
}

}  // namespace crash
