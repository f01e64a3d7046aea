#include "platform/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio_ext.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <string_view>

#include "carom/error.hpp"
#include "platform/cancellation.hpp"
#include "platform/fork.hpp"
#include "platform/process_identity.hpp"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace carom::platform {
namespace {

constexpr char kException = '!';  // so that an empty text is a report too

// How often the end of a child is asked for where no descriptor tells of it, and how often at first once its
// channel has hung up, which most often means that it is about to end.
constexpr std::int64_t kLookEvery = 20'000'000;
constexpr std::int64_t kLookSoon = 100'000;

[[noreturn]] void refused(const std::string& object, const char* call, int error) {
  const Errc code = error == EMFILE || error == ENFILE ? Errc::no_descriptors
                    : error == ENOMEM                  ? Errc::no_memory
                                                       : Errc::system;
  throw Error(code, object, std::string("the kernel refuses ") + call, error);
}

/// Whether the stream can be used without waiting for another thread.
class Held {
 public:
  explicit Held(FILE* stream) noexcept : stream_(ftrylockfile(stream) == 0 ? stream : nullptr) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() {
    if (stream_ != nullptr) funlockfile(stream_);
  }
  explicit operator bool() const noexcept { return stream_ != nullptr; }

 private:
  FILE* stream_;
};

void flush(std::ostream& stream) noexcept {
  try {
    stream.flush();
  } catch (...) {  // NOLINT(bugprone-empty-catch): the stream keeps its state, which its user reads
  }
}

/// Flushes a standard stream and the C++ stream over it; false if another thread is using it.
bool flush_unless_in_use(FILE* stream, std::ostream& over) noexcept {
  const Held held(stream);
  if (!held) return false;
  flush(over);
  std::fflush(stream);
  return true;
}

/// The standard streams whose unwritten words are the parent's to write, since they were in use when it
/// forked.
struct Unflushed {
  bool out = !flush_unless_in_use(stdout, std::cout);
  bool err = !flush_unless_in_use(stderr, std::clog);

  void drop_copies() const noexcept {
    if (out) __fpurge(stdout);
    if (err) __fpurge(stderr);
  }
};

[[noreturn]] void end(int code) {
  const NoCancellation whole;
  flush_unless_in_use(stdout, std::cout);
  flush_unless_in_use(stderr, std::clog);
  if (const Held held(stdin); held) std::fflush(nullptr);  // it would wait for a thread that reads
  _exit(code);  // the parent's exit handlers are the parent's to run
}

void say(int report, std::string_view words) {
  const NoCancellation whole;
  std::string message(1, kException);
  message += words.substr(0, PIPE_BUF - 1);  // arrives whole and never blocks
  while (write(report, message.data(), message.size()) < 0 && errno == EINTR) {
  }
  const Held held(stderr);
  if (!held) return;
  std::fprintf(stderr, "carom::Process %d: %.*s\n", static_cast<int>(getpid()),
               static_cast<int>(words.size()), words.data());
}

[[noreturn]] void run(const std::function<int()>& body, int report) {
  try {
    end(body());
  } catch (const std::exception& e) {
    say(report, e.what());
    end(1);
  } catch (...) {
    say(report, "an exception that is not a std::exception, or the end of its thread");
    end(1);  // in here: the end of a thread must not be caught for good
  }
}

// The end of the channel by which this process's parent is told of its end, if it has one.
struct OwnEnd {
  int descriptor = -1;
  dev_t device = 0;
  ino_t inode = 0;
};
OwnEnd own_end;

void keep_own_end(int descriptor) noexcept {
  struct stat about {};
  if (fstat(descriptor, &about) == 0) own_end = {descriptor, about.st_dev, about.st_ino};
}

// For the children of this process: its end is not theirs to delay. The number may by now be another file's.
void close_inherited_end() {
  if (own_end.descriptor < 0) return;
  struct stat about {};
  if (fstat(own_end.descriptor, &about) == 0 && about.st_dev == own_end.device &&
      about.st_ino == own_end.inode) {
    syscall(SYS_close, own_end.descriptor);
  }
  own_end = {};
}

// Before main, so that no fork can catch it half made.
[[gnu::constructor]] void have_inherited_ends_closed() {
  call_in_forked_children(close_inherited_end);
}

int open_pidfd(pid_t pid) noexcept {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

/// Whether this process may have pidfds. Throws Error if it may, but has no descriptors left.
bool can_open_pidfds(const std::string& object) {
  const File probe(open_pidfd(getpid()));
  if (probe.descriptor() >= 0) return true;
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) refused(object, "pidfd_open", errno);
  return false;
}

struct Ends {
  File read;
  File write;
};

/// What the child writes its last words into.
Ends make_report(const std::string& object) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) refused(object, "pipe2", errno);
  return {File(ends[0]), File(ends[1])};
}

