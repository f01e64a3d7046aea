// The worker processes as the supervisor sees them: started, stopped, killed, left as zombies, reaped.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "stress/ledger.hpp"

namespace storm {

struct Worker {
  enum State { runs, stopped, dying, zombie, reaped };

  pid_t pid = -1;
  std::uint32_t post = 0;
  std::uint32_t threads = 1;
  State state = runs;
  bool killed = false;  ///< by us
  bool stopped_first = false;
  std::int64_t next_ns = 0;  ///< when stopped: to be killed; when zombie: to be reaped

  bool dead() const noexcept { return state >= zombie; }
};

class Flock {
 public:
  /// `body` is what a worker does; it returns the exit code.
  using Body = std::function<int(const Worker&)>;

  Flock(Ledger& ledger, Body body) : ledger_(ledger), body_(std::move(body)) {}
  Flock(const Flock&) = delete;
  Flock& operator=(const Flock&) = delete;
  ~Flock();

  /// Starts a worker; false if this round has no post left for it.
  bool start(std::uint32_t threads);

  void kill(Worker& worker);
  void stop(Worker& worker, std::int64_t kill_at_ns);
  void kill_stopped();
  void kill_all();

  /// Kills the stopped and reaps the zombies whose time has come, and sees who has ended. A zombie stays for
  /// `zombie_ns` at most.
  void tend(std::int64_t now_ns, const std::function<std::int64_t()>& zombie_ns);

  /// Waits until all are dead, and not yet reaped if they were not before.
  void wait_for_all();
  void reap_all();

  std::vector<Worker>& workers() noexcept { return workers_; }
  const std::vector<Worker>& workers() const noexcept { return workers_; }
  Worker* at_post(std::uint32_t post) noexcept { return post < workers_.size() ? &workers_[post] : nullptr; }

  int count(Worker::State state) const noexcept;

 private:
  void look_for_end(Worker& worker);

  Ledger& ledger_;
  Body body_;
  std::vector<Worker> workers_;  // the index is the post
};

}  // namespace storm
