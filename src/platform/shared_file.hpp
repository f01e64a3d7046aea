// Files that live in memory: how they are made, published whole, opened and mapped. Every failure is an Error
// that names the object and the cause.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace carom::platform {

/// Which file it is, whatever its name.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

/// An open file, closed with its last owner and across exec.
class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  int descriptor() const noexcept { return descriptor_; }
  std::size_t size() const;
  FileIdentity identity() const;

 private:
  int descriptor_ = -1;
};

/// A nameless file that no process can resize any more; freed by the kernel with its last user. Its memory is
/// reserved, so that a full machine is an error here and not a signal later.
File make_anonymous_file(std::size_t bytes);

/// A file in `directory` that has no name yet; nothing of it stays if the process dies before publish().
File make_unpublished_file(const std::string& directory, std::size_t bytes, unsigned mode,
                           const std::string& object);

/// Gives it its name. False if the name is taken. The file appears whole or not at all.
bool publish(const File& file, const std::string& path, const std::string& object);

/// False if there is no such file.
bool open_published(const std::string& path, const std::string& object, File& file);

/// Takes the name away; who has the file open keeps it. False if there was none.
bool unpublish(const std::string& path, const std::string& object);

/// Maps the whole file, shared, readable and writable.
void* map(const File& file, std::size_t bytes, const std::string& object);
void unmap(void* base, std::size_t bytes) noexcept;

/// A private page that reads as zeros in the child after fork, vfork apart; nullptr where the kernel lacks
/// that.
void* map_page_wiped_on_fork() noexcept;

std::size_t page_bytes() noexcept;

}  // namespace carom::platform