/// A pair of sockets, since they become readable when they hang up; a pipe, which poll reports as hung up
/// alone, where sockets are refused.
Ends make_channel(const std::string& object) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0 && pipe2(ends, O_CLOEXEC) != 0)
    refused(object, "socketpair and pipe2", errno);
  return {File(ends[0]), File(ends[1])};
}

[[noreturn]] void be_child(const std::function<int()>& body, int report, pid_t parent,
                           const ThreadKey& starter, bool dies_with_parent) {
  if (dies_with_parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
      say(report, Error(Errc::system, "daemon", "the kernel refuses prctl", errno).what());
      end(1);
    }
    // It ended before we asked: the process, or the thread alone.
    if (getppid() != parent || look_for(starter) == Sighting::gone) _exit(1);
  }
  run(body, report);
}

enum class Seen { running, ended, refused };

/// One waitid(). Where the kernel does not know it by descriptor, by pid. `about` is empty unless the child
/// has ended and nobody has reaped it. errno says why it is refused.
Seen wait_once(const Child& child, int options, siginfo_t& about) noexcept {
  bool by_descriptor = child.kind == Sentinel::pidfd;
  for (;;) {
    about = {};
    const int failed = by_descriptor ? waitid(static_cast<idtype_t>(P_PIDFD),
                                              static_cast<id_t>(child.sentinel.descriptor()), &about, options)
                                     : waitid(P_PID, static_cast<id_t>(child.pid), &about, options);
    if (failed == 0) return about.si_pid == 0 ? Seen::running : Seen::ended;
    if (errno == ECHILD) return Seen::ended;
    if (errno == EINTR) continue;
    if (!by_descriptor) return Seen::refused;
    by_descriptor = false;
  }
}

std::int64_t ns_until(Deadline deadline) noexcept {
  if (deadline.is_never()) return INT64_MAX;
  return deadline.expired() ? 0 : std::max<std::int64_t>(0, deadline.ns() - Deadline::now_ns());
}

/// ppoll() of one descriptor, which may be -1: false after `ns`, INT64_MAX being never, or after a signal.
/// Throws Error if the kernel refuses.
bool poll_once(int descriptor, std::int64_t ns, const std::string& object) {
  pollfd watched{descriptor, POLLIN, 0};
  const timespec left{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  const int ready = ppoll(&watched, 1, ns == INT64_MAX ? nullptr : &left, nullptr);
  if (ready < 0 && errno != EINTR) refused(object, "ppoll", errno);
  return ready > 0;
}

/// Whether the child has ended, now.
bool has_ended(const Child& child, const std::string& object) {
  siginfo_t about;
  const Seen seen = wait_once(child, WEXITED | WNOWAIT | WNOHANG, about);
  if (seen == Seen::refused) return poll_once(child.sentinel.descriptor(), 0, object);
  return seen == Seen::ended;
}

}  // namespace

