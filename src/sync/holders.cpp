#include "sync/holders.hpp"

#include "memory/holding.hpp"

namespace carom::sync {
namespace {

/// Calls visit(id) for the participant of every slot that may hold something of the object, until it returns false.
template <class Visit>
void each_holder(const memory::Roster& roster, std::uint64_t object, Visit visit) {
  bool more = true;
  roster.each_slot([&](memory::Slot& slot, std::uint32_t index) {
    for (std::uint32_t entry = 0; more && entry < memory::kHoldings; ++entry) {
      if (slot.held_object[entry].load(std::memory_order_relaxed) != object) continue;
      if (memory::Holding{&slot, index, entry}.count() == 0) continue;
      more = visit(roster.last_id(index));
      return;
    }
  });
}

}  // namespace

std::span<const std::uint32_t> some_holders(const memory::Roster& roster, std::uint64_t object,
                                            std::span<std::uint32_t> into) noexcept {
  std::size_t count = 0;
  each_holder(roster, object, [&](std::uint32_t id) {
    into[count++] = id;
    return count < into.size();
  });
  return into.first(count);
}

std::vector<Participant> holders_of(const memory::MappedSegment& segment, std::uint64_t object) {
  const memory::Roster roster = segment.roster();
  std::vector<Participant> found;
  roster.each_slot([&](memory::Slot& slot, std::uint32_t index) {
    for (std::uint32_t entry = 0; entry < memory::kHoldings; ++entry) {
      if (slot.held_object[entry].load(std::memory_order_relaxed) != object) continue;
      if (memory::Holding{&slot, index, entry}.count() != 0)
        found.push_back(roster.about(roster.last_id(index)));
    }
  });
  return found;
}

}  // namespace carom::sync
