// One thread that takes part: every operation with its notes around it, and the checks it can make itself.
#pragma once

#include <cstdint>
#include <string>

#include "stress/arena.hpp"
#include "stress/dice.hpp"
#include "stress/ledger.hpp"

namespace storm {

/// What the storm gets wrong on purpose, to show that it would be seen.
enum class Break {
  nothing,
  notice,     ///< ignores being told
  repair,     ///< is told, and leaves the half done as it is
  invention,  ///< believes itself told, now and then
  exclusion,  ///< goes in without the lock, now and then
  count,      ///< notes an increment that it did not make, now and then
  seat,       ///< parks in a thread that has left
  wake,       ///< what is handed over is not released by anybody
  permit,     ///< keeps a permit, now and then
  crowd,      ///< goes in without a permit, now and then
  reader,     ///< reads without the lock, now and then
  signal,     ///< takes a signal and does not note it, now and then
  notify,     ///< says nothing when the shop closes
  forsake     ///< counts a latch down less often than it says
};

enum class How { block, block_as_std, try_once, timed };

class Actor {
 public:
  /// Takes a desk and a seat. Throws what carom throws.
  Actor(Site& site, Ledger& ledger, std::uint32_t post, Break broken, Dice& dice);
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  /// Acquires the lock, goes inside, and sees to what the dead left there. False if it did not get it.
  bool acquire(int lock, How how);

  void first_half(int lock);
  void second_half(int lock);

  /// Acquires an RLock some levels deeper and comes back.
  void deeper(int lock);

  void release(int lock);

  /// Hands the lock over, for another process to release; releases it if the last one has not been yet.
  void hand_over(int lock);

  /// Releases a lock that somebody handed over, if there is one.
  void release_for_others();

  /// Checks that the library says the same of the lock as we know of it.
  void compare(int lock);

  /// For what is not among the numbered locks, but guards as they do: the checks of going in and out.
  void go_inside(int lock, bool told);
  void go_outside(int lock);

  /// Notes how long it waited in calm.
  void note_wait(Kind kind, std::int64_t since_ns);

  Desk& desk() noexcept { return ledger_.desks[desk_]; }
  Book& book() noexcept { return ledger_.books[desk_]; }
  std::uint32_t index() const noexcept { return desk_; }
  Phase phase() const noexcept { return ledger_.phase.load(std::memory_order_acquire); }
  Dice& dice() noexcept { return dice_; }
  Break broken() const noexcept { return broken_; }
  void fault(Wrong wrong, int lock, const std::string& text) noexcept {
    ledger_.fault(wrong, lock, desk_, text);
  }

 private:
  carom::Acquisition ask(int lock, How how, std::int64_t timeout_us);
  void note_notice(int lock);

  Arena& arena_;
  Ledger& ledger_;
  Break broken_;
  Dice& dice_;
  std::uint32_t desk_;
};

}  // namespace storm
