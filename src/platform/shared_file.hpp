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

/// What the kernel says of an open file.
struct FileFacts {
  FileIdentity identity;
  std::size_t size = 0;
  std::uint32_t owner = 0;  ///< a user's number
  unsigned mode = 0;        ///< as chmod takes it
  std::uint64_t links = 0;  ///< how many names it has
  bool plain = false;       ///< a regular file: no directory, pipe or device
};

/// An open file, closed with its last owner and across exec. Closing it is no cancellation point.
class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  int descriptor() const noexcept { return descriptor_; }

  /// What the kernel says of it now.
  FileFacts about(const std::string& object) const;
  std::size_t size() const { return about("file").size; }

  /// Which file it is, if one of the functions below made or opened it.
  FileIdentity identity() const noexcept { return identity_; }
  void remember(FileIdentity identity) noexcept { identity_ = identity; }

 private:
  int descriptor_ = -1;
  FileIdentity identity_;
};

/// How much of a file's memory is reserved when it is made: so much from its beginning, or all of it.
struct Reserve {
  std::size_t bytes;
};
inline constexpr Reserve kReserveAll{~std::size_t{0}};

/// A nameless file that no process can resize any more; freed by the kernel with its last user. Its memory is
/// reserved, so that a full machine is an error here and not a signal later. A size that the machine, a limit
/// of this process or its control groups cannot hold is refused before any of it is reserved. Where the kernel
/// or a filter refuses reservations, the file is made without.
File make_anonymous_file(std::size_t bytes, Reserve reserved = kReserveAll);

/// A file in `directory` that has no name yet; nothing of it stays if the process dies before publish(). Its
/// memory is reserved and its size checked as that of an anonymous one.
File make_unpublished_file(const std::string& directory, std::size_t bytes, unsigned mode,
                           const std::string& object, Reserve reserved = kReserveAll);

/// Gives it its name. False if the name is taken. The file appears whole or not at all.
bool publish(const File& file, const std::string& path, const std::string& object);

/// False if there is no such file. It is a regular file, and no symbolic link led there; who owns it, and how
/// many names it has, is for the caller to judge, from what `facts` says.
bool open_published(const std::string& path, const std::string& object, File& file,
                    FileFacts* facts = nullptr);

/// Copies the file's first bytes into private memory, as many as there are of `bytes`; returns how many.
std::size_t read_start(const File& file, void* to, std::size_t bytes, const std::string& object);

/// Writes over bytes that the file has. Does nothing, and returns false, if it cannot.
bool overwrite(const File& file, std::size_t offset, const void* from, std::size_t bytes) noexcept;

/// Whether `path` no longer leads to this file. False where that cannot be told.
bool leads_elsewhere(const std::string& path, FileIdentity file) noexcept;

/// The user whose rights this process has.
std::uint32_t effective_user() noexcept;

/// Takes the name away; who has the file open keeps it. False if there was none.
bool unpublish(const std::string& path, const std::string& object);

/// Maps the file from its beginning, shared, readable and writable.
void* map(const File& file, std::size_t bytes, const std::string& object);
void unmap(void* base, std::size_t bytes) noexcept;

/// A private page that reads as zeros in the child after fork, vfork apart; nullptr where the kernel lacks
/// that.
void* map_page_wiped_on_fork() noexcept;

std::size_t page_bytes() noexcept;

}  // namespace carom::platform
