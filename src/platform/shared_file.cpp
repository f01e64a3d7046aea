#include "platform/shared_file.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "carom/error.hpp"
#include "platform/cancellation.hpp"
#include "platform/checked.hpp"

namespace carom::platform {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kSmall = std::size_t{1} << 20;  // not worth asking whether the machine has it

[[noreturn]] void raise(const std::string& object, const std::string& doing, int error) {
  switch (error) {
    case EMFILE:
      throw Error(Errc::no_descriptors, object,
                  doing + " needs one more file descriptor than this process may have", error);
    case ENFILE:
      throw Error(Errc::no_descriptors, object,
                  doing + " needs one more file descriptor than the machine has", error);
    case ENOSPC:
    case EDQUOT:
      throw Error(Errc::no_space, object, doing + " found the file system for shared memory full", error);
    case EFBIG:
      throw Error(
          Errc::no_space, object,
          doing + " needs a larger file than the file system, or this process's limit (ulimit -f), allows",
          error);
    case ENOMEM:
      throw Error(Errc::no_memory, object, doing + " found no memory or address space left", error);
    case EACCES:
    case EROFS:
      throw Error(Errc::no_permission, object, doing + " is not permitted", error);
    case EPERM:
      throw Error(Errc::no_permission, object,
                  doing + " is not permitted, by this process's rights or by a filter of system calls",
                  error);
    case ENOSYS:
      throw Error(Errc::system, object,
                  doing + " is a system call that this kernel, or a filter of system calls, does not know",
                  error);
    default:
      throw Error(Errc::system, object, doing + " failed", error);
  }
}

FileFacts facts_of(const struct stat& about) noexcept {
  return {{about.st_dev, about.st_ino},
          static_cast<std::size_t>(about.st_size),
          about.st_uid,
          about.st_mode & 07777u,
          about.st_nlink,
          S_ISREG(about.st_mode)};
}

/// The text of one of the kernel's files; empty where there is none.
std::string read_text(const std::string& path) {
  std::string text;
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.descriptor() < 0) return text;
  char piece[4096];
  for (;;) {
    const ssize_t length = read(file.descriptor(), piece, sizeof piece);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return text;
    text.append(piece, static_cast<std::size_t>(length));
  }
}

std::optional<std::uint64_t> number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

/// The number in the line that begins with `key`.
std::optional<std::uint64_t> number_in(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(key)) return number(line.substr(key.size()));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return std::nullopt;
}

constexpr std::uint64_t less(std::uint64_t from, std::uint64_t what) {
  return from > what ? from - what : 0;
}

constexpr std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  return a > kNoLimit - b ? kNoLimit : a + b;
}

struct Memory {
  std::uint64_t ram;  // what could be had without pushing anything out
  std::uint64_t swap;
};

Memory memory_left() {
  const std::string text = read_text("/proc/meminfo");
  if (const auto available = number_in(text, "MemAvailable:")) {
    return {*available * 1024, number_in(text, "SwapFree:").value_or(0) * 1024};
  }
  struct sysinfo about;
  if (sysinfo(&about) != 0) return {kNoLimit, 0};
  return {(std::uint64_t{about.freeram} + about.bufferram) * about.mem_unit,
          std::uint64_t{about.freeswap} * about.mem_unit};
}

/// How the two generations of control groups call what is asked of them here.
struct GroupFiles {
  const char* root;
  const char* limit;
  const char* used;
  const char* cache;   // part of what is used; goes away when it is in the way ...
  const char* shared;  // ... but for this part of it
};
constexpr GroupFiles kGroups2 = {"/sys/fs/cgroup", "memory.max", "memory.current", "file ", "shmem "};
constexpr GroupFiles kGroups1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
                                 "total_cache ", "total_shmem "};

/// What a control group still allows, itself alone.
std::uint64_t left_in_group(const std::string& folder, const GroupFiles& files, std::uint64_t free_swap) {
  const auto limit = number(read_text(folder + "/" + files.limit));
  if (!limit) return kNoLimit;
  const std::uint64_t used = number(read_text(folder + "/" + files.used)).value_or(0);
  const std::string parts = read_text(folder + "/memory.stat");
  const std::uint64_t cache =
      less(number_in(parts, files.cache).value_or(0), number_in(parts, files.shared).value_or(0));
  std::uint64_t swap = free_swap;
  if (const auto most = number(read_text(folder + "/memory.swap.max"))) {
    swap = std::min(swap, less(*most, number(read_text(folder + "/memory.swap.current")).value_or(0)));
  }
  return plus(less(*limit, less(used, cache)), swap);
}

/// Whether one of the words in `list`, with commas between them, is `word`.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::string_view next = list.substr(0, list.find(','));
    if (next == word) return true;
    list.remove_prefix(std::min(next.size() + 1, list.size()));
  }
  return false;
}

