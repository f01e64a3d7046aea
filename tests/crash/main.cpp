// The kill proofs: every operation, killed at every instruction, in every situation; and the controls, which
// must hang.
#include <sched.h>
#include <sys/personality.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <set>
#include <vector>

#include "crash/ledger.hpp"
#include "crash/lifecycle.hpp"
#include "crash/stage.hpp"
#include "crash/subject.hpp"
#include "crash/trial.hpp"
#include "sync/spin.hpp"

namespace {

// The same addresses in every run, so that ledgers can be compared.
void without_address_randomisation(char** argv) {
  const int now = personality(0xffffffff);
  if (now == -1 || (now & ADDR_NO_RANDOMIZE) != 0) return;
  if (personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE) == -1) return;
  execv("/proc/self/exe", argv);
}

// A step is two context switches: on one processor they cost a fraction. The living may run anywhere.
void share_one_processor_with_the_victims() {
  cpu_set_t first;
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  sched_setaffinity(0, sizeof first, &first);
}

void run_all(crash::Stage& stage, bool grid) {
  stage.alone();
  stage.waiter_asleep();
  stage.barging();
  stage.blocked();
  stage.blocked_beside_another();
  stage.just_woken();
  stage.just_woken_barging();
  stage.frozen();
  stage.timed_wait();
  stage.heir();
  if (grid) stage.second_death();
}

}  // namespace

int main(int argc, char** argv) {
  without_address_randomisation(argv);
  CLI::App app{"Kills every operation at every instruction and checks that everybody else goes on."};
  std::string ledger_path;
  bool quick = false;
  app.add_option("--ledger", ledger_path, "Write one line for each kill to this file");
  app.add_flag("--quick", quick,
               "A subset that takes seconds: no second deaths, and each control hangs once");
  std::vector<std::string> only;
  app.add_option("--only", only,
                 "Only these: Lock, RLock, FifoLock, Segment, Semaphore, BoundedSemaphore, "
                 "\"BoundedSemaphore of 2\", Event, Condition, Barrier, Latch, SharedLock; controls: "
                 "pthread, sem_t, \"pthread robust\"");
  CLI11_PARSE(app, argc, argv);
  const auto chosen = [&](const std::string& name) {
    return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
  };

  share_one_processor_with_the_victims();
  carom::sync::Spin::set_rounds(2);  // more would be the same instructions again
  crash::Ledger ledger(ledger_path);
  crash::Count sum;
  for (const auto& make : {crash::make_lock, crash::make_rlock, crash::make_fifo_lock}) {
    const auto subject = make();
    if (!chosen(subject->name())) continue;
    crash::Stage stage(*subject, ledger, {.every = quick ? 5 : 1});
    run_all(stage, !quick);
    sum += ledger.total(subject->name());
  }
  if (chosen("Segment")) {
    crash::kill_lifecycle(ledger, {.every = quick ? 53 : 1});
    sum += ledger.total("Segment");
  }
  crash::Trials trials(ledger, {.every = quick ? 2 : 1});
  for (const auto& of :
       {crash::semaphore_trials, crash::bounded_trials, crash::event_trials, crash::condition_trials,
        crash::barrier_trials, crash::latch_trials, crash::shared_lock_trials}) {
    std::set<std::string> subjects;
    for (const crash::Trial& trial : of()) {
      if (!chosen(trial.subject)) continue;
      trials.run(trial);
      subjects.insert(trial.subject);
    }
    for (const std::string& subject : subjects) sum += ledger.total(subject);
  }
  // The controls stop early: it is enough to see that a hang is seen.
  bool control_blind = false;
  for (const auto& make : {crash::make_pthread, crash::make_sem, crash::make_robust}) {
    const auto control = make();
    if (!chosen(control->name())) continue;
    crash::Stage stage(
        *control, ledger,
        {.bound_ms = 300, .confirm_ms = 0, .max_hangs = quick ? 1 : 5, .every = quick ? 5 : 1});
    run_all(stage, false);
    if (ledger.total(control->name()).hung != 0) continue;
    std::printf("The control %s never hung: this run proves nothing.\n", control->name().c_str());
    control_blind = true;
  }

  if (!ledger_path.empty()) std::printf("Ledger: %s\n", ledger_path.c_str());
  std::printf("%ld kill points, %ld hung, %ld lost, %ld doubled\n", sum.points, sum.hung, sum.lost,
              sum.doubled);
  return sum.hung + sum.lost + sum.doubled != 0 || control_blind ? 1 : 0;
}
