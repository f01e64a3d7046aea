// Process and the streams of stdio: what is printed once, and that no stream in use is waited for.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <thread>

#include "carom/carom.hpp"
#include "support/plain.hpp"

using carom::Process;
using support::wait_until;

namespace {

/// A pipe with nothing in it, or with no room left.
struct Pipe {
  explicit Pipe(bool full = false) {
    if (pipe(ends) != 0) _exit(90);
    if (!full) return;
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], "x", 1) == 1) {
    }
    fcntl(ends[1], F_SETFL, 0);
  }
  int ends[2];
};

bool in_use(FILE* stream) {
  if (ftrylockfile(stream) != 0) return true;
  funlockfile(stream);
  return false;
}

}  // namespace

TEST(ProcessStreams, one_starts_while_another_thread_reads_stdin) {
  support::Forked program([] {
    const Pipe console;
    dup2(console.ends[0], 0);
    std::thread([] { std::getchar(); }).detach();
    wait_until([] { return in_use(stdin); });
    Process process([] { return 7; });
    process.join();
    _exit(process.exit_code() == 7 ? 0 : 1);
  });
  EXPECT_EQ(program.wait(), 0);
}

TEST(ProcessStreams, one_ends_while_its_own_thread_reads_stdin) {
  support::Forked program([] {
    const Pipe console;
    dup2(console.ends[0], 0);
    Process process([] {
      std::thread([] { std::getchar(); }).detach();
      wait_until([] { return in_use(stdin); });
      return 7;
    });
    process.join();
    _exit(process.exit_code() == 7 ? 0 : 1);
  });
  EXPECT_EQ(program.wait(), 0);
}

TEST(ProcessStreams, one_runs_while_another_thread_cannot_print_and_does_not_print_in_its_stead) {
  support::Forked program([] {
    const Pipe blocked(true);
    dup2(blocked.ends[1], 1);
    std::printf("once");
    std::thread([] { std::fflush(stdout); }).detach();
    wait_until([] { return in_use(stdout); });
    Process process([] { return 7; });
    process.join();
    _exit(process.exit_code() == 7 ? 0 : 1);
  });
  EXPECT_EQ(program.wait(), 0);
}

TEST(ProcessStreams, what_stderr_and_a_cout_of_its_own_hold_is_printed_once) {
  const Pipe out;
  support::Forked program([&out] {
    dup2(out.ends[1], 1);
    dup2(out.ends[1], 2);
    std::ios_base::sync_with_stdio(false);
    static char buffer[100];
    std::setvbuf(stderr, buffer, _IOFBF, sizeof buffer);
    std::cout << "cout ";
    std::fprintf(stderr, "stderr ");
    Process process([] { std::cout << "child "; });
    process.join();
  });
  EXPECT_EQ(program.wait(), 0);
  char text[100] = "";
  EXPECT_GT(read(out.ends[0], text, sizeof text - 1), 0);
  std::string sorted(text);
  EXPECT_EQ(sorted.size(), std::string("cout stderr child ").size()) << text;
  for (const char* word : {"cout ", "stderr ", "child "})
    EXPECT_NE(sorted.find(word), std::string::npos) << text;
}
