#include "platform/process_identity.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "platform/cancellation.hpp"

namespace carom::platform {
namespace {

/// The beginning of a file, as text. False if it cannot be read.
bool read_text(const char* path, char* text, std::size_t size) noexcept {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return false;
  ssize_t length;
  do {
    length = read(fd, text, size - 1);
  } while (length < 0 && errno == EINTR);
  close(fd);
  if (length <= 0) return false;
  text[length] = '\0';
  return true;
}

/// What /proc says of a thread (proc(5), "/proc/[pid]/stat").
struct Stat {
  char state = '?';
  unsigned long flags = 0;
  std::uint64_t start_time = 0;
  std::uint64_t stack = 0;  ///< where its process's stack begins; 0: not to be told
};

bool read_stat(const char* path, Stat& stat) noexcept {
  char text[1024];
  if (!read_text(path, text, sizeof text)) return false;
  // The second field is a name in parentheses that may itself hold anything.
  const char* at = std::strrchr(text, ')');
  if (at == nullptr || at[1] != ' ') return false;
  stat.state = at[2];
  for (int field = 2; at != nullptr; ++field) {
    switch (field) {
      case 9:
        stat.flags = std::strtoul(at + 1, nullptr, 10);
        break;
      case 22:
        stat.start_time = std::strtoull(at + 1, nullptr, 10);
        break;
      case 28:
        stat.stack = std::strtoull(at + 1, nullptr, 10);
        return true;
      default:
        break;
    }
    at = std::strchr(at + 1, ' ');
  }
  return stat.start_time != 0;
}

/// Where the stack of a process begins is drawn at random with every exec, and stays.
std::uint32_t program_of(const Stat& stat) noexcept {
  return static_cast<std::uint32_t>(stat.stack >> 4);
}

std::uint32_t namespace_inode(const char* path) noexcept {
  struct stat about;
  return stat(path, &about) == 0 ? static_cast<std::uint32_t>(about.st_ino) : 0;
}

/// Whether the numbers in /proc are those of this process's own pid namespace: then the line has one number only.
bool proc_is_ours() noexcept {
  char text[4096];
  if (!read_text("/proc/self/status", text, sizeof text)) return false;
  const char* const line = std::strstr(text, "\nNSpid:\t");
  if (line == nullptr) return false;
  char* end = nullptr;
  const unsigned long pid = std::strtoul(line + 8, &end, 10);
  return *end == '\n' && pid == static_cast<unsigned long>(getpid());
}

/// What holds for all threads of this process. Zeros where /proc is not mounted, or not for us.
struct Surroundings {
  std::atomic<bool> known{false};
  std::atomic<std::uint32_t> pid_namespace{0};
  std::atomic<std::uint32_t> time_namespace{0};
  std::atomic<std::uint64_t> boot{0};
};
constinit Surroundings here;

std::uint64_t read_boot() noexcept {
  char text[64];
  if (!read_text("/proc/sys/kernel/random/boot_id", text, sizeof text)) return 0;
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char* c = text; *c != '\0' && *c != '\n'; ++c) {
    hash = (hash ^ static_cast<unsigned char>(*c)) * 1099511628211u;
  }
  return hash | 1;
}

const Surroundings& surroundings() noexcept {
  if (!here.known.load(std::memory_order_acquire)) {
    const bool usable = proc_is_ours();
    here.pid_namespace.store(usable ? namespace_inode("/proc/self/ns/pid") : 0, std::memory_order_relaxed);
    here.time_namespace.store(usable ? namespace_inode("/proc/self/ns/time") : 0, std::memory_order_relaxed);
    here.boot.store(read_boot(), std::memory_order_relaxed);
    here.known.store(true, std::memory_order_release);
  }
  return here;
}

// The kernel's PF_EXITING, PF_POSTCOREDUMP (or, long ago, a later stage of exiting), PF_DUMPCORE and PF_SIGNALED: each
// is set when a thread is never to return to its program (include/linux/sched.h).
constexpr unsigned long kNeverReturns = 0x4 | 0x8 | 0x200 | 0x400;

}  // namespace

std::uint32_t this_thread() noexcept {
  return static_cast<std::uint32_t>(syscall(SYS_gettid));
}

void forget_own_identity() noexcept {
  here.known.store(false, std::memory_order_relaxed);
}

std::uint64_t this_boot() noexcept {
  const NoCancellation whole;
  return surroundings().boot.load(std::memory_order_relaxed);
}

ThreadIdentity this_thread_identity() noexcept {
  const NoCancellation whole;
  const Surroundings& around = surroundings();
  ThreadIdentity identity{};
  identity.pid = static_cast<std::uint32_t>(getpid());
  identity.key.tid = this_thread();
  identity.key.pid_namespace = around.pid_namespace.load(std::memory_order_relaxed);
  identity.key.time_namespace = around.time_namespace.load(std::memory_order_relaxed);
  Stat stat;
  if (identity.key.pid_namespace != 0 && read_stat("/proc/thread-self/stat", stat)) {
    identity.key.start_time = stat.start_time;
    identity.key.program = program_of(stat);
  }
  prctl(PR_GET_NAME, identity.name.data());
  return identity;
}

Sighting look_for(const ThreadKey& who) noexcept {
  const NoCancellation whole;
  const int saved = errno;
  struct Restore {
    int value;
    ~Restore() { errno = value; }
  } restore{saved};
  const Surroundings& around = surroundings();
  const std::uint32_t own_namespace = around.pid_namespace.load(std::memory_order_relaxed);
  if (who.tid == 0 || who.pid_namespace == 0 || who.pid_namespace != own_namespace) return Sighting::unknown;
  // Signal 0 goes to nobody. Not even a reaped thread's /proc entry is missed like this one: the entries of others may be
  // hidden (hidepid), but their numbers are not.
  if (syscall(SYS_tkill, who.tid, 0) != 0 && errno == ESRCH) return Sighting::gone;
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%u/task/%u/stat", who.tid, who.tid);
  Stat stat;
  if (!read_stat(path, stat)) {
    return syscall(SYS_tkill, who.tid, 0) != 0 && errno == ESRCH ? Sighting::gone : Sighting::unknown;
  }
  const bool same_clock = who.time_namespace == around.time_namespace.load(std::memory_order_relaxed);
  if (same_clock && who.start_time != 0 && ((stat.start_time ^ who.start_time) & who.start_mask) != 0)
    return Sighting::gone;
  if (who.program != 0 && program_of(stat) != 0 && program_of(stat) != who.program) return Sighting::gone;
  if (stat.state == 'Z' || stat.state == 'X') return Sighting::gone;
  if ((stat.flags & kNeverReturns) != 0) return Sighting::ending;
  return Sighting::unknown;
}

void name_this_thread(const char* name) noexcept {
  prctl(PR_SET_NAME, name);
}

int usable_processors() noexcept {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace carom::platform
