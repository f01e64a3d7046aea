#include "run.hpp"

#include <poll.h>

#include <algorithm>
#include <carom/process.hpp>
#include <csignal>
#include <cstddef>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace demo {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kProgressEvery = 100ms;
// Every so many kills, one is for whoever has the lock: deaths of an owner are what this is about.
constexpr std::uint32_t kHolderEvery = 4;
constexpr auto kHolderPatience = 1ms;
// Where nothing has moved for this long the saboteur stops, so that what the watchdog reports is a lock that
// hangs, and not workers that never live long enough to do anything.
constexpr auto kSaboteurPatience = 200ms;

volatile std::sig_atomic_t interrupt_signal = 0;

class Supervisor {
 public:
  Supervisor(const Crew& crew, const Ledger& ledger, const Setup& setup)
      : crew_(crew), book_(ledger.book()), setup_(setup), random_(setup.seed) {}

  Outcome watch(const Progress& progress) {
    workers_.resize(setup_.workers);
    for (std::uint32_t desk = 0; desk < setup_.workers; ++desk) start(desk);
    plan_kill();
    Clock::time_point next_report = began_ + kProgressEvery;
    while (!all_done()) {
      const Clock::time_point now = Clock::now();
      note_progress(now);
      if (interrupted_by() != 0) return outcome(Ending::interrupted);
      if (now - last_progress_ > setup_.watchdog) return outcome(Ending::hung);
      if (now >= next_kill_) {
        if (now - last_progress_ < kSaboteurPatience) kill_somebody();
        plan_kill();
      }
      if (now >= next_report) {
        progress(outcome(Ending::finished));
        next_report = now + kProgressEvery;
      }
      wait_for_death(std::min(next_kill_, next_report));
      replace_the_dead();
    }
    note_progress(Clock::now());
    return outcome(Ending::finished);
  }

 private:
  /// A desk's present worker. A daemon: it does not outlive the supervisor, even if that is killed.
  struct Worker {
    std::optional<carom::Process> process;  ///< nothing: the work is done
    std::uint32_t life = 0;
    bool doomed = false;
  };

  void start(std::uint32_t desk) {
    Worker& worker = workers_[desk];
    worker.process.reset();
    worker.life = ++lives_;
    worker.doomed = false;
    Life& life = book_.lives[worker.life % kLives];
    life.killed_at_ns = 0;
    life.holding = false;
    const Place place{desk, worker.life};
    worker.process.emplace([this, place] { crew_.work(place); },
                           carom::ProcessOptions{.name = "worker-" + std::to_string(desk), .daemon = true});
  }

  void replace_the_dead() {
    for (std::uint32_t desk = 0; desk < setup_.workers; ++desk) {
      Worker& worker = workers_[desk];
      if (!worker.process || worker.process->is_alive()) continue;
      const int code = worker.process->exit_code().value_or(-SIGKILL);
      if (code == 0) {
        worker.process.reset();
        continue;
      }
      if (code > 0) throw std::runtime_error(worker.process->exception().value_or("a worker failed"));
      note_progress(Clock::now());  // what was merged before this death does not say that it was survived
      if (worker.doomed) ++kills_;
      if (book_.lives[worker.life % kLives].holding) ++holder_kills_;
      start(desk);
    }
  }

  bool all_done() const {
    return std::ranges::none_of(workers_, [](const Worker& worker) { return worker.process.has_value(); });
  }

  void plan_kill() {
    next_kill_ = Clock::time_point::max();
    if (setup_.kill_every.count() == 0) return;
    const auto wait = setup_.kill_every * std::uniform_real_distribution(0.5, 1.5)(random_);
    next_kill_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(wait);
  }

  bool holds(const Worker& worker) const {
    return crew_.owner_pid ? worker.process->pid() == crew_.owner_pid() : worker.life == book_.holder;
  }

