#include "endings/trial.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <vector>

#include "support/segments.hpp"

namespace endings {
namespace {

using Way = Ending::Way;

constexpr int kUs = 1000;
// Longer than it takes to find out about a death that nobody tells of.
constexpr useconds_t kQuietUs = 120'000;

void spin(std::int64_t ns) {
  const std::int64_t end = carom::Deadline::now_ns() + ns;
  while (carom::Deadline::now_ns() < end) {
  }
}

}  // namespace

/// Everybody who is involved.
struct Trials::Staged {
  Staged(const Ending& e, const Play& p, const Means& m, storm::Dice& d)
      : ending(e), play(p), means(m), dice(d), shared(make()) {
    scene->lives_on = ending.spares();
    scene->leaves = dice.one_in(2);
  }

  carom::Shared<Board> make() const {
    if (ending.way == Way::dlclose) return carom::Shared<Board>::create(name, {.participants = 16});
    return carom::Shared<Board>::anonymous({.participants = 16});
  }

  support::Forked start(const std::function<void(Board&, Scene&)>& part) {
    return support::Forked([&] {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (const int number : {SIGINT, SIGTERM}) signal(number, SIG_DFL);
      try {
        part(*shared, *scene);
      } catch (const std::exception& e) {
        scene->fault(Verdict::lost, e.what());
      }
    });
  }

  void fault(Verdict verdict, const std::string& what) const { scene->fault(verdict, what.c_str()); }

  /// Whether it comes true; else the trial has hung there.
  bool reached(const char* what, const std::function<bool()>& condition) const {
    if (comes_true(condition)) return true;
    fault(Verdict::hung, what);
    return false;
  }

  bool asleep(std::size_t count) {
    if (play.waiters && !reached("not all are asleep", [&] { return play.waiters(*shared) == count; }))
      return false;
    usleep(static_cast<useconds_t>((play.waiters ? 300 : 3000) + dice.below(500)));
    return true;
  }

  void run() {
    if (!assemble()) return;
    strike();
    if (!go_on()) return;
    // Others may need what only a victim that has ended gives, or a helper who is told of it.
    if (const auto wrong = victim->wait_for_end()) fault(Verdict::lost, *wrong);
    if (scene->departed || !ending.spares()) relieve();
    finish();
  }

  bool assemble() {
    if (play.prepare || play.free) {
      freer.emplace(start([this](Board& b, Scene& s) {
        if (play.prepare) play.prepare(b, s);
        s.ready = true;
        wait_for(s.free_it);
        s.freed_ns = carom::Deadline::now_ns();
        if (play.free) play.free(b, s);
        s.freed = true;
      }));
      if (!reached("nobody got what is free", [this] { return scene->ready.load(); })) return false;
    }
    victim.emplace(ending, play, shared, *scene, means);
    if (!play.others_sleep) start_others();
    switch (play.role) {
      case Role::holding:
        if (!reached("the victim got nothing", [this] { return scene->phase == kHolding; })) return false;
        break;
      case Role::inside: {
        const int rounds = dice.between(1, 30);
        if (!reached("the victim does nothing",
                     [&] { return scene->rounds >= rounds || !play.others_sleep; }))
          return false;
        if (play.others_sleep) break;
        if (!reached("the victim does nothing", [&] { return scene->rounds >= rounds; })) return false;
        break;
      }
      default:
        if (!reached("the victim does nothing", [this] { return scene->phase == kAsking; }) || !asleep(1))
          return false;
    }
    if (!play.others_sleep) return true;
    start_others();
    const bool victim_sleeps = play.role == Role::waiting || play.role == Role::woken;
    return asleep(play.others.size() + (victim_sleeps ? 1 : 0));
  }

  void start_others() {
    for (std::size_t i = 0; i < play.others.size(); ++i) {
      others.push_back(start([this, i](Board& b, Scene& s) {
        play.others[i](b, s, s.others[i]);
        s.others[i].done = true;
      }));
    }
  }

  void strike() {
    if (play.role == Role::inside) spin(dice.below(2000) * kUs);
    if (play.role != Role::woken) return victim->strike();
    const bool first = ending.slow() || ending.by == By::itself;
    scene->struck_ns = carom::Deadline::now_ns();
    if (first) victim->strike();
    if (ending.slow()) spin(dice.below(8000) * kUs);
    scene->free_it = true;
    if (first) return;
    while (scene->freed_ns == 0) spin(kUs);
    spin(dice.below(250) * kUs);
    victim->strike();
  }

