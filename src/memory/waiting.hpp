// The one way to wait (docs/design/waiting.md): on the word, on the life of whoever has what is waited for,
// on the lives of some who wait for it too, and never longer than kRecheck without looking again.
#pragma once

#include <chrono>
#include <span>

#include "memory/roster.hpp"
#include "platform/futex.hpp"

namespace carom::memory {

/// No lost wake costs more than this. Far below the 100 ms that carom promises, so that a busy machine has
/// room.
inline constexpr std::chrono::milliseconds kRecheck{50};

/// How long a waiter keeps away from a word that changes too fast to fall asleep on: many times what it costs to wake
/// nobody, and about what the shortest sleep takes.
inline constexpr std::chrono::microseconds kRest{100};

/// How many of its fellow waiters a waiter watches. A release wakes one of them; should that one die on its
/// way to the word, or as its next owner, somebody who slept behind it must learn of that.
inline constexpr int kWatchedFellows = 3;

/// How many of those who have what is waited for a waiter watches, where there can be many.
inline constexpr int kWatchedHolders = 8;

/// Whose ends matter to a sleeper.
struct Company {
  std::span<const std::uint32_t> holders = {};  ///< of those beyond kWatchedHolders the re-check takes notice
  bool fellows = true;                          ///< who wait for the same object
};

/// Why the wait ended. Except for timed_out the caller looks at everything again and may find nothing
/// changed.
enum class Waited {
  look_again,
  refused,  ///< there was no sleep: a word had changed before the kernel looked at it
  timed_out
};

/// Whether a wait is a cancellation point (pthread_cancel). If it is, the thread ends, by unwinding, when it is about to
/// sleep and has found nothing to take: as if its deadline had passed there.
enum class Cancellation { none, point };

/// One thread's wait for one object. From its first sleep until it ends the roster says what the thread waits
/// for.
class Waiting {
 public:
  Waiting(Roster& roster, std::uint32_t self, std::uint64_t object,
          Cancellation cancellation = Cancellation::none) noexcept
      : roster_(roster), self_(self), object_(object), cancellation_(cancellation) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting();

  /// Says in the roster what the thread waits for. The first sleep does it too.
  void announce() noexcept;

  /// Takes that back. The end of the wait does it too.
  void withdraw() noexcept;

  /// Sleeps until `word` is woken or changes from `expected`, or one of the company ends, or it is time to look
  /// again, or the deadline passes. Where each sleeps on a word of its own, `common` is one that never changes: to wake
  /// all of them in one call, after their own words have changed.
  Waited sleep(const platform::Word& word, std::uint32_t expected, const Company& company, Deadline deadline,
               const platform::Word* common = nullptr);

  /// Lets others have the processor until kRest has passed, or the deadline, and watches nothing meanwhile.
  static void rest(Deadline deadline);

  bool has_slept() const noexcept { return has_slept_; }

  /// Which witness is to be asked about those that stand in the way, after the last sleep. It has asked identity about the
  /// holders it watched, if any.
  Witness witness() const noexcept { return witness_; }

  /// Instead of kRecheck, in this process and the children it forks: for tests of what must not need it.
  static void set_recheck(std::chrono::nanoseconds recheck) noexcept;

 private:
  Roster& roster_;
  std::uint32_t self_;
  std::uint64_t object_;
  Cancellation cancellation_;
  Witness witness_ = Witness::mark;
  Deadline ask_at_ = Deadline::never();
  bool announced_ = false;
  bool has_slept_ = false;
};

}  // namespace carom::memory
