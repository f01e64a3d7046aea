#include "crash/trial.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>

#include "crash/route.hpp"
#include "crash/tracee.hpp"

namespace crash {
namespace {

// Long enough for a busy machine; the ledger shows how long it really took.
constexpr auto kBound = std::chrono::seconds(10);

// How many points of each trial a quick run takes.
constexpr std::size_t kQuickPoints = 40;

void guarded(const char* who, const std::function<void()>& body) {
  try {
    body();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", who, e.what());
    std::fflush(nullptr);
    _exit(kLost);
  }
}

}  // namespace

void wait_until_victim_sleeps(const Script& script) {
  for (int in_a_row = 0; in_a_row < 3 && !script.go;) {
    usleep(300);
    in_a_row = script.victim != 0 && support::sleeps(script.victim) ? in_a_row + 1 : 0;
  }
}

void wait_for_go(const Script& script) {
  while (!script.go) usleep(200);
}

bool comes_true(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + kBound;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    usleep(100);
  }
  return true;
}

bool ended(const Script& script, std::size_t other) {
  return comes_true([&] { return script.result[other] != kNotYet; });
}

/// Everything of one kill.
struct Trials::Staged {
  explicit Staged(const Trial& trial)
      : shared(carom::Shared<Board>::anonymous({.participants = trial.participants})) {
    Board& board = *shared;
    for (auto& result : script->result) result = kNotYet;
    for (const auto& body : trial.dead) {
      support::Forked left_behind([&] {
        guarded("dead", [&] { body(board); });
        script->noted = 1;
        pause();
      });
      support::wait_until([&] { return script->noted == 1; });
      left_behind.kill();
      script->noted = 0;
    }
    for (std::size_t i = 0; i < trial.others.size(); ++i) {
      others.emplace_back([&, i] {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        guarded("other", [&] { script->result[i] = trial.others[i](board, *script); });
        _exit(0);
      });
      // One after the other, so that who came first is known.
      support::wait_until([&] { return support::sleeps(others[i].pid()); });
    }
    if (trial.ready) support::wait_until([&] { return trial.ready(board); });
    victim = std::make_unique<Tracee>([&] {
      script->victim = getpid();
      shared.segment().join();
      if (trial.before) trial.before(board, *script);
      CRASH_BEGIN();
      trial.body(board, *script);
      script->phase = kAfter;
      _exit(0);
    });
    if (trial.set) support::wait_until([&] { return trial.set(board); });
  }

  carom::Shared<Board> shared;
  support::Plain<Script> script;
  std::vector<support::Forked> others;
  std::unique_ptr<Tracee> victim;
};

Verdict Trials::judge(const Trial& trial, Staged& staged) const {
  support::Forked judge([&] {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGALRM, SIG_DFL);
    alarm(30);
    guarded(trial.scenario.c_str(), [&] { _exit(trial.judge(*staged.shared, *staged.script)); });
  });
  switch (judge.wait()) {
    case kSound:
      return Verdict::fine;
    case kDoubled:
      return Verdict::doubled;
    case kHung:
    case -SIGALRM:
      return Verdict::hung;
    default:
      return Verdict::lost;
  }
}

void Trials::run(const Trial& trial) {
  std::optional<Staged> staged;
  const auto over = [&] {
    return staged->script->phase == kAfter || (trial.over && trial.over(*staged->shared));
  };
  Route route(over, trial.through_sleep);
  staged.emplace(trial);
  route.record(*staged->victim);
  const std::size_t stride = limits_.every == 1 ? 1 : route.points() / kQuickPoints + 1;
  for (std::size_t point = 0; point < route.points(); point += stride) {
    staged.emplace(trial);
    if (route.reach(*staged->victim, point) == Route::Arrival::missed) {
      staged.emplace(trial);
      if (route.walk(*staged->victim, point) == Route::Arrival::over) continue;
    }
    Entry entry{trial.subject,
                trial.scenario,
                trial.scenario,
                static_cast<int>(point),
                -1,
                staged->victim->instruction(),
                staged->script->phase};
    staged->victim->kill();
    const auto since = std::chrono::steady_clock::now();
    entry.verdict = judge(trial, *staged);
    entry.wait_ms =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since).count();
    ledger_.add(entry);
  }
  ledger_.print_scenario(trial.subject, trial.scenario);
}

}  // namespace crash
