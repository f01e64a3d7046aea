#include "carom/deadline.hpp"

#include <cmath>

#include "carom/error.hpp"

namespace carom {

std::int64_t Deadline::from_now(double seconds) {
  constexpr double kForever = 200.0 * 365.25 * 86400.0;  // keeps now + timeout inside 64 bits of nanoseconds
  if (std::isnan(seconds)) throw Error(Errc::bad_timeout, "timeout", "is not a number");
  if (seconds <= 0) return 0;
  if (seconds >= kForever) return kNever;
  return now_ns() + static_cast<std::int64_t>(seconds * 1e9);
}

}  // namespace carom
