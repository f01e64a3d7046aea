#include "platform/shared_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "carom/error.hpp"
#include "platform/checked.hpp"

namespace carom::platform {
namespace {

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
    case ENOMEM:
      throw Error(Errc::no_memory, object, doing + " found no memory or address space left", error);
    case EACCES:
    case EPERM:
    case EROFS:
      throw Error(Errc::no_permission, object, doing + " is not permitted", error);
    default:
      throw Error(Errc::system, object, doing + " failed", error);
  }
}

void reserve(const File& file, std::size_t bytes, const std::string& object) {
  int error;
  do {
    error = posix_fallocate(file.descriptor(), 0, static_cast<off_t>(bytes));
  } while (error == EINTR);
  if (error != 0) raise(object, "reserving " + std::to_string(bytes) + " bytes", error);
}

}  // namespace

File::File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::size_t File::size() const {
  struct stat about;
  if (fstat(descriptor_, &about) != 0) fail("fstat", errno);
  return static_cast<std::size_t>(about.st_size);
}

FileIdentity File::identity() const {
  struct stat about;
  if (fstat(descriptor_, &about) != 0) fail("fstat", errno);
  return {about.st_dev, about.st_ino};
}

File make_anonymous_file(std::size_t bytes) {
  const std::string object = "anonymous segment";
  File file(memfd_create("carom", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (file.descriptor() < 0) raise(object, "creating", errno);
  reserve(file, bytes, object);
  if (fcntl(file.descriptor(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    raise(object, "sealing its size", errno);
  }
  return file;
}

File make_unpublished_file(const std::string& directory, std::size_t bytes, unsigned mode,
                           const std::string& object) {
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
  reserve(file, bytes, object);
  if (fchmod(file.descriptor(), mode) != 0) raise(object, "setting its mode", errno);  // past the umask
  return file;
}

bool publish(const File& file, const std::string& path, const std::string& object) {
  char self[64];
  std::snprintf(self, sizeof self, "/proc/self/fd/%d", file.descriptor());
  if (linkat(AT_FDCWD, self, AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
  if (errno == ENOENT) {  // no /proc; the direct way needs CAP_DAC_READ_SEARCH
    if (linkat(file.descriptor(), "", AT_FDCWD, path.c_str(), AT_EMPTY_PATH) == 0) return true;
  }
  if (errno == EEXIST) return false;
  raise(object, "publishing it as " + path, errno);
}

bool open_published(const std::string& path, const std::string& object, File& file) {
  File opened(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (opened.descriptor() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    if (errno == ELOOP || errno == EISDIR || errno == ENXIO) {
      throw Error(Errc::not_a_segment, object, path + " is not a plain file", errno);
    }
    raise(object, "opening " + path, errno);
  }
  struct stat about;
  if (fstat(opened.descriptor(), &about) != 0) fail("fstat", errno);
  if (!S_ISREG(about.st_mode)) throw Error(Errc::not_a_segment, object, path + " is not a plain file");
  if (about.st_nlink == 0) return false;  // removed since we opened it
  file = std::move(opened);
  return true;
}

bool unpublish(const std::string& path, const std::string& object) {
  if (unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  raise(object, "removing " + path, errno);
}

void* map(const File& file, std::size_t bytes, const std::string& object) {
  void* const base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor(), 0);
  if (base == MAP_FAILED) raise(object, "mapping " + std::to_string(bytes) + " bytes", errno);
  return base;
}

void unmap(void* base, std::size_t bytes) noexcept {
  if (munmap(base, bytes) != 0) fail("munmap", errno);
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
