#include "sync/takeover.hpp"

namespace carom {
namespace {

constinit thread_local Takeover latest{};

}  // namespace

std::optional<Takeover> last_takeover() noexcept {
  if (latest.object == nullptr) return std::nullopt;
  return latest;
}

void sync::record_takeover(memory::Roster& roster, std::uint32_t from, const void* object) noexcept {
  latest = {roster.about(from), object};
  roster.count_takeover();
}

}  // namespace carom