  /// What comes between the ending and the end.
  bool go_on() {
    const bool lives = ending.spares() || ending.way == Way::dlclose;
    if (lives) {
      if (!reached("the victim's child does not end", [this] { return scene->spared.load(); })) return false;
      if (play.role == Role::holding || play.role == Role::waiting) usleep(kQuietUs);
      for (const Other& other : scene->others) {
        if (other.on_ns != 0 && (play.role == Role::holding || play.role == Role::waiting))
          fault(Verdict::doubled, "what a living one has was given away");
      }
      // The victim's own end is another instant than the library's.
      scene->struck_ns = carom::Deadline::now_ns();
      scene->go = true;
    } else if (!reached("the victim does not begin to end", [this] { return scene->began(); })) {
      return false;
    }
    if (play.role == Role::waiting) {
      spin(dice.below(ending.slow() ? 8000 : 2000) * kUs);
      scene->free_it = true;
    }
    return true;
  }

  void relieve() {
    if (!play.relieve) return;
    reliever.emplace(start([this](Board& b, Scene& s) {
      play.relieve(b, s);
      s.relieved = true;
    }));
  }

  void finish() {
    const auto each = [this](const std::function<bool(const Other&)>& is) {
      for (std::size_t i = 0; i < play.others.size(); ++i) {
        if (!is(scene->others[i])) return false;
      }
      return true;
    };
    if (!reached("another waits for ever", [&] { return each([](const Other& o) { return o.on_ns != 0; }); }))
      return;
    scene->stop = true;
    if (!reached("another does not come back",
                 [&] { return each([](const Other& o) { return o.done.load(); }); }))
      return;
    if (play.free && play.role != Role::inside &&
        !reached("who gives it does not come back", [this] { return scene->freed.load(); }))
      return;
    if (reliever && !reached("the helper hangs", [this] { return scene->relieved.load(); })) return;
    const support::Forked judge = start([this](Board& b, Scene& s) {
      play.judge(b, s);
      s.judged = true;
    });
    if (reached("the judge hangs", [this] { return scene->judged.load(); })) count_told();
  }

  void count_told() const {
    const int told = scene->told;
    const bool ended = !ending.spares();
    const bool held = ended && scene->phase == kHolding;
    const bool may_have_held = held || (ended && (scene->phase == kAsking || scene->phase == kGiving));
    const bool must = held && (play.told == Play::Told::once || play.told == Play::Told::until_mended);
    int most = may_have_held && play.told != Play::Told::never ? 1 : 0;
    if (most == 1 && play.told == Play::Told::until_mended) most = told;
    if (must && told == 0) fault(Verdict::lost, "nobody is told of the death");
    if (told > most) fault(Verdict::doubled, "told of a death too often");
  }

  double wait_ms() const {
    std::int64_t longest = 0;
    const std::int64_t since = std::max(scene->ended_ns.load(), scene->freed_ns.load());
    if (since == 0) return 0;
    for (const Other& other : scene->others) longest = std::max(longest, other.on_ns - since);
    return static_cast<double>(longest) / 1e6;
  }

  const Ending& ending;
  const Play& play;
  const Means& means;
  storm::Dice& dice;
  support::Name name{"endings"};
  carom::Shared<Board> shared;
  support::Plain<Scene> scene;
  std::optional<support::Forked> freer;
  std::optional<Victim> victim;
  std::vector<support::Forked> others;
  std::optional<support::Forked> reliever;
};

Entry Trials::run_once(const Ending& ending, const Play& play, storm::Dice& dice, bool& undecided) {
  Staged staged(ending, play, means_, dice);
  staged.run();
  const Scene& scene = *staged.scene;
  undecided = scene.undecided;
  Entry entry{ending.name,      play.primitive, play.role, scene.phase,
              staged.wait_ms(), Verdict::fine,  scene.text};
  for (const Verdict verdict : {Verdict::hung, Verdict::lost, Verdict::doubled}) {
    if (scene.faults[static_cast<int>(verdict)] != 0) entry.verdict = verdict;
  }
  if (ending.way == Way::core_dump && !staged.victim->dumped()) ++without_core_;
  return entry;
}

Entry Trials::run(const Ending& ending, const Play& play, storm::Dice dice) {
  constexpr int kTries = 3;
  for (int tried = 1;; ++tried) {
    bool undecided = false;
    Entry entry = run_once(ending, play, dice, undecided);
    if (undecided && tried < kTries) continue;
    if (undecided && entry.verdict == Verdict::fine) {
      entry.verdict = Verdict::lost;
      entry.text = "nobody got the notification, time after time";
    }
    return entry;
  }
}

}  // namespace endings
