// How outcomes look in a failed expectation, and the code of the Error that a call throws.
#pragma once

#include <optional>
#include <ostream>
#include <string>

#include "carom/error.hpp"
#include "carom/outcome.hpp"

namespace carom {

inline void PrintTo(Acquisition::Kind kind, std::ostream* out) {
  const char* const names[] = {"acquired",           "acquired_owner_died", "timed_out",
                               "refused_owner_died", "corrupted",           "deadlocked"};
  *out << names[kind];
}

inline void PrintTo(const Acquisition& outcome, std::ostream* out) {
  PrintTo(outcome.kind(), out);
}

inline void PrintTo(Release outcome, std::ostream* out) {
  const char* const names[] = {"released", "not_held", "not_owner", "refused_owner_died", "too_many"};
  *out << names[static_cast<int>(outcome)];
}

inline void PrintTo(Errc code, std::ostream* out) {
  *out << to_string(code);
}

}  // namespace carom

namespace support {

/// The Error that `call` throws; nothing if it throws none.
template <class Call>
std::optional<carom::Error> error_of(Call call) {
  try {
    static_cast<void>(call());
  } catch (const carom::Error& error) {
    return error;
  }
  return std::nullopt;
}

/// Its code; nothing if it throws none.
template <class Call>
std::optional<carom::Errc> code_of(Call call) {
  const std::optional<carom::Error> error = error_of(call);
  return error ? std::optional(error->code()) : std::nullopt;
}

}  // namespace support
