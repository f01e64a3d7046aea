#include "carom/error.hpp"

#include <cstring>

namespace carom {

const char* to_string(Errc code) noexcept {
  switch (code) {
    case Errc::bad_name:
      return "bad_name";
    case Errc::bad_size:
      return "bad_size";
    case Errc::bad_timeout:
      return "bad_timeout";
    case Errc::exists:
      return "exists";
    case Errc::no_such_segment:
      return "no_such_segment";
    case Errc::no_directory:
      return "no_directory";
    case Errc::no_permission:
      return "no_permission";
    case Errc::no_space:
      return "no_space";
    case Errc::no_memory:
      return "no_memory";
    case Errc::no_descriptors:
      return "no_descriptors";
    case Errc::not_a_segment:
      return "not_a_segment";
    case Errc::other_version:
      return "other_version";
    case Errc::other_type:
      return "other_type";
    case Errc::truncated:
      return "truncated";
    case Errc::corrupted:
      return "corrupted";
    case Errc::misaligned:
      return "misaligned";
    case Errc::outside_segment:
      return "outside_segment";
    case Errc::roster_full:
      return "roster_full";
    case Errc::roster_exhausted:
      return "roster_exhausted";
    case Errc::unknown_thread:
      return "unknown_thread";
    case Errc::not_held:
      return "not_held";
    case Errc::not_owner:
      return "not_owner";
    case Errc::too_many:
      return "too_many";
    case Errc::owner_died:
      return "owner_died";
    case Errc::too_deep:
      return "too_deep";
    case Errc::would_deadlock:
      return "would_deadlock";
    case Errc::barrier_broken:
      return "barrier_broken";
    case Errc::bad_value:
      return "bad_value";
    case Errc::child_failed:
      return "child_failed";
    case Errc::not_started:
      return "not_started";
    case Errc::system:
      return "system";
  }
  return "unknown";
}

namespace {

std::string describe(const std::string& object, const std::string& sentence, int os_error) {
  std::string text = "carom: " + object + ": " + sentence;
  if (os_error != 0) {
    const char* name = strerrorname_np(os_error);
    const char* meaning = strerrordesc_np(os_error);
    text += " (" + (name != nullptr ? std::string(name) : "errno " + std::to_string(os_error));
    if (meaning != nullptr) text += std::string(": ") + meaning;
    text += ")";
  }
  return text;
}

}  // namespace

Error::Error(Errc code, const std::string& object, const std::string& sentence, int os_error)
    : std::runtime_error(describe(object, sentence, os_error)), code_(code), os_error_(os_error) {}

}  // namespace carom
