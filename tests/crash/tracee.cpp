#include "crash/tracee.hpp"

#include <dlfcn.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/plain.hpp"

namespace crash {
namespace {

constexpr int kPatienceMs = 300;  // far beyond every sleep that ends by itself

[[noreturn]] void broken(const char* what) {
  std::perror(what);
  std::abort();
}

std::uint64_t read_instruction(pid_t pid) {
  user_regs_struct registers;
  if (ptrace(PTRACE_GETREGS, pid, nullptr, &registers) != 0) broken("PTRACE_GETREGS");
  return registers.rip;
}

// The victim is a fork of this process: its text is ours, at the same addresses.
bool is_system_call(std::uint64_t address) {
  unsigned char code[2];
  std::memcpy(code, reinterpret_cast<const void*>(address), sizeof code);
  return code[0] == 0x0f && code[1] == 0x05;
}

}  // namespace

Tracee::Tracee(const std::function<void()>& body) : pid_(fork()) {
  if (pid_ == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    body();
    _exit(0);
  }
  if (pid_ < 0) broken("fork");
  if (wait_for_stop(false) == State::ended) broken("a victim ended before it began");
}

Tracee::State Tracee::wait_for_stop(bool may_sleep) {
  int status = 0;
  for (int polls = 0;; ++polls) {
    const pid_t who = waitpid(pid_, &status, may_sleep ? WNOHANG : 0);
    if (who == pid_) break;
    if (who < 0) broken("waitpid");
    if (polls > 20) {
      if (support::sleeps(pid_)) return State::asleep;
      usleep(20);
    }
  }
  if (WIFEXITED(status) || WIFSIGNALED(status)) {
    ended_ = true;
    return State::ended;
  }
  instruction_ = read_instruction(pid_);
  return State::stopped;
}

Tracee::State Tracee::step() {
  const bool system_call = is_system_call(instruction_);
  if (ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) != 0) broken("PTRACE_SINGLESTEP");
  return wait_for_stop(system_call);
}

bool Tracee::run_to_sleep() {
  for (;;) {  // from one entry or exit of a system call to the next
    if (ptrace(PTRACE_SYSCALL, pid_, nullptr, nullptr) != 0) broken("PTRACE_SYSCALL");
    const State state = wait_for_stop(true);
    if (state != State::stopped) return state == State::asleep;
  }
}

bool Tracee::stopped_again(int timeout_ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  for (int polls = 0;; ++polls) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = WIFEXITED(status) || WIFSIGNALED(status);
      if (!ended_) instruction_ = read_instruction(pid_);
      return true;
    }
    if (polls < 20) continue;
    if (std::chrono::steady_clock::now() > until) return false;
    usleep(20);
  }
}

bool Tracee::run_to(std::uint64_t address, std::uint64_t count) {
  for (std::uint64_t hit = instruction_ == address ? 1 : 0; hit < count;) {
    if (instruction_ == address) {  // off it, before the breakpoint goes in
      if (step() != State::stopped) return false;
      if (instruction_ == address) {  // a repeated string instruction
        ++hit;
        continue;
      }
    }
    const long original = ptrace(PTRACE_PEEKTEXT, pid_, address, nullptr);
    ptrace(PTRACE_POKETEXT, pid_, address, (original & ~0xffL) | 0xcc);
    if (ptrace(PTRACE_CONT, pid_, nullptr, nullptr) != 0) broken("PTRACE_CONT");
    // A victim that sleeps for what somebody else holds may never get there.
    if (!stopped_again(kPatienceMs) || ended_) return false;
    ptrace(PTRACE_POKETEXT, pid_, address, original);
    if (instruction_ != address + 1) return false;  // stopped by something else
    user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid_, nullptr, &registers) != 0) broken("PTRACE_GETREGS");
    registers.rip = address;
    if (ptrace(PTRACE_SETREGS, pid_, nullptr, &registers) != 0) broken("PTRACE_SETREGS");
    instruction_ = address;
    ++hit;
  }
  return true;
}

void Tracee::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  int status;
  while (!ended_ && waitpid(pid_, &status, 0) == pid_ && !WIFSIGNALED(status) && !WIFEXITED(status)) {
  }
  pid_ = -1;
}

std::string describe(std::uint64_t address) {
  Dl_info about;
  char text[256];
  if (dladdr(reinterpret_cast<const void*>(address), &about) != 0 && about.dli_fname != nullptr) {
    const char* const slash = std::strrchr(about.dli_fname, '/');
    const char* const file = slash != nullptr ? slash + 1 : about.dli_fname;
    const bool named = about.dli_sname != nullptr;
    const auto base = reinterpret_cast<std::uint64_t>(named ? about.dli_saddr : about.dli_fbase);
    std::snprintf(text, sizeof text, "%s:%s+0x%llx", file, named ? about.dli_sname : "",
                  static_cast<unsigned long long>(address - base));
    return text;
  }
  return "?";
}

}  // namespace crash
