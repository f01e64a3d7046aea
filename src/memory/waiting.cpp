#include "memory/waiting.hpp"

#include <optional>

#include "carom/detail/step.hpp"

namespace carom::memory {

Waited wait_for_change(Roster& roster, const platform::Word& word, std::uint32_t expected,
                       std::uint32_t owner, Deadline deadline) {
  if (deadline.expired()) return Waited::timed_out;
  const Deadline next_look = deadline.or_after(kRecheck);
  platform::Wait result;
  if (owner == kNoId) {
    result = platform::wait({&word, expected}, next_look);
  } else {
    platform::LifeWord& life = roster.life(owner);
    const std::optional<std::uint32_t> alive = life.arm();
    // Armed first, asked second: a slot that changes hands in between sends those away who armed it.
    if (!alive || roster.standing(owner) != Standing::lives) return Waited::look_again;
    CAROM_STEP(about_to_sleep);
    result = platform::wait_either({&word, expected}, {&life.word(), *alive}, next_look);
  }
  CAROM_STEP(woken);
  return result == platform::Wait::timed_out && deadline.expired() ? Waited::timed_out : Waited::look_again;
}

}  // namespace carom::memory
