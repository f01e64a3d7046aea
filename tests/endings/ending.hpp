// The ways in which a thread, or its process, comes to its end.
#pragma once

#include <string>
#include <vector>

#include "endings/scene.hpp"

namespace endings {

/// Who brings it about.
enum class By {
  kill,       ///< a signal from outside that ends the process
  handler,    ///< the victim itself, in a handler, wherever it is
  sibling,    ///< another thread of its process
  itself,     ///< the victim, when it is told to, or as soon as its call has returned
  main,       ///< the main thread, which the victim is not
  container,  ///< the end of the first process of its pid namespace
};

struct Ending {
  enum class Way {
    sigkill,
    exit,
    quick_exit,
    exec,
    pthread_exit,
    cancel,
    core_dump,
    oom_kill,
    abort,
    thread_end,
    fork_child,
    dlclose,
    container,
  };

  std::string name;
  Way way;
  By by;
  bool in_main;  ///< the victim is its process's main thread
  /// Where the victim can be when it comes. A thread that sleeps cannot return, nor call pthread_exit, which no handler may;
  /// what runs in a library that is closed under it is the program's own fault.
  std::vector<Role> roles;

  /// The victim lives on, and must not notice; with dlclose it ends after that.
  bool spares() const { return way == Way::fork_child; }
  /// Its process lives on.
  bool thread_only() const {
    return way == Way::pthread_exit || way == Way::cancel || way == Way::thread_end || way == Way::dlclose;
  }
  /// From the order until it happens it takes milliseconds.
  bool slow() const { return way == Way::oom_kill; }
  /// It takes the machine so much that it comes a quarter as often.
  bool heavy() const { return way == Way::core_dump; }
  bool has(Role role) const;
};

/// All of them.
const std::vector<Ending>& all_endings();

}  // namespace endings
