#include "crash/stage.hpp"

#include <unistd.h>

#include <chrono>
#include <set>
#include <thread>

namespace crash {
namespace {

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Stage::Stage(Subject& subject, Ledger& ledger, const Limits& limits)
    : subject_(subject), ledger_(ledger), limits_(limits), route_(new_route(false)) {
  fresh();
}

void Stage::fresh() {
  if (survivor_ && survivor_->busy()) survivor_.reset();
  if (waiter_ && waiter_->busy()) waiter_.reset();
  if (blank_.empty()) blank_ = subject_.save();
  if (!survivor_ || !waiter_) {
    survivor_.reset();
    waiter_.reset();
    subject_.restore(blank_);
    survivor_ = std::make_unique<Actor>(subject_, *scene_);
    waiter_ = std::make_unique<Actor>(subject_, *scene_);
    // What both left when they joined is part of every beginning from now on.
    with_actors_ = subject_.save();
  }
  subject_.restore(with_actors_);
  scene_->phase = kBefore;
  scene_->inside = 0;
  scene_->doubled = 0;
}

std::unique_ptr<Tracee> Stage::victim(bool already_holding, int timeout_ms) {
  return std::make_unique<Tracee>([=, this] {
    subject_.join();
    if (already_holding) {
      subject_.acquire(-1);
      scene_->phase = kHolding;
    }
    CRASH_BEGIN();
    if (!already_holding) {
      scene_->phase = kAcquiring;
      if (!subject_.acquire(timeout_ms).held) {
        scene_->phase = kAfter;
        _exit(0);
      }
      scene_->phase = kHolding;
    }
    scene_->phase = kReleasing;
    subject_.release();
    scene_->phase = kAfter;
    _exit(0);
  });
}

Stage::Notice Stage::notice() const {
  if (!subject_.tells()) return Notice::may;
  switch (victim_was_) {
    case kHolding:
      return Notice::must;
    case kAcquiring:
    case kReleasing:
      return Notice::may;
    default:
      return Notice::must_not;
  }
}

Route Stage::new_route(bool through_sleep) {
  return Route([this] { return phase() == kAfter; }, through_sleep);
}

bool Stage::advance(Tracee& victim, int point) {
  if (recording_) {
    route_.record(victim);
    recording_ = false;
    return false;
  }
  const auto at = static_cast<std::size_t>(point);
  const Route::Arrival arrival = walking_ ? route_.walk(victim, at) : route_.reach(victim, at);
  missed_ = arrival == Route::Arrival::missed;
  return arrival == Route::Arrival::there || arrival == Route::Arrival::asleep;
}

void Stage::sweep(const std::string& scenario, const std::string& operation, const Run& run,
                  bool through_sleep) {
  route_ = new_route(through_sleep);
  recording_ = true;
  fresh();
  run(0);
  long hangs = 0;
  for (int point = 0; static_cast<std::size_t>(point) < route_.points();
       point += limits_.stride(route_.points())) {
    fresh();
    std::optional<Judged> judged = run(point);
    if (!judged && missed_) {
      fresh();
      walking_ = true;
      judged = run(point);
      walking_ = false;
    }
    if (!judged) continue;  // the operation was over sooner this time
    ledger_.add({subject_.name(), scenario, operation, point, -1, address_, victim_was_, judged->wait_ms,
                 judged->verdict});
    if (judged->verdict == Verdict::hung && ++hangs == limits_.max_hangs) break;
  }
  ledger_.print_scenario(subject_.name(), scenario);
}

Stage::Judged Stage::judge_answer(Actor& actor, const std::optional<Attempt>& answer, Notice expected,
                                  double wait_ms) {
  if (!answer || !answer->held) {
    return {Verdict::hung, wait_ms};
  }
  Judged judged{Verdict::fine, wait_ms};
  if (answer->wrong || (expected == Notice::must && !answer->told)) judged.verdict = Verdict::lost;
  if (expected == Notice::must_not && answer->told) judged.verdict = Verdict::doubled;
  actor.release();
  return judged;
}

Stage::Judged Stage::judge_free(Notice expected) {
  const double since = now_ms();
  std::optional<Attempt> answer = survivor_->acquire(limits_.bound_ms);
  if (answer && !answer->held && limits_.confirm_ms != 0) answer = survivor_->acquire(limits_.confirm_ms);
  Judged judged = judge_answer(*survivor_, answer, expected, now_ms() - since);
  if (judged.verdict != Verdict::fine) return judged;
  // The next but one finds a lock that nothing ever happened to.
  const std::optional<Attempt> second = survivor_->acquire(limits_.bound_ms);
  const Judged after = judge_answer(*survivor_, second, Notice::must_not, 0);
  if (after.verdict != Verdict::fine) judged.verdict = after.verdict;
  if (scene_->doubled != 0) judged.verdict = Verdict::doubled;
  return judged;
}

Stage::Judged Stage::judge_waiter(Notice expected) {
  const double since = now_ms();
  std::optional<Attempt> answer = waiter_->wait_for_answer(limits_.bound_ms);
  if (!answer && limits_.confirm_ms != 0) answer = waiter_->wait_for_answer(limits_.confirm_ms);
  Judged judged = judge_answer(*waiter_, answer, expected, now_ms() - since);
  if (judged.verdict != Verdict::fine) return judged;
  const Judged after = judge_free(Notice::must_not);
  if (after.verdict != Verdict::fine) judged.verdict = after.verdict;
  return judged;
}

std::optional<Stage::Judged> Stage::kill_and_judge(Tracee& victim) {
  address_ = victim.instruction();
  victim_was_ = phase();
  victim.kill();
  return judge_free(notice());
}

void Stage::second_waiter_sleeps() {
  waiter_->begin_acquire(-1);
  waiter_->wait_until_asleep();
}

void Stage::alone() {
  sweep("alone", "acquire, release", [&](int point) -> std::optional<Judged> {
    const auto v = victim(false);
    if (!advance(*v, point)) return std::nullopt;
    return kill_and_judge(*v);
  });
}

std::optional<Stage::Judged> Stage::run_release(int point, bool barge) {
  const auto v = victim(true);
  second_waiter_sleeps();
  if (!advance(*v, point)) return std::nullopt;
  bool barged = false;
  if (barge) {
    const auto tried = survivor_->acquire(0);
    barged = tried && tried->held;
  }
  address_ = v->instruction();
  victim_was_ = phase();
  v->kill();
  if (barged) {
    if (victim_was_ == kHolding) return Judged{Verdict::doubled, 0};
    std::this_thread::sleep_for(std::chrono::microseconds(200));  // let a woken waiter find it taken
    survivor_->release();
  }
  return judge_waiter(barged ? Notice::must_not : notice());
}

void Stage::waiter_asleep() {
  sweep("waiter asleep", "release", [&](int point) { return run_release(point, false); });
}

void Stage::barging() {
  sweep("waiter asleep, third barging", "release", [&](int point) { return run_release(point, true); });
}

std::optional<Stage::Judged> Stage::run_blocked(int point, bool beside) {
  survivor_->acquire(-1);
  if (beside) second_waiter_sleeps();
  const auto v = victim(false);
  if (!advance(*v, point)) return std::nullopt;
  address_ = v->instruction();
  victim_was_ = phase();
  v->kill();
  survivor_->release();
  return beside ? judge_waiter(Notice::must_not) : judge_free(Notice::must_not);
}

void Stage::blocked() {
  sweep("blocked", "acquire", [&](int point) { return run_blocked(point, false); });
}

void Stage::blocked_beside_another() {
  sweep("blocked beside another", "acquire", [&](int point) { return run_blocked(point, true); });
}

std::optional<Stage::Judged> Stage::run_woken(int point, bool barge) {
  survivor_->acquire(-1);
  const auto v = victim(false);
  if (!v->run_to_sleep()) return std::nullopt;
  second_waiter_sleeps();
  survivor_->release();
  if (!v->stopped_again(10'000)) return std::nullopt;
  if (!advance(*v, point)) return std::nullopt;
  bool barged = false;
  if (barge) {
    const auto tried = survivor_->acquire(0);
    barged = tried && tried->held;
  }
  address_ = v->instruction();
  victim_was_ = phase();
  v->kill();
  if (barged) {
    if (victim_was_ == kHolding) return Judged{Verdict::doubled, 0};
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    survivor_->release();
  }
  return judge_waiter(barged ? Notice::must_not : notice());
}

void Stage::just_woken() {
  sweep("just woken, another asleep", "acquire, release", [&](int point) { return run_woken(point, false); });
}

void Stage::just_woken_barging() {
  sweep("just woken, third barging", "acquire, release", [&](int point) { return run_woken(point, true); });
}

void Stage::frozen() {
  constexpr int kLookMs = 2;
  sweep("frozen, then killed", "acquire, release", [&](int point) -> std::optional<Judged> {
    const auto v = victim(false);
    if (!advance(*v, point)) return std::nullopt;
    const auto tried = survivor_->acquire(kLookMs);
    if (tried && tried->held) {
      if (phase() == kHolding || tried->told) return Judged{Verdict::doubled, 0};
      survivor_->release();
    }
    return kill_and_judge(*v);
  });
}

void Stage::timed_wait() {
  constexpr int kTimeoutMs = 20;
  const auto run = [&](int point) -> std::optional<Judged> {
    survivor_->acquire(-1);
    const auto v = victim(false, kTimeoutMs);
    if (!advance(*v, point)) return std::nullopt;
    address_ = v->instruction();
    victim_was_ = phase();
    v->kill();
    survivor_->release();
    return judge_free(Notice::must_not);
  };
  sweep("timed wait", "acquire with a timeout", run, true);
}

void Stage::heir() {
  sweep("heir of a dead owner, another asleep", "acquire, release", [&](int point) -> std::optional<Judged> {
    // The first victim is stopped where it holds the lock.
    auto first = victim(true);
    const auto v = victim(false);
    scene_->phase = kBefore;
    if (!v->run_to_sleep()) return std::nullopt;
    second_waiter_sleeps();
    first->kill();
    if (!v->stopped_again(10'000)) return std::nullopt;
    if (!advance(*v, point)) return std::nullopt;
    address_ = v->instruction();
    victim_was_ = phase();
    v->kill();
    const bool was_told_of_the_first = victim_was_ == kAcquiring && subject_.tells();
    return judge_waiter(was_told_of_the_first ? Notice::must : notice());
  });
}

void Stage::second_death() {
  const std::string scenario = "second death while recovering";
  std::set<std::vector<std::uint32_t>> seen;
  fresh();
  Route first_route = new_route(false);
  first_route.record(*victim(false));
  long hangs = 0;
  for (int first_point = 0; hangs != limits_.max_hangs; ++first_point) {
    fresh();
    const auto first = victim(false);
    if (first_route.reach(*first, static_cast<std::size_t>(first_point)) != Route::Arrival::there) break;
    const int first_was = phase();
    first->kill();
    std::vector<std::uint32_t> state = subject_.state();
    state.push_back(static_cast<std::uint32_t>(first_was));
    if (!seen.insert(state).second) continue;
    const std::vector<std::byte> after_first = subject_.save();
    route_ = new_route(false);
    route_.record(*victim(false));
    for (int point = 0; hangs != limits_.max_hangs; point += limits_.stride(route_.points())) {
      fresh();
      subject_.restore(after_first);
      const auto second = victim(false);
      if (!advance(*second, point)) break;
      address_ = second->instruction();
      victim_was_ = phase();
      second->kill();
      // Until the second had the lock for certain, what the first left is still to be told.
      Notice expected = notice();
      if (victim_was_ <= kAcquiring && subject_.tells()) {
        expected = first_was == kHolding                            ? Notice::must
                   : first_was == kBefore && victim_was_ == kBefore ? Notice::must_not
                                                                    : Notice::may;
      }
      const Judged judged = judge_free(expected);
      ledger_.add({subject_.name(), scenario, "acquire, release", first_point, point, address_, victim_was_,
                   judged.wait_ms, judged.verdict});
      hangs += judged.verdict == Verdict::hung;
    }
  }
  ledger_.print_scenario(subject_.name(), scenario);
}

}  // namespace crash