/// What the control groups of this process still allow, and those above them.
std::uint64_t left_in_groups(std::uint64_t free_swap) {
  std::uint64_t left = kNoLimit;
  const std::string groups = read_text("/proc/self/cgroup");
  for (std::string_view rest = groups; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t first = line.find(':');  // number:controllers:path
    const std::size_t second = first == line.npos ? line.npos : line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (!unified && !lists(controllers, "memory")) continue;
    const GroupFiles& files = unified ? kGroups2 : kGroups1;
    std::string path(line.substr(second + 1));
    if (path.find("/..") != path.npos) path.clear();  // outside of what is mounted here
    while (path.ends_with('/')) path.pop_back();
    for (;;) {
      left = std::min(left, left_in_group(files.root + path, files, free_swap));
      if (path.empty()) break;
      path.erase(path.rfind('/') == path.npos ? 0 : path.rfind('/'));
    }
  }
  return left;
}

[[noreturn]] void refuse(Errc code, const std::string& object, std::uint64_t bytes, const std::string& whose,
                         std::uint64_t left, int error) {
  throw Error(code, object,
              "needs " + std::to_string(bytes) + " bytes, and " + whose + " " + std::to_string(left), error);
}

/// Refuses what memory, now, cannot hold.
void check_memory(std::size_t bytes, const std::string& object) {
  if (bytes < kSmall) return;
  const Memory memory = memory_left();
  const std::uint64_t all = plus(memory.ram, memory.swap);
  if (bytes > all)
    refuse(Errc::no_memory, object, bytes, "the memory that is left on this machine is", all, ENOMEM);
  const std::uint64_t group = left_in_groups(memory.swap);
  if (bytes > group) {
    refuse(Errc::no_memory, object, bytes, "the memory that is left in this process's control group is",
           group, ENOMEM);
  }
}

/// Refuses what this process may not map, or may not write to a file.
void check_limits(std::size_t bytes, const std::string& object) {
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur) {
    refuse(Errc::no_space, object, bytes, "the largest file that this process may write (ulimit -f) has",
           limit.rlim_cur, EFBIG);
  }
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    const std::uint64_t used = number(read_text("/proc/self/statm")).value_or(0) * page_bytes();
    const std::uint64_t left = less(limit.rlim_cur, used);
    if (bytes > left) {
      refuse(Errc::no_memory, object, bytes, "the address space that is left to this process (ulimit -v) is",
             left, ENOMEM);
    }
  }
}

/// Refuses what the file system of `file` has no room for.
void check_file_system(const File& file, std::size_t bytes, const std::string& object) {
  struct statfs about;
  if (fstatfs(file.descriptor(), &about) != 0) return;
  if (about.f_type == TMPFS_MAGIC || about.f_type == RAMFS_MAGIC) check_memory(bytes, object);
  const std::uint64_t left =
      static_cast<std::uint64_t>(about.f_bfree) * static_cast<std::uint64_t>(about.f_bsize);
  if (about.f_blocks != 0 && bytes > left) {
    refuse(Errc::no_space, object, bytes, "the space that is left in the file system for shared memory is",
           left, ENOSPC);
  }
}

void set_size(const File& file, std::size_t bytes, const std::string& object) {
  if (ftruncate(file.descriptor(), static_cast<off_t>(bytes)) == 0) return;
  raise(object, "allocating " + std::to_string(bytes) + " bytes with ftruncate", errno);
}

/// Gives the file its size, and its memory where the kernel lets it be reserved. What was reserved before a
/// failure goes with the file.
void reserve(const File& file, std::size_t all, Reserve reserved, const std::string& object) {
  const std::size_t bytes = std::min(all, reserved.bytes);
  if (bytes < all) set_size(file, all, object);
  std::size_t step = bytes;  // the kernel undoes a step that a signal interrupts; smaller ones get through
  for (std::size_t at = 0; at < bytes;) {
    const std::size_t length = std::min(step, bytes - at);
    if (fallocate(file.descriptor(), 0, static_cast<off_t>(at), static_cast<off_t>(length)) == 0) {
      at += length;
    } else if (errno == EINTR) {
      step = std::max(page_bytes(), step / 2);
    } else if (errno == ENOSYS || errno == EPERM || errno == EOPNOTSUPP) {
      return set_size(file, all, object);
    } else {
      raise(object, "allocating " + std::to_string(bytes) + " bytes with fallocate", errno);
    }
  }
}

}  // namespace

File::File(File&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), identity_(other.identity_) {}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(identity_, other.identity_);
  return *this;
}

File::~File() {
  if (descriptor_ < 0) return;
  const NoCancellation guard;
  close(descriptor_);
}

FileFacts File::about(const std::string& object) const {
  struct stat about;
  if (fstat(descriptor_, &about) != 0) raise(object, "looking at its file with fstat", errno);
  return facts_of(about);
}

