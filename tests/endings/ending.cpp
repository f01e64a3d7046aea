#include "endings/ending.hpp"

#include <algorithm>

namespace endings {

bool Ending::has(Role role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

const std::vector<Ending>& all_endings() {
  using Way = Ending::Way;
  const std::vector<Role> everywhere(kRoles.begin(), kRoles.end());
  const std::vector<Role> in_its_own_code{Role::holding, Role::woken};
  // Never destroyed: exit() is an ending too.
  static const auto& all = *new std::vector<Ending>{
      {"SIGKILL", Way::sigkill, By::kill, true, everywhere},
      {"exit", Way::exit, By::sibling, true, everywhere},
      {"_exit", Way::quick_exit, By::handler, true, everywhere},
      {"exec in the main thread", Way::exec, By::handler, true, everywhere},
      {"exec in another thread", Way::exec, By::handler, false, everywhere},
      {"exec by a sibling", Way::exec, By::sibling, true, everywhere},
      {"pthread_exit", Way::pthread_exit, By::itself, false, in_its_own_code},
      {"pthread_cancel", Way::cancel, By::main, false, everywhere},
      {"core dump", Way::core_dump, By::kill, true, everywhere},
      {"OOM kill", Way::oom_kill, By::sibling, true, everywhere},
      {"abort in a handler", Way::abort, By::handler, true, everywhere},
      {"thread end", Way::thread_end, By::itself, false, in_its_own_code},
      {"_Fork child's exit", Way::fork_child, By::handler, true, everywhere},
      {"dlclose, thread end", Way::dlclose, By::main, false, {Role::holding}},
      {"container stop", Way::container, By::container, true, everywhere},
  };
  return all;
}

}  // namespace endings
