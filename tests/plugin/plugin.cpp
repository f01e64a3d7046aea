// A plugin with a copy of the library of its own.
#include <cstdio>
#include <new>
#include <optional>

#include "plugin/board.hpp"

namespace {

// Stays open when the plugin is unloaded, unless it was closed before.
auto& shared = *new std::optional<carom::Shared<plugin::Board>>;

}  // namespace

/// False: it could not.
extern "C" bool plugin_open(const char* name) {
  try {
    shared = carom::Shared<plugin::Board>::open(name);
    return true;
  } catch (const carom::Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return false;
  }
}

/// Whether it has taken the lock, without waiting.
extern "C" bool plugin_try_lock() {
  return (*shared)->lock.try_lock();
}

extern "C" void plugin_unlock() {
  (*shared)->lock.unlock();
}

extern "C" void plugin_close() {
  shared.reset();
}

/// Makes a lock at an address of somebody else's; why that is refused, if it is.
extern "C" bool plugin_make_at(void* at, char* why, std::size_t size) {
  try {
    new (at) carom::Lock;
    return true;
  } catch (const carom::Error& e) {
    std::snprintf(why, size, "%s", e.what());
    return false;
  }
}
