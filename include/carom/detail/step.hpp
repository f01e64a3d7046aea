// Named places at which a crash test may stop or kill the caller; nothing at all outside of those tests.
// The names are those of the DEATH tables.
#pragma once

#ifdef CAROM_STEPS
namespace carom::detail {
/// Called at every step when set. Of this process alone; a forked child inherits it.
extern void (*at_step)(const char* name) noexcept;
}  // namespace carom::detail
#define CAROM_STEP(name)                                                      \
  do {                                                                        \
    if (::carom::detail::at_step != nullptr) ::carom::detail::at_step(#name); \
  } while (false)
#else
#define CAROM_STEP(name) static_cast<void>(0)
#endif
