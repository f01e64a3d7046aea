#include "platform/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <string_view>

#include "carom/error.hpp"
#include "platform/checked.hpp"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace carom::platform {
namespace {

constexpr char kException = '!';  // so that an empty text is a report too

[[noreturn]] void end(int code) {
  std::cout.flush();
  std::fflush(nullptr);
  _exit(code);  // the parent's exit handlers are the parent's to run
}

void say(int report, std::string_view words) {
  std::string message(1, kException);
  message += words.substr(0, PIPE_BUF - 1);  // arrives whole and never blocks
  while (write(report, message.data(), message.size()) < 0 && errno == EINTR) {
  }
  std::fprintf(stderr, "carom::Process %d: %.*s\n", static_cast<int>(getpid()),
               static_cast<int>(words.size()), words.data());
}

[[noreturn]] void run(const std::function<int()>& body, int report) {
  try {
    end(body());
  } catch (const std::exception& e) {
    say(report, e.what());
  } catch (...) {
    say(report, "an exception that is not a std::exception");
  }
  end(1);
}

}  // namespace

Child start_child(const std::function<int()>& body, bool dies_with_parent, const std::string& object) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw Error(Errc::no_descriptors, object, "no descriptors left for its report", errno);
  }
  File report(ends[0]);
  File own_end(ends[1]);
  std::cout.flush();
  std::fflush(nullptr);  // or the child would print it again
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) throw Error(Errc::not_started, object, "the kernel refused to fork", errno);
  if (pid == 0) {
    report = File();
    if (dies_with_parent) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(1);  // it died before we asked
    }
    run(body, own_end.descriptor());
  }
  File sentinel(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (sentinel.descriptor() < 0) {
    const int error = errno;
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    throw Error(Errc::no_descriptors, object, "no descriptor to watch it by", error);
  }
  fcntl(sentinel.descriptor(), F_SETFD, FD_CLOEXEC);
  return {pid, std::move(sentinel), std::move(report)};
}

bool wait_for_end(const Child& child, Deadline deadline) {
  pollfd watched{child.sentinel.descriptor(), POLLIN, 0};
  for (;;) {
    timespec left{};
    if (!deadline.is_never() && !deadline.expired()) {
      const std::int64_t ns = std::max<std::int64_t>(0, deadline.ns() - Deadline::now_ns());
      left = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    }
    const int ready = ppoll(&watched, 1, deadline.is_never() ? nullptr : &left, nullptr);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) fail("ppoll", errno);
    if (ready == 0 && deadline.expired()) return false;
  }
}

std::optional<int> reap(const Child& child) {
  siginfo_t about{};
  while (waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(child.sentinel.descriptor()), &about,
                WEXITED) != 0) {
    if (errno == ECHILD) return std::nullopt;
    if (errno != EINTR) fail("waitid", errno);
  }
  return about.si_code == CLD_EXITED ? about.si_status : -about.si_status;
}

std::optional<std::string> last_words(const Child& child) {
  char text[PIPE_BUF];
  const ssize_t length = read(child.report.descriptor(), text, sizeof text);
  if (length <= 0) return std::nullopt;
  return std::string(text + 1, static_cast<std::size_t>(length) - 1);
}

void signal_child(const Child& child, int signal) noexcept {
  syscall(SYS_pidfd_send_signal, child.sentinel.descriptor(), signal, nullptr, 0);
}

int terminate_signal() noexcept {
  return SIGTERM;
}
int kill_signal() noexcept {
  return SIGKILL;
}
int this_process() noexcept {
  return getpid();
}

}  // namespace carom::platform
