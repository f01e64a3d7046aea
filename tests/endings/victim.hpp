// The one that comes to its end, in a process of its own.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "carom/carom.hpp"
#include "endings/cgroup.hpp"
#include "endings/ending.hpp"
#include "endings/play.hpp"
#include "support/namespaces.hpp"
#include "support/plain.hpp"

namespace endings {

/// What endings need of the machine.
struct Means {
  MemoryGroup* memory = nullptr;  ///< for the OOM kill
  std::string directory;          ///< where cores go
  std::size_t core_bytes = 0;     ///< resident when the core is dumped
  std::string plugin;             ///< the library that is closed
};

class Victim {
 public:
  /// Starts its process, and in it the play's part.
  Victim(const Ending& ending, const Play& play, carom::Shared<Board>& shared, Scene& scene,
         const Means& means);

  /// Has it end.
  void strike();

  /// Waits until it has ended, or goes on if it is to. What was not as it was meant to be; nothing if all was.
  std::optional<std::string> wait_for_end();

  /// Its end dumped a core.
  bool dumped() const { return dumped_; }

 private:
  bool process_has_ended() const;
  std::optional<std::string> wait_for_process();

  const Ending& ending_;
  Scene& scene_;
  const Means& means_;
  std::optional<support::Forked> process_;
  std::optional<support::FirstProcess> container_;
  long oom_kills_before_ = 0;
  bool dumped_ = false;
};

/// The program that an exec ends in: does nothing until it is killed.
inline constexpr const char* kOtherProgram = "--be-another-program";

}  // namespace endings
