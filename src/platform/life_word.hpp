// The death notice: a word that a thread claims once and that the kernel marks when the thread ends, however
// it ends, before it tears the memory of the process down.
//
// It is a process-shared robust pthread mutex, locked once and never contended, so that the kernel's robust
// list stays the C library's business. What carom reads of it is its first four bytes, in the kernel's
// documented robust-futex format (Documentation/locking/robust-futex-ABI.rst): the claimant's thread id in 30
// bits, bit 30 "the claimant died", bit 31 "somebody may sleep here".
//
// The kernel wakes one sleeper of a marked word, and only if bit 31 was set: so arm() before a sleep, and
// whoever finds a claimant gone calls rouse().
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
