#include "carom/semaphore.hpp"

#include <string>

namespace carom {
namespace {

std::uint32_t checked_value(std::int64_t value, std::uint32_t max) {
  if (value < 0 || value > max) {
    throw Error(Errc::bad_value, "semaphore",
                "cannot begin with " + std::to_string(value) + " permits; from 0 to " + std::to_string(max) +
                    " are possible");
  }
  return static_cast<std::uint32_t>(value);
}

}  // namespace

std::uint32_t Semaphore::checked(std::int64_t value) {
  return checked_value(value, kMaxValue);
}

std::uint32_t BoundedSemaphore::checked(std::int64_t value) {
  return checked_value(value, kMaxValue);
}

Release Semaphore::release_tracked(std::uint32_t n) {
  // Before anything is given back: all of them, or none.
  if (n > kMaxValue - get_value()) return Release::too_many;
  for (; n != 0; --n) {
    const Release own = permits_.give_held();
    if (own == Release::not_held) return permits_.give_bare(n);
    if (own != Release::released) return own;
  }
  return Release::released;
}

void detail::refuse_permit(Acquisition outcome) {
  if (outcome == Acquisition::deadlocked)
    throw Error(Errc::would_deadlock, "semaphore", "every holder of a permit waits, at last, for the caller");
  throw Error(Errc::corrupted, "semaphore", "has more permits than it can have; something wrote over it");
}

void detail::refuse_permit(Release outcome) {
  if (outcome == Release::not_held)
    throw Error(Errc::not_held, "semaphore", "unlocked by a thread that holds none of its permits");
  throw Error(Errc::too_many, "semaphore", "released more often than acquired");
}

}  // namespace carom
