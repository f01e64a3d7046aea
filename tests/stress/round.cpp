#include "stress/round.hpp"

#include <chrono>
#include <thread>

namespace storm {

volatile std::sig_atomic_t interrupted = 0;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kStormNs = 250 * kMs;
constexpr std::int64_t kBatonNs = 3 * kMs;  // after which the supervisor releases what nobody else does
constexpr std::chrono::microseconds kTick{400};
constexpr std::uint32_t kSupervisor = kDesks;  // as the desk of a baton's holder

std::int64_t now_ns() {
  return carom::Deadline::now_ns();
}

}  // namespace

Round::Round(Site& site, Ledger& ledger, Oracle& oracle, const Plan& plan, long number)
    : site_(site),
      ledger_(ledger),
      oracle_(oracle),
      plan_(plan),
      number_(number),
      dice_(plan.seed, number),
      workers_(plan.workers != 0 ? plan.workers : dice_.between(2, 8)),
      flock_(ledger, [this](const Worker& worker) {
        Orders orders = orders_;
        orders.opens = worker.post == 0;
        orders.closes = worker.post == closer_;
        orders.post = worker.post;
        orders.threads = static_cast<int>(worker.threads);
        orders.seed = Dice(plan_.seed, number_, worker.post).next();
        return work(site_, ledger_, orders);
      }) {
  constexpr int kCrowds[] = {1, 2, 2, 3, 3, 5, kAll, kAll};
  orders_.active_locks = kCrowds[dice_.below(8)];
  orders_.leisurely = dice_.one_in(3);
  orders_.favourite = dice_.below(2 * kKinds);
  orders_.broken = plan.broken;
}

bool Round::run() {
  ledger_.begin_round();
  start_one();
  const bool opened = wait_until_open();
  for (int i = 1; i < workers_; ++i) start_one();
  if (opened) rage();
  const bool through = opened && interrupted == 0 && fall_quiet();
  if (through) {
    oracle_.judge_quiet(flock_);
    flock_.kill_all();
    flock_.wait_for_all();
    oracle_.judge_grave();
  } else if (interrupted == 0) {
    ledger_.fault(Wrong::hung, -1, kDesks,
                  "not everybody got through within " + std::to_string(plan_.bound_ms) + " ms");
    oracle_.dump_hung(flock_);
  }
  if (interrupted == 0) oracle_.close_round(plan_.seed);
  return through;
}

// What the last round left is put in order by a worker, since the supervisor has no seat; and by one that is alone: who
// joins meanwhile would see to the dead of the last round later than that.
bool Round::wait_until_open() {
  const std::int64_t bound = now_ns() + plan_.bound_ms * kMs;
  while (!ledger_.common.latches_open && interrupted == 0 && now_ns() < bound) tend();
  return ledger_.common.latches_open;
}

void Round::start_one() {
  flock_.start(dice_.one_in(3) ? 2 : 1);
}

void Round::tend() {
  // Some are waited for at once, some stay zombies for a while.
  flock_.tend(now_ns(), [this] { return dice_.one_in(2) ? 0 : dice_.below(40) * kMs; });
  const Phase phase = ledger_.phase;
  settle_batons(phase != Phase::storm);
  if (phase == Phase::calm || phase == Phase::close) oracle_.watch_idle(now_ns(), flock_);
  std::this_thread::sleep_for(kTick);
}

void Round::rage() {
  const std::int64_t end = now_ns() + kStormNs;
  std::int64_t next_kill = now_ns() + 5 * kMs;
  while (now_ns() < end && interrupted == 0) {
    tend();
    if (now_ns() >= next_kill) {
      kill_some();
      next_kill = now_ns() + dice_.below(2 * plan_.kill_every_ms * 1000 + 1) * std::int64_t{1000};
    }
    while (flock_.count(Worker::runs) + flock_.count(Worker::stopped) + flock_.count(Worker::dying) <
               workers_ &&
           flock_.workers().size() < kPosts) {
      start_one();
    }
  }
}

void Round::kill_some() {
  for (int deaths = dice_.one_in(8) ? 2 : 1; deaths > 0; --deaths) {
    Worker* const victim = dice_.one_in(2) ? some_holder() : some_victim();
    if (victim == nullptr) return;
    if (dice_.one_in(25)) {
      flock_.stop(*victim, now_ns() + dice_.between(1, 10) * kMs);
    } else {
      flock_.kill(*victim);
    }
  }
}

Worker* Round::some_victim() {
  const int running = flock_.count(Worker::runs);
  if (running == 0) return nullptr;
  int skip = dice_.below(running);
  for (Worker& worker : flock_.workers()) {
    if (worker.state == Worker::runs && skip-- == 0) return &worker;
  }
  return nullptr;
}

