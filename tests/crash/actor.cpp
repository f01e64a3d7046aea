#include "crash/actor.hpp"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/plain.hpp"

namespace crash {

enum class Actor::Command : int { acquire, release };

namespace {

struct Order {
  int command;
  int argument;
};

}  // namespace

Actor::Actor(Subject& subject, Scene& scene) : subject_(subject), scene_(scene) {
  int commands[2];
  int answers[2];
  if (pipe(commands) != 0 || pipe(answers) != 0) std::abort();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    cpu_set_t all;
    memset(&all, 0xff, sizeof all);
    sched_setaffinity(0, sizeof all, &all);
    close(commands[1]);
    close(answers[0]);
    serve(commands[0], answers[1]);
  }
  close(commands[0]);
  close(answers[1]);
  commands_ = commands[1];
  answers_ = answers[0];
  if (!wait_for_answer(10'000)) std::abort();  // it has joined
}

Actor::~Actor() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(commands_);
  close(answers_);
}

void Actor::serve(int commands, int answers) {
  subject_.join();
  Attempt attempt{};
  (void)!write(answers, &attempt, sizeof attempt);
  for (Order order{}; read(commands, &order, sizeof order) == sizeof order;) {
    if (static_cast<Command>(order.command) == Command::acquire) {
      attempt = subject_.acquire(order.argument);
      if (attempt.held && scene_.inside.fetch_add(1) != 0) scene_.doubled.fetch_add(1);
    } else {
      scene_.inside.fetch_sub(1);
      subject_.release();
      attempt = {};
    }
    (void)!write(answers, &attempt, sizeof attempt);
  }
  _exit(0);
}

void Actor::send(Command command, int argument) {
  const Order order{static_cast<int>(command), argument};
  busy_ = true;
  if (write(commands_, &order, sizeof order) != sizeof order) std::abort();
}

void Actor::begin_acquire(int timeout_ms) {
  send(Command::acquire, timeout_ms);
}

std::optional<Attempt> Actor::wait_for_answer(int timeout_ms) {
  pollfd watched{answers_, POLLIN, 0};
  Attempt attempt;
  if (poll(&watched, 1, timeout_ms) != 1 || read(answers_, &attempt, sizeof attempt) != sizeof attempt) {
    return std::nullopt;
  }
  busy_ = false;
  return attempt;
}

std::optional<Attempt> Actor::acquire(int timeout_ms) {
  begin_acquire(timeout_ms);
  return wait_for_answer(timeout_ms < 0 ? -1 : timeout_ms + 10'000);
}

void Actor::release() {
  send(Command::release, 0);
  wait_for_answer(10'000);
}

void Actor::wait_until_asleep() {
  pollfd watched{answers_, POLLIN, 0};
  while (poll(&watched, 1, 0) == 0) {
    // Asleep in the lock and not while reading its orders: those it has.
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%d/syscall", pid_);
    std::FILE* const file = std::fopen(path, "r");
    long number = -1;
    const bool known = file != nullptr && std::fscanf(file, "%ld", &number) == 1;
    if (file != nullptr) std::fclose(file);
    if (known && (number == 202 || number == 449)) return;  // futex, futex_waitv
    usleep(20);
  }
}

}  // namespace crash
