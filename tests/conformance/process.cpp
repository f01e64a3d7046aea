// Process: a callable in a child, and what can be learnt of its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>

#include <fstream>
#include <memory>
#include <optional>
#include <thread>

#include "carom/carom.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"
#include "support/segments.hpp"

using namespace std::chrono_literals;
using carom::Process;
using carom::ProcessOptions;
using support::Plain;
using support::wait_until;

namespace {

bool exists(int pid) {
  return access(("/proc/" + std::to_string(pid)).c_str(), F_OK) == 0;
}

[[noreturn]] void stay() {
  for (;;) pause();
}

ProcessOptions named(const std::string& name) {
  ProcessOptions options;
  options.name = name;
  return options;
}

ProcessOptions daemonic() {
  ProcessOptions options;
  options.daemon = true;
  return options;
}

bool readable(int descriptor) {
  pollfd watched{descriptor, POLLIN, 0};
  return poll(&watched, 1, 0) == 1;
}

}  // namespace

TEST(Process, its_body_runs_in_a_child) {
  const Plain<std::atomic<int>> ran;
  int untouched = 1;
  Process process([&] {
    *ran = getpid();
    untouched = 2;
  });
  EXPECT_TRUE(process.join());
  EXPECT_EQ(*ran, process.pid());
  EXPECT_NE(*ran, getpid());
  EXPECT_EQ(untouched, 1);
  EXPECT_EQ(process.exit_code(), 0);
  EXPECT_EQ(process.exception(), std::nullopt);
}

TEST(Process, an_int_that_the_body_returns_is_the_exit_code) {
  Process process([] { return 42; });
  process.join();
  EXPECT_EQ(process.exit_code(), 42);
}

TEST(Process, a_body_that_ends_the_child_itself_decides_the_exit_code) {
  Process process([] { _exit(9); });
  process.join();
  EXPECT_EQ(process.exit_code(), 9);
}

TEST(Process, a_signal_that_ends_it_is_a_negative_exit_code) {
  for (const int number : {SIGKILL, SIGTERM, SIGUSR1}) {
    Process process([number] {
      signal(number, SIG_DFL);
      raise(number);
    });
    process.join();
    EXPECT_EQ(process.exit_code(), -number);
  }
}

TEST(Process, an_exception_ends_it_with_1_and_its_text_is_reported) {
  Process process([] { throw std::runtime_error("out of chalk"); });
  process.join();
  EXPECT_EQ(process.exit_code(), 1);
  EXPECT_EQ(process.exception(), "out of chalk");
}

TEST(Process, an_exception_of_any_kind_is_reported) {
  Process strange([] { throw 7; });
  strange.join();
  EXPECT_EQ(strange.exit_code(), 1);
  ASSERT_TRUE(strange.exception().has_value());
  EXPECT_THAT(*strange.exception(), testing::HasSubstr("not a std::exception"));
  Process silent([] { throw std::runtime_error(""); });
  silent.join();
  EXPECT_EQ(silent.exit_code(), 1);
  EXPECT_TRUE(silent.exception().has_value()) << "its text is empty, but there was one";
}

TEST(Process, a_long_exception_text_does_not_keep_it_from_ending) {
  Process process([] { throw std::runtime_error(std::string(1 << 20, 'x')); });
  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exit_code(), 1);
  EXPECT_THAT(*process.exception(), testing::StartsWith("xxxx"));
}

TEST(Process, nothing_is_known_of_its_end_while_it_runs) {
  Process process([] { stay(); });
  EXPECT_TRUE(process.is_alive());
  EXPECT_EQ(process.exit_code(), std::nullopt);
  EXPECT_EQ(process.exception(), std::nullopt);
  EXPECT_FALSE(readable(process.sentinel()));
  process.kill();
  process.join();
  EXPECT_FALSE(process.is_alive());
}

