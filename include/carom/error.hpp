// What can go wrong when memory is made, opened or joined: one exception, one code for each cause.
#pragma once

#include <stdexcept>
#include <string>

namespace carom {

/// The cause of an Error. One cause, one code: a caller can tell every row of this list apart.
enum class Errc {
  bad_name,         ///< empty, too long, or with a slash or a leading dot
  bad_size,         ///< zero, more than a segment can hold, or another than the existing segment has
  bad_timeout,      ///< a timeout that is not a number
  exists,           ///< create() of a name that is taken
  no_such_segment,  ///< open() of a name that nobody created
  no_directory,     ///< the directory for named segments (/dev/shm) is missing or cannot hold them
  no_permission,  ///< the segment's owner does not share it, or is not trusted; or the system refuses the call
  no_space,       ///< the file system for shared memory is full, or files may not be that large
  no_memory,      ///< the machine, or a limit, has not that much memory or address space
  no_descriptors,    ///< this process, or the machine, is out of file descriptors
  not_a_segment,     ///< the file is something else
  other_version,     ///< made by a carom whose shared layout differs
  other_type,        ///< holds another type than the one asked for
  truncated,         ///< shorter than its own header says
  corrupted,         ///< an impossible value in shared memory
  misaligned,        ///< an object was constructed at an address that is no multiple of its alignment
  outside_segment,   ///< a primitive was constructed outside of any carom segment
  roster_full,       ///< as many participants as the segment has slots for are alive
  roster_exhausted,  ///< every identity the segment can ever give out has been used
  unknown_thread,    ///< a thread or process that the C library does not know (raw clone)
  not_held,          ///< release of a lock that nobody holds
  not_owner,         ///< release of an RLock, or use of a Condition, by somebody who does not own the lock
  too_many,          ///< release of a semaphore that would have more permits than it can, or may
  owner_died,        ///< the owner died and the lock's policy refuses to go on
  would_deadlock,    ///< waiting would never end: for what the caller itself holds
  barrier_broken,    ///< a Barrier was aborted or reset, or a party died, timed out or failed
  bad_value,         ///< an initial value that the object cannot have
  too_deep,          ///< an RLock acquired more often than it can count
  child_failed,      ///< a Process ended with an exception
  not_started,       ///< a Process, or the thread of an EventDescriptor, could not be started
  system             ///< a system call failed in a way none of the above names
};

/// The name of the code as it is written above, for logs.
const char* to_string(Errc code) noexcept;

/// Thrown by the calls that create, open, map or join; and by the standard-named calls (`lock`, `unlock`),
/// which have no other way to report, for what `acquire` and `release` return as an outcome.
class Error : public std::runtime_error {
 public:
  /// `os_error` is the errno behind it, or 0. what() reads: "<object>: <sentence> (<errno name>)".
  Error(Errc code, const std::string& object, const std::string& sentence, int os_error = 0);

  Errc code() const noexcept { return code_; }
  int os_error() const noexcept { return os_error_; }

 private:
  Errc code_;
  int os_error_;
};

}  // namespace carom