  void kill_somebody() {
    std::vector<Worker*> alive;
    for (Worker& worker : workers_) {
      if (worker.process && !worker.doomed) alive.push_back(&worker);
    }
    if (alive.empty()) return;
    Worker* victim = alive[std::uniform_int_distribution<std::size_t>(0, alive.size() - 1)(random_)];
    if (++attempts_ % kHolderEvery == 0) {
      const Clock::time_point give_up = Clock::now() + kHolderPatience;
      do {  // it is free now and then
        const auto found =
            std::ranges::find_if(alive, [this](const Worker* worker) { return holds(*worker); });
        if (found == alive.end()) continue;
        victim = *found;
        break;
      } while (Clock::now() < give_up);
    }
    book_.lives[victim->life % kLives].killed_at_ns = carom::Deadline::now_ns();
    victim->process->kill();
    victim->doomed = true;
  }

  void note_progress(Clock::time_point now) {
    // While we ourselves were stopped, or kept from running, nobody's silence means anything.
    if (now - last_look_ > kSaboteurPatience) last_progress_ += now - last_look_;
    last_look_ = now;
    const std::uint64_t batches = book_.batches;
    if (batches == seen_batches_) return;
    seen_batches_ = batches;
    last_progress_ = now;
    kills_survived_ = kills_;
  }

  void wait_for_death(Clock::time_point until) const {
    std::vector<pollfd> sentinels;
    for (const Worker& worker : workers_) {
      if (worker.process) sentinels.push_back({worker.process->sentinel(), POLLIN, 0});
    }
    const auto left = std::max<Clock::duration>(until - Clock::now(), 0ns);
    const timespec timeout{0, static_cast<long>(std::min<Clock::duration>(left, kProgressEvery).count())};
    ppoll(sentinels.data(), sentinels.size(), &timeout, nullptr);  // an interrupt is noticed by the caller
  }

  Outcome outcome(Ending ending) const {
    Outcome o;
    o.ending = ending;
    o.seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    o.done = static_cast<double>(book_.next_item) / book_.items;
    o.kills = kills_survived_;
    o.holder_kills = holder_kills_;
    o.recoveries = book_.recoveries;
    o.rolled_back = book_.rolled_back;
    o.lost = std::chrono::nanoseconds(book_.lost_ns);
    o.worst_lost = std::chrono::nanoseconds(book_.worst_lost_ns);
    return o;
  }

  const Crew& crew_;
  Book& book_;
  const Setup& setup_;
  std::mt19937_64 random_;
  std::vector<Worker> workers_;
  std::uint32_t lives_ = 0;
  std::uint32_t attempts_ = 0;
  std::uint32_t kills_ = 0;
  std::uint32_t kills_survived_ = 0;
  std::uint32_t holder_kills_ = 0;
  std::uint64_t seen_batches_ = 0;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point last_progress_ = began_;  // a batch merged; the last one of an item finishes it
  Clock::time_point last_look_ = began_;
  Clock::time_point next_kill_ = began_;
};

extern "C" void note_interrupt(int signal) {
  interrupt_signal = signal;
}

}  // namespace

Outcome supervise(const Crew& crew, const Ledger& ledger, const Setup& setup, const Progress& progress) {
  return Supervisor(crew, ledger, setup).watch(progress);
}

void compare(const Corpus& corpus, const Ledger& ledger, std::uint32_t rounds, Outcome& outcome) {
  std::vector<WordCount> counted;
  for (const WordCount& entry : ledger.table()) {
    if (entry.word.empty()) continue;
    counted.push_back(entry);
    outcome.words += entry.times;
  }
  std::ranges::sort(counted, {}, &WordCount::word);
  auto expected = corpus.counts.begin();
  for (const WordCount& entry : counted) {
    for (; expected != corpus.counts.end() && expected->word < entry.word; ++expected) ++outcome.wrong_words;
    const bool known = expected != corpus.counts.end() && expected->word == entry.word;
    if (!known || expected->times * rounds != entry.times) ++outcome.wrong_words;
    if (known) ++expected;
  }
  outcome.wrong_words += static_cast<std::size_t>(corpus.counts.end() - expected);
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int interrupted_by() noexcept {
  return interrupt_signal;
}

}  // namespace demo