TEST(Process, join_gives_up_at_the_deadline_and_not_before) {
  Process process([] { stay(); });
  EXPECT_FALSE(process.join(0s));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(process.join(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
  EXPECT_TRUE(process.is_alive());
  process.kill();
}

TEST(Process, signals_do_not_end_a_join_early) {
  struct sigaction ignore {};
  ignore.sa_handler = [](int) {};
  sigaction(SIGUSR1, &ignore, nullptr);
  const pid_t waiting = getpid();
  const Process pest([waiting] {
    for (int i = 0; i < 200; ++i) {
      kill(waiting, SIGUSR1);
      usleep(100);
    }
  });
  Process process([] { stay(); });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(process.join(60ms));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 60ms);
  process.kill();
}

TEST(Process, it_is_terminated_and_killed_on_request) {
  Process gentle([] {
    signal(SIGTERM, SIG_DFL);
    stay();
  });
  gentle.terminate();
  EXPECT_TRUE(gentle.join());
  EXPECT_EQ(gentle.exit_code(), -SIGTERM);
  const Plain<std::atomic<bool>> deaf;
  Process stubborn([&deaf] {
    signal(SIGTERM, SIG_IGN);
    *deaf = true;
    stay();
  });
  wait_until([&deaf] { return deaf->load(); });
  stubborn.terminate();
  EXPECT_FALSE(stubborn.join(20ms));
  stubborn.kill();
  EXPECT_TRUE(stubborn.join());
  EXPECT_EQ(stubborn.exit_code(), -SIGKILL);
  stubborn.kill();  // of what has ended: nothing happens
  stubborn.terminate();
}

TEST(Process, its_name_is_the_childs_thread_name) {
  struct Text {
    char text[32];
  };
  const Plain<Text> seen;
  Process process([&seen] { prctl(PR_GET_NAME, seen->text); }, named("corner-pocket-and-more"));
  process.join();
  EXPECT_STREQ(seen->text, "corner-pocket-a");
  EXPECT_EQ(process.name(), "corner-pocket-and-more");
  Process nameless([] {});
  EXPECT_EQ(nameless.name(), "Process-" + std::to_string(nameless.pid()));
}

TEST(Process, the_thread_name_of_a_nameless_one_is_its_name_too) {
  struct Text {
    char text[32];
  };
  const Plain<Text> seen;
  Process process([&seen] { prctl(PR_GET_NAME, seen->text); });
  process.join();
  EXPECT_EQ(process.name().substr(0, 15), seen->text);
}

TEST(Process, its_sentinel_becomes_readable_when_it_ends) {
  const Plain<std::atomic<bool>> go;
  Process process([&go] { wait_until([&go] { return go->load(); }); });
  EXPECT_FALSE(readable(process.sentinel()));
  *go = true;
  pollfd watched{process.sentinel(), POLLIN, 0};
  EXPECT_EQ(poll(&watched, 1, -1), 1);
  EXPECT_FALSE(process.is_alive());
}

TEST(Process, the_destructor_waits_for_it_and_leaves_no_zombie) {
  const Plain<std::atomic<bool>> done;
  int pid = 0;
  {
    const Process process([&done] {
      usleep(20'000);
      *done = true;
    });
    pid = process.pid();
  }
  EXPECT_TRUE(*done);
  EXPECT_FALSE(exists(pid));
}

TEST(Process, a_daemon_is_killed_with_the_object) {
  int pid = 0;
  {
    const Process process([] { stay(); }, daemonic());
    pid = process.pid();
    EXPECT_TRUE(process.daemon());
  }
  EXPECT_FALSE(exists(pid));
}

TEST(Process, a_daemon_dies_with_the_thread_that_started_it_however_soon_that_ends) {
  for (int round = 0; round < 20; ++round) {
    std::optional<Process> daemon;
    std::thread([&] { daemon.emplace([] { stay(); }, daemonic()); }).join();
    EXPECT_TRUE(daemon->join());
  }
}

TEST(Process, a_daemon_dies_with_its_parent_and_others_live_on) {
  const Plain<std::atomic<int>> daemon;
  const Plain<std::atomic<int>> other;
  support::Forked parent([&] {
    const Process dies([] { stay(); }, daemonic());
    const Process lives([] { stay(); });
    *daemon = dies.pid();
    *other = lives.pid();
    stay();
  });
  wait_until([&] { return *other != 0; });
  parent.kill();
  const auto ended = [](int pid) {  // gone, or a zombie that nobody reaps
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    return line.empty() || line.find(") Z ") != std::string::npos;
  };
  wait_until([&] { return ended(*daemon); });
  EXPECT_FALSE(ended(*other));
  kill(*other, SIGKILL);
}

TEST(Process, somebody_else_may_wait_for_it) {
  Process process([] { return 3; });
  ASSERT_EQ(waitpid(process.pid(), nullptr, 0), process.pid());
  EXPECT_TRUE(process.join());
  EXPECT_FALSE(process.is_alive());
  EXPECT_EQ(process.exit_code(), std::nullopt);
  process.kill();
}

TEST(Process, a_child_that_inherits_the_object_does_not_wait_for_its_sibling) {
  Process sibling([] { stay(); });
  auto moved = std::make_unique<Process>(std::move(sibling));
  Process process([&moved] { moved.reset(); });
  EXPECT_TRUE(process.join());
  EXPECT_EQ(process.exit_code(), 0);
  EXPECT_TRUE(moved->is_alive());
  moved->kill();
}

TEST(Process, it_can_be_moved_and_kept_in_a_vector) {
  std::vector<Process> processes;
  for (int i = 0; i < 5; ++i) processes.emplace_back([i] { return i; });
  for (int i = 0; i < 5; ++i) {
    Process& process = processes[static_cast<std::size_t>(i)];
    process.join();
    EXPECT_EQ(process.exit_code(), i);
  }
}

TEST(Process, what_was_printed_before_it_started_is_printed_once) {
  testing::internal::CaptureStdout();
  std::printf("once ");
  Process process([] { std::printf("in the child"); });
  process.join();
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "once in the child");
}

TEST(Process, it_shares_segments_and_its_death_is_the_owners) {
  const carom::Shared<carom::Lock> lock;
  Process process(
      [&lock] {
        lock->lock();
        stay();
      },
      named("holder"));
  wait_until([&lock] { return lock->locked(); });
  process.kill();
  EXPECT_EQ(lock->acquire(), carom::Acquisition::acquired_owner_died);
  EXPECT_EQ(carom::last_takeover()->from.name(), "holder");
}