Worker* Round::some_holder() {
  const std::uint32_t desks = ledger_.desk_count();
  if (desks == 0) return nullptr;
  const auto start = static_cast<std::uint32_t>(dice_.next() % desks);
  for (std::uint32_t i = 0; i < desks; ++i) {
    const Desk& desk = ledger_.desks[(start + i) % desks];
    if (desk.ended) continue;
    Worker* const worker = flock_.at_post(desk.post);
    if (worker == nullptr || worker->state != Worker::runs) continue;
    for (const std::atomic<Hold>& hold : desk.hold) {
      if (hold == Hold::yes) return worker;
    }
  }
  return some_victim();
}

bool Round::fall_quiet() {
  flock_.kill_stopped();
  ledger_.calm_since_ns = now_ns();
  ledger_.phase = Phase::calm;
  closer_ = static_cast<std::uint32_t>(flock_.workers().size());
  start_one();
  const auto through = [](const Post& post, const Worker& worker) { return post.finished == worker.threads; };
  // `finished` first: nobody is stuck after that.
  const auto through_or_stuck = [this](const Post& post, const Worker& worker) {
    const std::uint32_t finished = post.finished;
    return !oracle_.any_idle() && finished + count_stuck(worker.post) >= worker.threads;
  };
  if (!wait_for(through_or_stuck)) return false;
  ledger_.common.closed_since_ns = now_ns();
  ledger_.phase = Phase::close;
  if (!wait_for(through)) return false;
  ledger_.phase = Phase::last;
  return wait_for([](const Post& post, const Worker& worker) { return post.parked == worker.threads; });
}

std::uint32_t Round::count_stuck(std::uint32_t post) const {
  std::uint32_t stuck = 0;
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const Desk& desk = ledger_.desks[i];
    if (desk.post == post && !desk.ended && ledger_.books[i].stuck != 0) ++stuck;
  }
  return stuck;
}

bool Round::wait_for(const std::function<bool(const Post&, const Worker&)>& is_there) {
  const std::int64_t bound = now_ns() + plan_.bound_ms * kMs;
  for (;;) {
    bool all = true;
    for (const Worker& worker : flock_.workers()) {
      if (!worker.dead() && !is_there(ledger_.posts[worker.post], worker)) all = false;
    }
    const bool anybody = flock_.count(Worker::runs) != 0;
    if (all && anybody) return true;
    if (!anybody) start_one();  // the last ones died too: what they left still has to be found
    if (interrupted != 0 || now_ns() > bound) return false;
    tend();
  }
}

bool Round::desk_is_dead(std::uint32_t desk) {
  if (desk == kSupervisor) return false;
  const Worker* const worker = flock_.at_post(ledger_.desks[desk].post);
  return worker != nullptr && worker->dead();
}

// What is handed over belongs to nobody, so its way to whoever releases it must survive deaths too. While a
// baton is out nobody else hands that lock over: the word tells for certain how far the dead came.
void Round::settle_batons(bool at_once) {
  for (int lock = 0; lock < kLocks; ++lock) {
    std::atomic<std::uint32_t>& slot = ledger_.spots[lock].baton;
    Baton baton = Baton::unpack(slot);
    if ((baton.kind == Baton::giving || baton.kind == Baton::taking) && desk_is_dead(baton.desk)) {
      const bool handed_over =
          site_.look([&](const carom::Segment&, Arena& arena) { return arena.word(lock).handed_over(); });
      baton = {handed_over ? Baton::ready : Baton::none, 0};
      slot = baton.pack();
    }
    if (baton.kind != Baton::ready) {
      ready_since_ns_[lock] = 0;
      continue;
    }
    if (ready_since_ns_[lock] == 0) ready_since_ns_[lock] = now_ns();
    if (!at_once && now_ns() - ready_since_ns_[lock] < kBatonNs) continue;
    std::uint32_t expected = Baton{Baton::ready, 0}.pack();
    if (!slot.compare_exchange_strong(expected, Baton{Baton::taking, kSupervisor}.pack())) continue;
    const carom::Release outcome =
        site_.look([&](const carom::Segment&, Arena& arena) { return arena.locks[lock].release(); });
    if (outcome != carom::Release::released) {
      ledger_.fault(Wrong::two_inside, lock, kDesks, "what was handed over is no longer held");
    }
    slot = Baton{Baton::none, 0}.pack();
    ready_since_ns_[lock] = 0;
  }
}

}  // namespace storm
