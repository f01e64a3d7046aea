// Process where the kernel refuses a system call, as a sandbox or an older kernel does: it works without the
// call, or an Error names it. Every test runs in a forked child, since a refusal stays until the process
// ends.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <vector>

#include "carom/carom.hpp"
#include "support/plain.hpp"
#include "support/refused.hpp"

using namespace std::chrono_literals;
using carom::Process;
using support::Plain;
using support::refuse;
using support::wait_until;

namespace {

constexpr const char* kPipes =
    "pidfds_and_socketpair";  // what is left are pipes, which poll reports as hung up alone

struct Refusal {
  std::string name;
  std::vector<long> calls;
  int error;
};

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << refusal.name;
}

/// From now on the kernel does not know waitid() of a descriptor.
void refuse_waiting_by_descriptor() {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_waitid, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 3 /* P_PIDFD */, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(90);
}

/// Runs the body in a child: "" if it holds, or what the body, an exception or a signal has to say against
/// it.
std::string verdict(const std::function<std::string()>& body) {
  struct Text {
    char text[400];
  };
  const Plain<Text> said;
  support::Forked child([&] {
    std::string words;
    try {
      words = body();
    } catch (const std::exception& e) {
      words = std::string("threw ") + e.what();
    }
    words.copy(said->text, sizeof said->text - 1);
  });
  if (const int code = child.wait(); code != 0) return "ended with " + std::to_string(code);
  return said->text;
}

#define HOLDS(condition) \
  if (!(condition)) return #condition

[[noreturn]] void stay() {
  for (;;) pause();
}

bool exists(int pid) {
  return access(("/proc/" + std::to_string(pid)).c_str(), F_OK) == 0;
}

/// What poll says of the descriptor.
int polled(int descriptor, int timeout_ms) {
  pollfd watched{descriptor, POLLIN, 0};
  return poll(&watched, 1, timeout_ms) == 1 ? watched.revents : 0;
}

carom::ProcessOptions daemonic() {
  carom::ProcessOptions options;
  options.daemon = true;
  return options;
}

/// What the call throws.
template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const carom::Error& e) {
    return e.what();
  }
  return "nothing";
}

bool names(const std::string& text, const std::string& call) {
  return text.find(call) != std::string::npos && text.find("EPERM") != std::string::npos;
}

/// Without it Process is whole.
class ProcessWithout : public testing::TestWithParam<Refusal> {
 protected:
  static void refuse_it() {
    for (const long call : GetParam().calls) {
      if (call == SYS_waitid) {
        refuse_waiting_by_descriptor();
      } else {
        refuse(call, GetParam().error);
      }
    }
  }
};

std::string test_name(const testing::TestParamInfo<Refusal>& about) {
  return about.param.name;
}

}  // namespace

TEST_P(ProcessWithout, it_runs_and_its_end_is_known) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse_it();
              Process process([] { return 42; });
              HOLDS(process.join());
              HOLDS(process.exit_code() == 42);
              HOLDS(!process.is_alive());
              Process failing([] { throw std::runtime_error("out of chalk"); });
              HOLDS(failing.join(20s));
              HOLDS(failing.exception() == "out of chalk");
              return "";
            }),
            "");
}

TEST_P(ProcessWithout, it_is_terminated_and_killed_on_request) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse_it();
              Process gentle([] { stay(); });
              gentle.terminate();
              HOLDS(gentle.join());
              HOLDS(gentle.exit_code() == -SIGTERM);
              Process process([] { stay(); });
              HOLDS(process.is_alive());
              HOLDS(!process.join(30ms));
              process.kill();
              HOLDS(process.join(20s));
              HOLDS(process.exit_code() == -SIGKILL);
              process.kill();
              return "";
            }),
            "");
}

TEST_P(ProcessWithout, a_daemon_is_killed_with_the_object_and_leaves_no_zombie) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse_it();
              int pid = 0;
              {
                const Process process([] { stay(); }, daemonic());
                pid = process.pid();
              }
              HOLDS(!exists(pid));
              return "";
            }),
            "");
}

