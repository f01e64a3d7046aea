// Barrier: a number of parties meet, again and again.
#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "carom/deadline.hpp"
#include "carom/detail/barrier_word.hpp"
#include "carom/detail/home.hpp"
#include "carom/error.hpp"
#include "carom/participant.hpp"

namespace carom {

namespace memory {
class MappedSegment;
}

/// Why a barrier is broken.
enum class BarrierBreak : std::uint8_t {
  party_died,     ///< inside of wait(), or enrolled
  timed_out,      ///< a party's deadline passed
  action_failed,  ///< the action ended with an exception
  aborted,        ///< abort()
  reset           ///< reset() while parties waited
};
const char* to_string(BarrierBreak why) noexcept;

/// Thrown by Barrier::wait(): the parties will not all meet in this round.
class BrokenBarrierError : public Error {
 public:
  BrokenBarrierError(BarrierBreak why, const std::optional<Participant>& culprit);

  BarrierBreak why() const noexcept { return why_; }
  /// The party whose death, deadline, action or abort() it was; nothing for a reset.
  const std::optional<Participant>& culprit() const noexcept { return culprit_; }

 private:
  BarrierBreak why_;
  std::optional<Participant> culprit_;
};

/// A barrier for a fixed number of parties, placed anywhere in a segment.
///
///     struct Board { carom::Barrier meet{4}; };
///     const int index = board->meet.wait();                         // 0 for the first, 3 for the last
///     board->meet.wait(5s, [&] { merge(); });                        // the last to arrive runs it
///
/// Unlike std::barrier: works between processes; a party that dies inside of wait() breaks the barrier for all at once,
/// as does one that times out or whose action fails, and the error says who and why. A party that has enrolled breaks
/// it when it dies anywhere. Unlike multiprocessing.Barrier: those, and one deadline covers the whole call.
///
/// Waiting and enrolling take a seat in the roster, as Lock says; fork too. Not safe in a signal handler; abort() is,
/// in a thread that has a seat. pthread_cancel: a wait is a cancellation point; a party that is cancelled there breaks the
/// barrier for all (`aborted`).
class Barrier {
 public:
  static constexpr std::uint32_t kMaxParties = detail::BarrierWord::kMaxParties;

  /// `timeout`: of every wait() without a deadline of its own. Does not block. Throws Error (outside_segment,
  /// bad_value).
  explicit Barrier(std::int64_t parties) : Barrier(checked(parties), kNoTimeout) {}
  template <class Rep, class Period>
  Barrier(std::int64_t parties, std::chrono::duration<Rep, Period> timeout)
      : Barrier(checked(parties), in_ns(std::chrono::duration<double>(timeout).count())) {}
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  /// Arrives, and waits until all parties have. Returns how many had arrived before, 0 to parties() - 1. Throws
  /// BrokenBarrierError. If the caller dies inside: the barrier is broken for all, unless all had arrived. Memory
  /// ordering: what each party did before is visible to the action and, with what that did, to all parties after.
  int wait() { return meet(timeout(), nullptr, nullptr); }
  int wait(Deadline deadline) { return meet(deadline, nullptr, nullptr); }

  /// The same; the last to arrive calls `action()` before any party returns. If that throws, its caller gets the
  /// exception and everybody else BrokenBarrierError.
  template <std::invocable Action>
  int wait(Deadline deadline, Action&& action) {
    return meet(
        deadline, [](void* a) { std::invoke(*static_cast<std::remove_reference_t<Action>*>(a)); },
        const_cast<void*>(static_cast<const void*>(std::addressof(action))));
  }
  template <std::invocable Action>
  int wait(Action&& action) {
    return wait(timeout(), std::forward<Action>(action));
  }

  /// As std::barrier and std::latch have it.
  void arrive_and_wait() { static_cast<void>(wait()); }

  /// Breaks the barrier until reset(): those who wait, and all who come, get BrokenBarrierError. Does not block.
  void abort();

  /// Makes it as new; those who wait get BrokenBarrierError. A party that died before has no part in what comes after. Does
  /// not block.
  void reset();

  /// Makes the calling thread a party whose death is seen even before it arrives. Until leave(), or the thread's end,
  /// which counts as its death.
  void enrol();
  void leave();

  std::uint32_t parties() const noexcept { return parties_; }
  /// How many have arrived in this round and wait for the others.
  std::uint32_t n_waiting() const noexcept { return word().arrived(); }
  bool broken() const;
  /// Who has enrolled, dead or alive; who sleeps there.
  std::vector<Participant> enrolled() const;
  std::vector<Participant> waiting() const;
  std::size_t waiters() const;

 private:
  static constexpr std::int64_t kNoTimeout = -1;

  Barrier(std::uint32_t parties, std::int64_t timeout_ns)
      : home_(this, "barrier"),
        parties_(static_cast<std::uint16_t>(parties)),
        serial_(home_.new_serial(this)),
        timeout_ns_(timeout_ns) {}
  std::uint64_t object_in(const memory::MappedSegment& segment) const noexcept;
  static std::uint32_t checked(std::int64_t parties);
  static std::int64_t in_ns(double seconds);
  Deadline timeout() const;
  detail::BarrierWord word() const noexcept {
    return detail::BarrierWord(word_.load(std::memory_order_relaxed));
  }
  int meet(Deadline deadline, void (*action)(void*), void* argument);
  int wait_for_others(std::uint32_t round, int index, Deadline deadline);
  void act(std::uint32_t round, void (*action)(void*), void* argument);
  void see_to_the_dead() const;
  bool break_round(std::uint32_t round, detail::BarrierState why, std::uint32_t culprit);
  [[noreturn]] void throw_broken(detail::BarrierWord seen, std::uint32_t round) const;

  std::atomic<std::uint64_t> word_{0};
  detail::Home home_;
  std::uint16_t parties_;
  detail::Serial serial_;
  std::int64_t timeout_ns_;  // kNoTimeout, or of every wait() without a deadline
};

/// A Barrier with its action: one that every party's program knows by its type, as std::barrier has it.
///
///     struct Print { void operator()() const { std::puts("met"); } };
///     struct Board { carom::BarrierWith<Print> meet{4}; };
template <std::invocable Action>
class BarrierWith : public Barrier {
  static_assert(std::is_trivially_copyable_v<Action> && !std::is_pointer_v<Action>,
                "the action lies in shared memory: it must hold no pointer, reference or owner of memory");

 public:
  explicit BarrierWith(std::int64_t parties, Action action = {}) : Barrier(parties), action_(action) {}
  template <class Rep, class Period>
  BarrierWith(std::int64_t parties, std::chrono::duration<Rep, Period> timeout, Action action = {})
      : Barrier(parties, timeout), action_(action) {}

  int wait() { return Barrier::wait(action_); }
  int wait(Deadline deadline) { return Barrier::wait(deadline, action_); }
  void arrive_and_wait() { static_cast<void>(wait()); }

 private:
  [[no_unique_address]] Action action_;
};

}  // namespace carom
