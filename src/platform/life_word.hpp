// The death notice: a word that holds a thread's number while the thread lives, and that the kernel marks when the
// thread ends, however it ends, before it tears the memory of the process down.
//
// WORD
//   The kernel's documented robust-futex format (Documentation/locking/robust-futex-ABI.rst): the claimant's thread id
//   in 30 bits, 0 if it is vacant; bit 30 "the claimant died"; bit 31, armed: "somebody may sleep here".
//
// STATES        from                     to                        by whom                    function
//   claim       vacant, or marked        claimed, armed or not     the thread that is to end  claim
//   arm         claimed                  claimed, armed            whoever is to sleep on it  arm
//   send away   claimed, armed           claimed                   anyone                     send_away
//   vacate      claimed                  vacant                    the claimant               vacate
//   mark        claimed                  marked, armed or not      the kernel, at its end
//
// INVARIANTS
//   The claim of the slot (memory/claim_word.hpp) says who may claim the word; nothing here does.
//   Nobody arms a word that is marked or vacant. One that was armed when it was marked stays armed, until it is claimed
//   and those who armed it have been sent away.
//   The word is in the claimant's robust list from soon after the claim until just before it is vacated. So a claimant
//   that ends in between is marked, unless the kernel loses its way (memory/roster.hpp says what then).
//
// ORDER
//   The kernel marks after everything the claimant wrote; a reader of the mark acquires.
//
// WAKE
//   The kernel wakes one sleeper of a word that it marks, and only if that was armed. So a sleeper arms first, and one that
//   comes back and finds the claimant gone wakes one more with pass_on(). send_away() wakes them all.
//
// DEATH              what remains                                     who repairs it
//   about_to_sleep   armed, nobody asleep                             one spare wake
//   woken            the kernel's one wake is lost                    the word's next claimant sends the others away; or
//                                                                     their own re-check
//   life_claimed     claimed by one that is dead, not in its list     the second witness
//
// LIMITS
//   The kernel follows a thread's list for 2,048 entries, newest first. Thread ids have 30 bits.
//
// LAYOUT
//   4 bytes. Four words lie in the last 32 bytes of a page, 8 bytes apart (platform/robust_list.hpp says why).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "platform/futex.hpp"

namespace carom::platform {

class alignas(8) LifeWord {
 public:
  /// Claims the word for the calling thread. Those who armed it stay to be sent away.
  void claim() noexcept;

  /// From now on the word reads as if the thread had ended. Wakes those who sleep on it.
  void vacate() noexcept;

  bool claimant_lives() const noexcept { return lives(word_.load(std::memory_order_acquire)); }

  /// Whether the kernel has marked it, and nobody has claimed it since.
  bool marked() const noexcept;

  /// Says that the caller is about to sleep on the word. Returns the value to sleep on, or nothing if the
  /// claimant is gone.
  std::optional<std::uint32_t> arm() noexcept;

  /// Wakes one that sleeps on the word, if any may: what the kernel did for the caller.
  void pass_on() noexcept;

  /// Sends away all who armed the word, those not yet asleep included.
  void send_away() noexcept;

  const Word& word() const noexcept { return word_; }  ///< to sleep on

 private:
  static bool lives(std::uint32_t value) noexcept;

  Word word_{0};
};

}  // namespace carom::platform
