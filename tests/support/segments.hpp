// Segments under test: names that go with the test, their files, and their bytes.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "support/plain.hpp"

namespace support {

/// Where named segments live.
inline std::string segment_directory() {
  const char* const chosen = std::getenv("CAROM_DIR");
  return chosen != nullptr ? chosen : "/dev/shm";
}

/// A name nobody else uses, taken away with this object.
class Name {
 public:
  explicit Name(const std::string& what = "segment") : text_(unique_name(what)), owner_(getpid()) {}
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;
  ~Name() {
    if (getpid() == owner_) std::remove(path().c_str());
  }

  const std::string& text() const { return text_; }
  operator const std::string&() const { return text_; }  // NOLINT(google-explicit-constructor)
  std::string path() const { return segment_directory() + "/carom." + text_; }
  bool exists() const { return access(path().c_str(), F_OK) == 0; }

 private:
  std::string text_;
  pid_t owner_;
};

/// Writes `value` over the file's bytes at `offset`.
template <class T>
void overwrite(const std::string& path, std::size_t offset, const T& value) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  (void)!pwrite(fd, &value, sizeof value, static_cast<off_t>(offset));
  close(fd);
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace support