File make_anonymous_file(std::size_t bytes, Reserve reserved) {
  const std::string object = "anonymous segment";
  check_memory(bytes, object);
  check_limits(bytes, object);
  File file(memfd_create("carom", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (file.descriptor() < 0) raise(object, "making it with memfd_create", errno);
  file.remember(file.about(object).identity);
  reserve(file, bytes, reserved, object);
  if (fcntl(file.descriptor(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    raise(object, "sealing its size with fcntl", errno);
  }
  return file;
}

File make_unpublished_file(const std::string& directory, std::size_t bytes, unsigned mode,
                           const std::string& object, Reserve reserved) {
  File file(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.descriptor() < 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == EOPNOTSUPP || errno == EISDIR) {
      throw Error(
          Errc::no_directory, object,
          "named segments live in " + directory +
              ", which is missing or cannot hold them; mount a tmpfs there, set CAROM_DIR to another one, "
              "or use an anonymous segment, which needs none",
          errno);
    }
    raise(object, "creating it in " + directory, errno);
  }
  file.remember(file.about(object).identity);
  check_file_system(file, bytes, object);
  check_limits(bytes, object);
  reserve(file, bytes, reserved, object);
  if (fchmod(file.descriptor(), mode) != 0) {
    raise(object, "setting its mode with fchmod", errno);  // past the umask
  }
  return file;
}

bool publish(const File& file, const std::string& path, const std::string& object) {
  char self[64];
  std::snprintf(self, sizeof self, "/proc/self/fd/%d", file.descriptor());
  if (linkat(AT_FDCWD, self, AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
  if (errno == ENOENT) {  // no /proc; the direct way needs CAP_DAC_READ_SEARCH, or Linux 6.10
    if (linkat(file.descriptor(), "", AT_FDCWD, path.c_str(), AT_EMPTY_PATH) == 0) return true;
    const int error = errno;
    if (error != EEXIST && access("/proc/self/fd", F_OK) != 0) {
      throw Error(Errc::system, object,
                  "publishing it as " + path +
                      " needs /proc, which is missing here; mount it, or use an anonymous segment",
                  error);
    }
    errno = error;
  }
  if (errno == EEXIST) return false;
  raise(object, "publishing it as " + path + " with linkat", errno);
}

bool open_published(const std::string& path, const std::string& object, File& file, FileFacts* facts) {
  File opened(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (opened.descriptor() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    if (errno == ELOOP || errno == EISDIR || errno == ENXIO) {
      throw Error(Errc::not_a_segment, object, path + " is not a plain file", errno);
    }
    raise(object, "opening " + path, errno);
  }
  const FileFacts about = opened.about(object);
  if (!about.plain) throw Error(Errc::not_a_segment, object, path + " is not a plain file");
  if (about.links == 0) return false;  // removed since we opened it
  opened.remember(about.identity);
  if (facts != nullptr) *facts = about;
  file = std::move(opened);
  return true;
}

std::size_t read_start(const File& file, void* to, std::size_t bytes, const std::string& object) {
  std::size_t have = 0;
  while (have < bytes) {
    const ssize_t length =
        pread(file.descriptor(), static_cast<char*>(to) + have, bytes - have, static_cast<off_t>(have));
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) raise(object, "reading its header with pread", errno);
    if (length == 0) break;
    have += static_cast<std::size_t>(length);
  }
  return have;
}

bool overwrite(const File& file, std::size_t offset, const void* from, std::size_t bytes) noexcept {
  const NoCancellation guard;
  struct stat about;
  if (fstat(file.descriptor(), &about) != 0 || static_cast<std::size_t>(about.st_size) < offset + bytes)
    return false;
  rlimit limit;  // beyond it, a write is a signal
  if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur < offset + bytes) return false;
  return pwrite(file.descriptor(), from, bytes, static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes);
}

bool leads_elsewhere(const std::string& path, FileIdentity file) noexcept {
  const NoCancellation guard;
  struct stat about;
  if (lstat(path.c_str(), &about) == 0) return !(facts_of(about).identity == file);
  return errno == ENOENT || errno == ENOTDIR;
}

std::uint32_t effective_user() noexcept {
  return geteuid();
}

bool unpublish(const std::string& path, const std::string& object) {
  if (unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  raise(object, "removing " + path, errno);
}

void* map(const File& file, std::size_t bytes, const std::string& object) {
  void* const base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor(), 0);
  if (base != MAP_FAILED) return base;
  if (errno == EAGAIN) {  // this process has said mlockall(MCL_FUTURE)
    rlimit limit{};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    throw Error(Errc::no_memory, object,
                "mapping " + std::to_string(bytes) +
                    " bytes needs more locked memory than this process may have (ulimit -l; in bytes: " +
                    std::to_string(limit.rlim_cur) + "), as it locks all it maps (mlockall)",
                EAGAIN);
  }
  raise(object, "mapping " + std::to_string(bytes) + " bytes with mmap", errno);
}

void unmap(void* base, std::size_t bytes) noexcept {
  if (munmap(base, bytes) != 0 && errno == EINVAL) fail("munmap", errno);  // else it stays, to nobody's harm
}

void* map_page_wiped_on_fork() noexcept {
  void* const page = mmap(nullptr, page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (madvise(page, page_bytes(), MADV_WIPEONFORK) == 0) return page;
  munmap(page, page_bytes());
  return nullptr;
}

std::size_t page_bytes() noexcept {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace carom::platform
