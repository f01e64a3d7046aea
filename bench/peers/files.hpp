// File locks, on a file that has no name.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "common.hpp"

namespace bench {

class File {
 public:
  File() {
    if (fd_ < 0) unexpected("memfd_create", errno);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { close(fd_); }
  int fd() const { return fd_; }

 private:
  int fd_ = memfd_create("carom-bench", MFD_CLOEXEC);
};

class Flock {
 public:
  static constexpr const char* kName = "flock";
  void lock() {
    if (flock(file_.fd(), LOCK_EX) != 0) unexpected("flock", errno);
  }
  void unlock() {
    if (flock(file_.fd(), LOCK_UN) != 0) unexpected("flock", errno);
  }

 private:
  File file_;
};

class OfdLock {
 public:
  static constexpr const char* kName = "fcntl OFD lock";
  void lock() { set(F_WRLCK); }
  void unlock() { set(F_UNLCK); }

 private:
  void set(short type) {
    struct flock change {};
    change.l_type = type;
    change.l_whence = SEEK_SET;
    if (fcntl(file_.fd(), F_OFD_SETLKW, &change) != 0) unexpected("fcntl", errno);
  }
  File file_;
};

}  // namespace bench
