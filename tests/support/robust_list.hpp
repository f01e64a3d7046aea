// The list that the kernel follows when a thread ends, as the kernel sees it.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace support {

/// Whether the list of a thread of this process (0: of the calling one) comes back to its begin after at most `longest`
/// entries.
inline bool robust_list_is_whole(pid_t tid = 0, std::size_t longest = 256) {
  robust_list_head* head = nullptr;
  std::size_t bytes = 0;
  if (syscall(SYS_get_robust_list, tid, &head, &bytes) != 0) return true;  // a sandbox
  const robust_list* entry = head->list.next;
  for (std::size_t i = 0; i <= longest; ++i) {
    entry =
        reinterpret_cast<const robust_list*>(reinterpret_cast<std::uintptr_t>(entry) & ~std::uintptr_t{1});
    if (entry == &head->list) return true;
    entry = entry->next;
  }
  return false;
}

}  // namespace support
