// Shared memory with a roster of those who use it: what every primitive lives in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "carom/participant.hpp"

namespace carom {

namespace memory {
class MappedSegment;
}

struct SegmentOptions {
  std::size_t participants =
      1024;                ///< threads that may be in it at one time; at most 16,384; rounded up to 2^n
  unsigned mode = 0600;    ///< who may open it by name, as chmod takes it; the umask does not apply
  std::uint64_t type = 0;  ///< a number that open() must repeat; Shared<T> derives it from T
};

/// A piece of shared memory, and this process's hold on it.
///
/// Anonymous segments have no name and nothing in the file system: forked children inherit them, and the
/// kernel frees them with their last user, whatever dies. Named ones appear complete or not at all, and stay
/// until remove().
///
/// A handle may be moved, and used by any thread. When the last handle in a process closes, the memory is
/// unmapped as soon as no thread of the process has a seat in it (a thread takes one with its first use of a
/// primitive there and keeps it until it ends or calls leave()). Fork: children inherit the mapping, and
/// every handle they inherit is theirs to close. Signals: nothing here is safe in a handler. Death: at no
/// instruction of any of these calls does a kill leave anything behind for others but, at worst, memory that
/// goes with its last user.
class Segment {
 public:
  /// Fills the user's part of a new segment, which is all zeros, before anybody else can see it.
  using Fill = std::function<void(void* data)>;

  /// Makes a segment that only this process and the children it forks can reach.
  /// Does not block. Throws Error: bad_size, no_memory, no_space, no_descriptors.
  static Segment anonymous(std::size_t bytes, const SegmentOptions& options = {}, const Fill& fill = {});

  /// Makes a named segment; the name must be free. Names have no slash, no leading dot and at most 200
  /// characters. Does not block. Throws Error: bad_name, bad_size, exists, no_directory, no_permission,
  /// no_space, no_memory, no_descriptors.
  static Segment create(const std::string& name, std::size_t bytes, const SegmentOptions& options = {},
                        const Fill& fill = {});

  /// Opens a named segment. `type` is compared with the creator's; everything in the header is checked before
  /// anything is believed. Does not block. Throws Error: bad_name, no_such_segment, no_permission,
  /// not_a_segment, other_version, other_type, truncated, corrupted, no_memory, no_descriptors.
  static Segment open(const std::string& name, std::uint64_t type = 0);

  /// Opens the segment, or makes it if there is none. Of any number that race, one makes it and all get the
  /// same.
  static Segment open_or_create(const std::string& name, std::size_t bytes,
                                const SegmentOptions& options = {}, const Fill& fill = {});

  /// Takes the name away at once; who has the segment open keeps the memory, and removed() tells them.
  /// False if there was none. Throws Error: bad_name, no_permission.
  static bool remove(const std::string& name);

  /// The names of all segments in the directory for named segments (CAROM_DIR, else /dev/shm).
  static std::vector<std::string> list();

  Segment(Segment&& other) noexcept;
  Segment& operator=(Segment&& other) noexcept;
  ~Segment();

  /// The user's part: zeros, unless somebody wrote there. Aligned to 64 bytes.
  void* data() const noexcept;
  std::size_t size() const noexcept;

  const std::string& name() const noexcept { return name_; }  ///< empty for an anonymous one
  bool removed() const noexcept;

  /// Takes the calling thread's seat now instead of at its first use of a primitive.
  /// Throws Error: roster_full, roster_exhausted, unknown_thread.
  Participant join() const;

  /// Gives the calling thread's seat back. What it still holds there is recovered by others as after its
  /// death.
  void leave() const noexcept;

  /// The threads that are in the segment now.
  std::vector<Participant> participants() const;

  /// How often anything in the segment was taken over from the dead.
  std::uint64_t takeovers() const noexcept;

 private:
  Segment(memory::MappedSegment& mapped, std::string name) noexcept;

  memory::MappedSegment* mapped_ = nullptr;
  std::string name_;
};

}  // namespace carom
