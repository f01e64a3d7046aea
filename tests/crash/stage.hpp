// Where a kill is staged: a lock in a known state, a victim that is stepped and killed, and the living who
// must go on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crash/actor.hpp"
#include "crash/ledger.hpp"
#include "crash/route.hpp"
#include "crash/subject.hpp"
#include "crash/tracee.hpp"
#include "support/plain.hpp"

namespace crash {

struct Limits {
  int bound_ms = 1000;      ///< how long the living may wait for what is free
  int confirm_ms = 15'000;  ///< how long a wait that broke the bound is watched before it is called hung
  long max_hangs = -1;      ///< stop a scenario after that many; -1: never. For the controls
  int every = 1;            ///< of a long operation kill at every n-th instruction only; 1: at all of them

  /// What is not long is killed at every instruction anyway.
  int stride(std::size_t points) const { return points > 250 ? every : 1; }
};

class Stage {
 public:
  Stage(Subject& subject, Ledger& ledger, const Limits& limits);

  // The scenarios. Each kills the victim at every instruction from its begin to its end.
  void alone();                   ///< acquire and release, nobody else there
  void waiter_asleep();           ///< release, while another sleeps for the lock
  void barging();                 ///< the same; a third tries to get in before the victim dies
  void blocked();                 ///< acquire of a held lock, up to and including the sleep
  void blocked_beside_another();  ///< the same, with another asleep for it too
  void just_woken();              ///< from its wake on, with another still asleep
  void just_woken_barging();      ///< the same; a third tries to get in before the victim dies
  void frozen();                  ///< stopped for a while, others act, then killed
  void timed_wait();              ///< acquire with a timeout that passes
  void heir();                    ///< the one that the kernel wakes after an owner's death dies in turn
  void second_death();            ///< every state a first death leaves, times every instruction of the next

 private:
  struct Judged {
    Verdict verdict = Verdict::fine;
    double wait_ms = 0;
  };
  /// What the next owner must be told.
  enum class Notice { must, may, must_not };

  void fresh();
  std::unique_ptr<Tracee> victim(bool already_holding, int timeout_ms = -1);
  int phase() const { return scene_->phase.load(); }
  Notice notice() const;

  /// Runs `scenario` for one kill point after the other until it says that the operation has ended. `run`
  /// stages the kill after that many steps and judges what follows.
  using Run = std::function<std::optional<Judged>(int point)>;
  void sweep(const std::string& scenario, const std::string& operation, const Run& run,
             bool through_sleep = false);
  Route new_route(bool through_sleep);

  /// Brings the victim to its kill point; false if there is none. In the first run of a sweep: notes its way.
  bool advance(Tracee& victim, int point);

  /// Steps the victim until it sleeps. False if it ended instead.

  std::optional<Judged> kill_and_judge(Tracee& victim);
  Judged judge_free(Notice expected);
  Judged judge_waiter(Notice expected);
  Judged judge_answer(Actor& actor, const std::optional<Attempt>& answer, Notice expected, double wait_ms);
  void second_waiter_sleeps();
  std::optional<Judged> run_woken(int point, bool barge);
  std::optional<Judged> run_release(int point, bool barge);
  std::optional<Judged> run_blocked(int point, bool beside);

  Subject& subject_;
  Ledger& ledger_;
  Limits limits_;
  support::Plain<Scene> scene_;
  std::vector<std::byte> blank_;        // nobody has joined
  std::vector<std::byte> with_actors_;  // survivor and waiter have
  std::unique_ptr<Actor> survivor_;
  std::unique_ptr<Actor> waiter_;

  // Of the present sweep.
  Route route_;
  bool recording_ = false;
  bool walking_ = false;
  bool missed_ = false;

  // Of the present kill.
  std::uint64_t address_ = 0;
  int victim_was_ = 0;
};

}  // namespace crash
