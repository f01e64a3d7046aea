// Shared memory with a roster of those who use it: what every primitive lives in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "carom/participant.hpp"

namespace carom {

namespace memory {
class MappedSegment;
}

/// Whose named segments this process believes. Who can write to a segment can make those who use it misbehave,
/// so a file that somebody else has put under the name is not to be opened.
class Trust {
 public:
  /// The user with whose rights this process runs, and root. What every call does unless told otherwise.
  static constexpr Trust own() noexcept { return {}; }
  /// Those, and this user too.
  static constexpr Trust user(std::uint32_t uid) noexcept {
    Trust trust;
    trust.named_ = uid;
    return trust;
  }
  /// Whoever made the file, whatever its mode and however many names it has.
  static constexpr Trust anyone() noexcept {
    Trust trust;
    trust.anyone_ = true;
    return trust;
  }

  /// Whether it includes what `owner` has made, in a process with the rights of `self`.
  constexpr bool includes(std::uint32_t owner, std::uint32_t self) const noexcept {
    return anyone_ || owner == self || owner == 0 || owner == named_;
  }
  constexpr std::optional<std::uint32_t> named() const noexcept { return named_; }  ///< what user() was given
  constexpr bool operator==(const Trust&) const noexcept = default;

 private:
  bool anyone_ = false;
  std::optional<std::uint32_t> named_;
};

struct SegmentOptions {
  std::size_t participants =
      1024;                ///< threads that may be in it at one time; at most 16,384; rounded up to 2^n
  unsigned mode = 0600;    ///< who may open it by name, as chmod takes it; the umask does not apply
  std::uint64_t type = 0;  ///< a number that open() must repeat; Shared<T> derives it from T
  Trust trust = {};        ///< whose segment open_or_create() may open
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
/// goes with its last user. pthread_cancel: none of these calls is a cancellation point, nor is what a Fill does.
class Segment {
 public:
  /// Fills the user's part of a new segment, which is all zeros, before anybody else can see it.
  using Fill = std::function<void(void* data)>;

  /// Makes a segment that only this process and the children it forks can reach. Its memory is reserved; a size
  /// that the machine, or a limit of this process, cannot hold is refused before any of it is. Only where the
  /// kernel or a filter of system calls refuses the reservation, the memory is taken page by page as it is
  /// used, and a machine that runs out of it kills.
  /// Does not block. Throws Error: bad_size, no_memory, no_space, no_permission, no_descriptors.
  static Segment anonymous(std::size_t bytes, const SegmentOptions& options = {}, const Fill& fill = {});

  /// Makes a named segment; the name must be free. Names have no slash, no leading dot and at most 200
  /// characters. Its memory is reserved as that of an anonymous one. Does not block. Throws Error: bad_name,
  /// bad_size, exists, no_directory, no_permission, no_space, no_memory, no_descriptors; system where /proc is
  /// missing and the kernel cannot do without (before Linux 6.10).
  static Segment create(const std::string& name, std::size_t bytes, const SegmentOptions& options = {},
                        const Fill& fill = {});

  /// Opens a named segment. `type` is compared with the creator's; everything in the header is checked, in a
  /// private copy, before anything is believed. The file must be a regular one with one name, no symbolic link,
  /// and belong to somebody whom `trust` includes; else no_permission says whose it is. Any mode will do.
  /// Does not block. Throws Error: bad_name, no_such_segment, no_permission, not_a_segment, other_version,
  /// other_type, truncated, corrupted, no_memory, no_descriptors.
  static Segment open(const std::string& name, std::uint64_t type = 0, Trust trust = {});

  /// Opens the segment, or makes it if there is none. Of any number that race, one makes it and all get the
  /// same. One that exists must have the size asked for (else bad_size) and, unless the trust is anyone(), give
  /// group and others no right that the mode asked for does not (else no_permission). Otherwise as open() and
  /// create().
  static Segment open_or_create(const std::string& name, std::size_t bytes,
                                const SegmentOptions& options = {}, const Fill& fill = {});

  /// Takes the name away at once; who has the segment open keeps the memory, and removed() tells them.
  /// False if there was none. Throws Error: bad_name, no_permission.
  static bool remove(const std::string& name);

  /// The names of all segments in the directory for named segments: CAROM_DIR, else /dev/shm. A program that runs
  /// with other rights than its caller's (set-user-id) does not look at CAROM_DIR, here and everywhere.
  static std::vector<std::string> list();

  Segment(Segment&& other) noexcept;
  Segment& operator=(Segment&& other) noexcept;
  ~Segment();

  /// The user's part: zeros, unless somebody wrote there. Aligned to 64 bytes.
  void* data() const noexcept;
  std::size_t size() const noexcept;

  const std::string& name() const noexcept { return name_; }  ///< empty for an anonymous one

  /// Whether the name no longer leads here: remove() or anybody else has taken it away, or given it to another
  /// segment. Who opens the name from then on is not in this segment. Always false for an anonymous one. Looks
  /// at the file system, as this process sees it: one system call.
  bool removed() const noexcept;

  /// Whether this process still has an older segment of that name open, whose name was taken away: what its
  /// older handle guards and what this one guards are different memory. True for the newer handle, for as long
  /// as the older one is open; false for the older, whose removed() is true. No other process is looked at.
  bool replaced() const noexcept;

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
  struct Named;

  explicit Segment(memory::MappedSegment& mapped) noexcept;
  Segment(memory::MappedSegment& mapped, const std::string& name, const std::string& path);

  memory::MappedSegment* mapped_ = nullptr;
  Named* named_ = nullptr;
  std::string name_;
  std::string path_;
};

}  // namespace carom
