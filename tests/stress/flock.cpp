#include "stress/flock.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

namespace storm {

Flock::~Flock() {
  kill_all();
  wait_for_all();
  reap_all();
}

bool Flock::start(std::uint32_t threads) {
  if (workers_.size() >= kPosts) return false;
  Worker worker;
  worker.post = static_cast<std::uint32_t>(workers_.size());
  worker.threads = threads;
  const pid_t parent = getpid();
  worker.pid = fork();
  if (worker.pid < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (worker.pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);  // it died before we asked
    signal(SIGINT, SIG_IGN);            // the terminal sends it to all; the supervisor ends us
    signal(SIGTERM, SIG_DFL);
    _exit(body_(worker));
  }
  workers_.push_back(worker);
  return true;
}

void Flock::kill(Worker& worker) {
  if (worker.state >= Worker::dying) return;
  note(ledger_.posts[worker.post].doomed, true);
  ::kill(worker.pid, SIGKILL);
  worker.killed = true;
  worker.state = Worker::dying;
}

void Flock::stop(Worker& worker, std::int64_t kill_at_ns) {
  ::kill(worker.pid, SIGSTOP);
  worker.stopped_first = true;
  worker.state = Worker::stopped;
  worker.next_ns = kill_at_ns;
}

void Flock::kill_stopped() {
  for (Worker& worker : workers_) {
    if (worker.state == Worker::stopped) kill(worker);
  }
}

void Flock::kill_all() {
  for (Worker& worker : workers_) kill(worker);
}

void Flock::look_for_end(Worker& worker) {
  siginfo_t about{};
  if (waitid(P_PID, static_cast<id_t>(worker.pid), &about, WEXITED | WNOHANG | WNOWAIT) != 0) return;
  if (about.si_pid == 0) return;  // all of its threads are gone by the time we are told
  const bool as_killed = about.si_code == CLD_KILLED && about.si_status == SIGKILL && worker.killed;
  const bool as_it_said =
      about.si_code == CLD_EXITED && about.si_status == 0 && ledger_.posts[worker.post].ended;
  if (!as_killed && !as_it_said) {
    ledger_.fault(Wrong::other, -1, kDesks,
                  "worker " + std::to_string(worker.pid) + " ended with code " +
                      std::to_string(about.si_code) + ", status " + std::to_string(about.si_status));
  }
  if (!as_killed) worker.killed = false;  // it was faster
  worker.state = Worker::zombie;
  worker.next_ns = 0;
}

void Flock::tend(std::int64_t now_ns, const std::function<std::int64_t()>& zombie_ns) {
  for (Worker& worker : workers_) {
    if (worker.state == Worker::stopped && now_ns >= worker.next_ns) kill(worker);
    if (worker.state <= Worker::dying) {
      look_for_end(worker);
      if (worker.state == Worker::zombie) worker.next_ns = now_ns + zombie_ns();
    }
    if (worker.state == Worker::zombie && now_ns >= worker.next_ns) {
      waitpid(worker.pid, nullptr, 0);
      worker.state = Worker::reaped;
    }
  }
}

void Flock::wait_for_all() {
  for (Worker& worker : workers_) {
    while (!worker.dead()) {
      look_for_end(worker);
      if (!worker.dead()) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
}

void Flock::reap_all() {
  for (Worker& worker : workers_) {
    if (worker.state != Worker::zombie) continue;
    waitpid(worker.pid, nullptr, 0);
    worker.state = Worker::reaped;
  }
}

int Flock::count(Worker::State state) const noexcept {
  return static_cast<int>(std::count_if(workers_.begin(), workers_.end(),
                                        [&](const Worker& worker) { return worker.state == state; }));
}

}  // namespace storm