Child start_child(const std::function<int()>& body, bool dies_with_parent, const std::string& object) {
  const NoCancellation whole;  // and in the child: a request to end this thread is not one to end the child
  Child child;
  Ends report = make_report(object);
  Ends channel;
  if (!can_open_pidfds(object)) {
    child.kind = Sentinel::channel;
    channel = make_channel(object);
  }
  const Unflushed parents;  // what is flushed here the child does not print again
  const pid_t parent = getpid();
  const ThreadKey starter = dies_with_parent ? this_thread_identity().key : ThreadKey();
  child.pid = fork();
  if (child.pid < 0) throw Error(Errc::not_started, object, "the kernel refuses fork", errno);
  if (child.pid == 0) {
    report.read = File();
    channel.read = File();
    if (child.kind == Sentinel::channel) keep_own_end(channel.write.descriptor());
    parents.drop_copies();
    be_child(body, report.write.descriptor(), parent, starter, dies_with_parent);
  }
  child.report = std::move(report.read);
  child.sentinel = child.kind == Sentinel::channel ? std::move(channel.read) : File(open_pidfd(child.pid));
  if (child.sentinel.descriptor() >= 0) return child;
  const int error = errno;
  child.kind = Sentinel::channel;
  if (error == ESRCH) {  // the kernel reaped it at once, since SIGCHLD is ignored
    child.sentinel = make_channel(object).read;
    return child;
  }
  siginfo_t about;
  if (wait_once(child, WEXITED | WNOWAIT | WNOHANG, about) != Seen::ended) kill(child.pid, SIGKILL);
  wait_once(child, WEXITED, about);
  refused(object, "pidfd_open", error);
}

bool wait_for_end(const Child& child, Deadline deadline, const std::string& object) {
  const NoCancellation whole;
  int watched = child.sentinel.descriptor();
  std::int64_t look_after = kLookEvery;
  for (;;) {
    siginfo_t about;
    const Seen seen = wait_once(child, WEXITED | WNOWAIT | (deadline.is_never() ? 0 : WNOHANG), about);
    if (seen == Seen::ended) return true;
    if (seen == Seen::running && deadline.expired()) return false;
    const bool told = child.kind == Sentinel::pidfd || seen == Seen::refused;  // by the descriptor
    const std::int64_t left = ns_until(deadline);
    const bool ready = poll_once(watched, told ? left : std::min(left, look_after), object);
    if (told) {
      if (ready) return true;
      if (deadline.expired()) return false;
    } else if (ready) {
      watched = -1;
      look_after = kLookSoon;
    } else {
      look_after = std::min(2 * look_after, kLookEvery);
    }
  }
}

std::optional<int> reap(const Child& child, const std::string& object) {
  const NoCancellation whole;
  siginfo_t about;
  const Seen seen = wait_once(child, WEXITED | WNOHANG, about);
  if (seen == Seen::refused) refused(object, "waitid", errno);
  if (about.si_pid == 0) return std::nullopt;
  return about.si_code == CLD_EXITED ? about.si_status : -about.si_status;
}

std::optional<std::string> last_words(const Child& child) {
  const NoCancellation whole;
  std::array<char, PIPE_BUF> text;
  const ssize_t length = read(child.report.descriptor(), text.data(), text.size());
  if (length <= 0) return std::nullopt;
  return std::string(text.data() + 1, static_cast<std::size_t>(length) - 1);
}

void signal_child(const Child& child, int signal, const std::string& object) {
  const NoCancellation whole;
  if (child.kind == Sentinel::pidfd &&
      (syscall(SYS_pidfd_send_signal, child.sentinel.descriptor(), signal, nullptr, 0) == 0 ||
       errno == ESRCH)) {
    return;
  }
  // By pid, which is the child's until it is reaped, and only this object's user does that.
  if (has_ended(child, object)) return;
  if (kill(child.pid, signal) != 0 && errno != ESRCH) refused(object, "kill", errno);
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
