// The death notice: a word that a thread claims once and that the kernel marks when the thread ends, however
// it ends, before it tears the memory of the process down.
//
// It is a process-shared robust pthread mutex, locked once and never contended, so that the kernel's robust
// list stays the C library's business.
//
// WORD
//   The mutex's first four bytes, in the kernel's documented robust-futex format
//   (Documentation/locking/robust-futex-ABI.rst): the claimant's thread id in 30 bits, 0 if it is vacant; bit 30 "the
//   claimant died"; bit 31, armed: "somebody may sleep here".
//
// STATES        from                     to                        by whom                    function
//   claim       vacant, or marked        claimed                   the thread that is to end  try_claim
//   arm         claimed                  claimed, armed            whoever is to sleep on it  arm
//   send away   claimed, armed           claimed                   the claimant               send_away
//   give up     claimed                  vacant                    the claimant               give_up
//   mark        claimed                  marked                    the kernel, at its end
//
// INVARIANTS
//   What is claimed is on the claimant's robust list, or try_claim() has thrown: so its end is always noticed.
//   Nobody arms a word that is marked or vacant. One that was armed when it was marked stays armed, until it is claimed
//   and its claimant has sent away who armed it.
//   The word is mapped in its claimant's process until it is given up or marked.
//
// ORDER
//   The kernel marks after everything the claimant wrote; who reads the mark acquires.
//
// WAKE
//   The kernel wakes one sleeper of a word that it marks, and only if that was armed. So a sleeper arms first, and whoever
//   comes back and finds the claimant gone wakes one more with pass_on(). The claimant of a word that others armed for its
//   predecessor sends them all away.
//
// DEATH              what remains                                     who repairs it
//   about_to_sleep   armed, nobody asleep                             one spare wake
//   woken            the kernel's one wake is lost                    whoever sleeps on: the word's next claimant sends
//                                                                     them away; or their own re-check
//   life_claimed     claimed, by one that is dead                     the kernel's mark
//
// LIMITS
//   A thread claims at most 2,048: the kernel walks no longer a list. Thread ids have 30 bits.
//
// LAYOUT
//   That of the C library's pthread_mutex_t, 40 bytes on 64-bit machines; the word is at offset 0 (asserted).
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "platform/futex.hpp"

namespace carom::platform {

class LifeWord {
 public:
  /// Makes the word vacant. Before anybody else can see it.
  void prepare() noexcept;

  /// Claims a vacant word, or one whose claimant died, for the calling thread. False if its claimant lives.
  /// Throws Error (unknown_thread) in a thread or process that the C library does not know, for whose death
  /// the kernel would mark nothing.
  bool try_claim();

  /// Gives up the calling thread's claim: from now on the word reads as if the thread had ended.
  /// Must precede the unmapping of the word in the claimant's process: the kernel reads it when the thread
  /// ends.
  void give_up() noexcept;

  bool claimant_lives() const noexcept { return lives(word().load(std::memory_order_acquire)); }

  /// Says that the caller is about to sleep on the word. Returns the value to sleep on, or nothing if the
  /// claimant is gone.
  std::optional<std::uint32_t> arm() noexcept;

  /// Wakes one who sleeps on the word, if any may: what the kernel did for the caller.
  void pass_on() noexcept;

  /// The claimant's: sends away all who armed the word for its predecessor, those not yet asleep included.
  void send_away() noexcept;

  const Word& word() const noexcept { return *reinterpret_cast<const Word*>(&mutex_); }  ///< to sleep on

 private:
  static bool lives(std::uint32_t value) noexcept;
  Word& mutable_word() noexcept { return *reinterpret_cast<Word*>(&mutex_); }

  pthread_mutex_t mutex_;
};

}  // namespace carom::platform