TEST_P(ProcessWithout, its_sentinel_becomes_readable_when_it_ends) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse_it();
              Process process([] { stay(); });
              HOLDS(polled(process.sentinel(), 0) == 0);
              process.kill();
              const int told = polled(process.sentinel(), 20'000);
              HOLDS((told & (POLLIN | POLLHUP)) != 0);
              HOLDS((told & POLLIN) != 0 || GetParam().name == kPipes);
              HOLDS(process.join(20s));
              return "";
            }),
            "");
}

TEST_P(ProcessWithout, a_grandchild_that_lives_on_does_not_keep_it_alive) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse_it();
              const Plain<std::atomic<int>> grandchild;
              Process process([&grandchild] {
                const pid_t pid = fork();
                if (pid == 0) stay();
                *grandchild = pid;
              });
              const bool joined = process.join(20s);
              const bool told = polled(process.sentinel(), 20'000) != 0;
              kill(*grandchild, SIGKILL);
              HOLDS(joined);
              HOLDS(told);
              return "";
            }),
            "");
}

TEST_P(ProcessWithout, one_that_has_closed_every_descriptor_is_waited_for) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse_it();
              const Plain<std::atomic<bool>> closed;
              const Plain<std::atomic<bool>> go;
              Process process([&] {
                closefrom(3);
                *closed = true;
                wait_until([&go] { return go->load(); });
                return 5;
              });
              wait_until([&closed] { return closed->load(); });
              HOLDS(process.is_alive());
              HOLDS(!process.join(30ms));
              *go = true;
              HOLDS(process.join(20s));
              HOLDS(process.exit_code() == 5);
              return "";
            }),
            "");
}

TEST_P(ProcessWithout, what_somebody_else_has_waited_for_has_ended) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse_it();
              Process process([] { return 3; });
              HOLDS(waitpid(process.pid(), nullptr, 0) == process.pid());
              process.kill();
              HOLDS(!process.is_alive());
              HOLDS(process.exit_code() == std::nullopt);
              return "";
            }),
            "");
}

TEST_P(ProcessWithout, another_process_with_its_pid_is_not_signalled) {
  struct Heir {
    std::atomic<int> pid{0};
    std::atomic<bool> asked{false};
    std::atomic<int> signalled{-1};
  };
  const Plain<Heir> heir;
  EXPECT_EQ(verdict([&heir]() -> std::string {
              refuse_it();
              Process process([] { return 3; });
              HOLDS(waitpid(process.pid(), nullptr, 0) == process.pid());
              const support::Forked parent([&] {
                sigset_t blocked;
                sigemptyset(&blocked);
                sigaddset(&blocked, SIGTERM);
                sigprocmask(SIG_BLOCK, &blocked, nullptr);
                const pid_t pid = process.pid();
                clone_args how{};
                how.exit_signal = SIGCHLD;
                how.set_tid = reinterpret_cast<std::uint64_t>(&pid);
                how.set_tid_size = 1;
                const long got = syscall(SYS_clone3, &how, sizeof how);
                if (got != 0) heir->pid = static_cast<int>(got);
                if (got == 0) {
                  wait_until([&heir] { return heir->asked.load(); });
                  sigset_t pending;
                  sigpending(&pending);
                  heir->signalled = sigismember(&pending, SIGTERM);
                  _exit(0);
                }
                stay();
              });
              wait_until([&heir] { return heir->pid != 0; });
              if (heir->pid < 0) return "";  // only some may choose a pid
              HOLDS(heir->pid == process.pid());
              process.terminate();
              heir->asked = true;
              wait_until([&heir] { return heir->signalled != -1; });
              HOLDS(heir->signalled == 0);
              HOLDS(!process.is_alive());
              return "";
            }),
            "");
  if (heir->pid < 0) GTEST_SKIP() << "the kernel refuses to make a process with a chosen pid";
}

TEST_P(ProcessWithout, children_that_the_kernel_reaps_itself_are_joined) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse_it();
              signal(SIGCHLD, SIG_IGN);
              for (int i = 0; i < 50; ++i) {
                Process process([] { return 3; });
                process.kill();
                HOLDS(process.join());
                HOLDS(process.exit_code() == std::nullopt);
              }
              return "";
            }),
            "");
}

