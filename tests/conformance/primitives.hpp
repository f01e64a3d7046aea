// What the tests of the primitives beyond the locks share. Their sources are built twice, as lockable.hpp says.
#pragma once

#include "conformance/lockable.hpp"

/// The suite's name, which tells the two programs apart.
#ifdef CAROM_PARTIES_ARE_THREADS
#define CAROM_SUITE(name) name##ByThreads
#else
#define CAROM_SUITE(name) name##ByProcesses
#endif

/// Waits until this one party sleeps, one of `count` that wait for the object.
template <class Object>
void wait_for_sleeper(const Object& object, const Party& party, std::size_t count = 1) {
  support::wait_until([&] { return party.sleeps() && object.waiters() == count; });
}
