// A control group of its own with little memory, for the OOM killer to kill in.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace endings {

class MemoryGroup {
 public:
  /// Nothing if this machine, or this user's rights, do not let one be made; `why` says so.
  static std::optional<MemoryGroup> make(std::size_t bytes, std::string& why);

  MemoryGroup(MemoryGroup&& other) noexcept;
  MemoryGroup& operator=(MemoryGroup&&) = delete;
  ~MemoryGroup();

  /// Moves the calling process there.
  bool enter() const;
  /// How many processes were killed there.
  long kills() const;
  std::size_t bytes() const { return bytes_; }

 private:
  MemoryGroup(std::string path, std::size_t bytes, bool second)
      : path_(std::move(path)), bytes_(bytes), second_(second) {}

  std::string path_;
  std::size_t bytes_;
  bool second_;  ///< of the second version of control groups
};

}  // namespace endings