INSTANTIATE_TEST_SUITE_P(
    Refused, ProcessWithout,
    testing::Values(Refusal{"nothing", {}, 0}, Refusal{"pidfd_open_EPERM", {SYS_pidfd_open}, EPERM},
                    Refusal{"pidfd_open_ENOSYS", {SYS_pidfd_open}, ENOSYS},
                    Refusal{"pidfd_send_signal", {SYS_pidfd_send_signal}, EPERM},
                    Refusal{"waitid_by_descriptor", {SYS_waitid}, EINVAL},
                    Refusal{kPipes, {SYS_pidfd_open, SYS_socketpair}, ENOSYS},
                    Refusal{"all_of_them", {SYS_pidfd_open, SYS_pidfd_send_signal, SYS_waitid}, ENOSYS}),
    test_name);

TEST(ProcessRefused, ppoll_is_needed_for_a_deadline_alone) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse(SYS_ppoll, EPERM);
              Process process([] { stay(); });
              HOLDS(names(error_of([&] { process.join(30ms); }), "ppoll"));
              HOLDS(process.is_alive());
              process.kill();
              HOLDS(process.join());
              HOLDS(process.exit_code() == -SIGKILL);
              {
                const Process waited([] { usleep(1000); });
              }
              return "";
            }),
            "");
}

TEST(ProcessRefused, waitid_is_named_once_the_exit_code_would_be_known) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse(SYS_waitid, EPERM);
              Process process([] { stay(); });
              HOLDS(process.is_alive());
              HOLDS(!process.join(10ms));
              process.kill();
              HOLDS(names(error_of([&] { process.join(); }), "waitid"));
              HOLDS(names(error_of([&] { process.exit_code(); }), "waitid"));
              return "";
            }),
            "");
}

TEST(ProcessRefused, the_destructor_waits_without_waitid) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse(SYS_waitid, EPERM);
              const Plain<std::atomic<bool>> done;
              {
                const Process process([&done] {
                  usleep(20'000);
                  *done = true;
                });
              }
              HOLDS(done->load());
              return "";
            }),
            "");
}

TEST(ProcessRefused, the_destructor_survives_when_nothing_can_be_waited_for) {
  EXPECT_EQ(verdict([]() -> std::string {
              for (const long call : {SYS_waitid, SYS_ppoll, SYS_pidfd_open}) refuse(call, EPERM);
              Process([] {}, daemonic());
              return "";
            }),
            "");
}

TEST(ProcessRefused, a_signal_that_cannot_be_sent_is_an_error) {
  EXPECT_EQ(verdict([]() -> std::string {
              Process process([] { usleep(100'000); });
              refuse(SYS_pidfd_send_signal, EPERM);
              refuse(SYS_kill, EPERM);
              HOLDS(names(error_of([&] { process.kill(); }), "kill"));
              HOLDS(names(error_of([&] { process.terminate(); }), "kill"));
              HOLDS(process.join());
              HOLDS(process.exit_code() == 0);
              return "";
            }),
            "");
}

TEST(ProcessRefused, a_daemon_that_could_outlive_its_parent_does_not_run) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse(SYS_prctl, EPERM);
              const Plain<std::atomic<bool>> ran;
              Process process([&ran] { *ran = true; }, daemonic());
              HOLDS(process.join());
              HOLDS(!*ran);
              HOLDS(names(process.exception().value_or(""), "prctl"));
              return "";
            }),
            "");
}

TEST(ProcessRefused, a_pipe_and_a_fork_are_named) {
  EXPECT_EQ(verdict([]() -> std::string {
              refuse(SYS_pipe2, EPERM);
              HOLDS(names(error_of([] { Process([] {}); }), "pipe2"));
              return "";
            }),
            "");
  EXPECT_EQ(verdict([]() -> std::string {
              refuse(SYS_clone, EPERM);
              HOLDS(names(error_of([] { Process([] {}); }), "fork"));
              return "";
            }),
            "");
}
