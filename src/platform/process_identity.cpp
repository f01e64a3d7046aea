#include "platform/process_identity.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace carom::platform {
namespace {

// Field 22 of /proc/self/stat. The second field is a name in parentheses that may itself hold anything.
std::uint64_t read_start_time() noexcept {
  char text[1024];
  const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = '\0';
  const char* at = std::strrchr(text, ')');
  for (int field = 2; at != nullptr && field < 22; ++field) at = std::strchr(at + 1, ' ');
  return at == nullptr ? 0 : std::strtoull(at + 1, nullptr, 10);
}

std::uint64_t read_pid_namespace() noexcept {
  struct stat about;
  return stat("/proc/self/ns/pid", &about) == 0 ? about.st_ino : 0;
}

}  // namespace

ThreadIdentity this_thread_identity() noexcept {
  ThreadIdentity identity{};
  identity.pid = static_cast<std::uint32_t>(getpid());
  identity.tid = static_cast<std::uint32_t>(syscall(SYS_gettid));
  identity.pid_namespace = read_pid_namespace();
  identity.start_time = read_start_time();
  prctl(PR_GET_NAME, identity.name.data());
  return identity;
}

void name_this_thread(const char* name) noexcept {
  prctl(PR_SET_NAME, name);
}

int usable_processors() noexcept {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace carom::platform
