// The part that Semaphore and BoundedSemaphore share: counted permits in a segment, with and without holders. The
// word's rules: permit_word.hpp.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "carom/deadline.hpp"
#include "carom/detail/home.hpp"
#include "carom/detail/object_ref.hpp"
#include "carom/detail/permit_word.hpp"
#include "carom/detail/seat.hpp"
#include "carom/detail/step.hpp"
#include "carom/outcome.hpp"
#include "carom/participant.hpp"

namespace carom::detail {

/// One change of the word by a thread that holds, or will hold, permits; beside it the thread's holding of them.
class Change {
 public:
  /// `holding` is the state of entry `entry` in slot `slot`. What a thread's own holding has pending between its calls
  /// has happened.
  Change(std::atomic<std::uint64_t>& holding, std::uint32_t slot, std::uint32_t entry) noexcept
      : holding_(holding),
        state_(HoldingState(holding.load(std::memory_order_relaxed)).done()),
        slot_(slot),
        entry_(entry) {}

  std::uint32_t count() const noexcept { return state_.count(); }

  /// False if the word was not `seen` any more; the intent is left behind then, until the next try or undo(). Whoever's
  /// stamp the word bears must be settled.
  template <Pending kWhat, class Word>
  bool make(std::atomic<std::uint64_t>& word, Word seen, bool mark = false) noexcept {
    const std::uint32_t tag = seen.next_tag(slot_, entry_, state_.tag());
    Word to = changed<kWhat>(seen).with_stamp({slot_, entry_, tag});
    if (mark) to = to.with_contended();
    return make<kWhat>(word, seen, to, tag);
  }

  /// Whether the word bears the stamp of the last change by this holding, so that make_next() will do: the same with
  /// less to compute before the word can be changed.
  template <class Word>
  bool was_last(Word seen) const noexcept {
    return seen.bears({slot_, entry_, state_.tag()}) && !seen.at_last_tag();
  }
  template <Pending kWhat, class Word>
  bool make_next(std::atomic<std::uint64_t>& word, Word seen) noexcept {
    return make<kWhat>(word, seen, changed<kWhat>(seen).with_next_tag(), state_.tag() + 1);
  }

  void undo() noexcept { holding_.store(state_.bits(), std::memory_order_release); }

 private:
  template <Pending kWhat, class Word>
  static Word changed(Word seen) noexcept {
    return kWhat == Pending::take ? seen.less_one() : seen.plus(1);
  }
  template <Pending kWhat, class Word>
  bool make(std::atomic<std::uint64_t>& word, Word seen, Word to, std::uint32_t tag) noexcept {
    holding_.store(state_.intending(kWhat, tag).bits(), std::memory_order_release);
    CAROM_STEP(permit_intended);
    std::uint64_t from = seen.bits();
    const bool made =
        word.compare_exchange_strong(from, to.bits(), std::memory_order_acq_rel,  // [P1] [P2] [P3]
                                     std::memory_order_relaxed);
    if (!made) [[unlikely]] {
      state_ = HoldingState(state_.count(), tag, Pending::none);
      return false;
    }
    if constexpr (kWhat == Pending::take) {  // NOLINT(bugprone-branch-clone): the steps are for tests
      CAROM_STEP(permit_taken);
    } else {
      CAROM_STEP(permit_returned);
    }
    return true;
  }

  std::atomic<std::uint64_t>& holding_;
  HoldingState state_;  // as it is without the change
  std::uint32_t slot_;
  std::uint32_t entry_;
};

template <class Word>
class Permits {
 public:
  /// Throws Error (outside_segment).
  Permits(const char* what, std::uint32_t value, std::uint32_t limit, std::uint32_t bits = 0)
      : word_(Word::holding(value).bits()), home_(this, what, bits), limit_(limit) {}
  Permits(const Permits&) = delete;
  Permits& operator=(const Permits&) = delete;

  /// One permit that nobody is recorded to hold.
  Acquisition take_bare(Deadline deadline) {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    if (Word(seen).value() != 0 &&
        word_.compare_exchange_strong(seen, Word(seen).less_one().bits(), std::memory_order_acquire,  // [P1]
                                      std::memory_order_relaxed)) [[likely]] {
      return Acquisition::acquired;
    }
    return take(deadline, false, false);
  }
  Release give_bare(std::uint32_t n) noexcept {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    do {
      if (n > limit_ - Word(seen).value()) [[unlikely]]
        return Release::too_many;
    } while (!word_.compare_exchange_weak(seen, Word(seen).plus(n).bits(), std::memory_order_release,  // [P2]
                                          std::memory_order_relaxed));
    CAROM_STEP(permit_given);
    if (Word(seen).contended()) [[unlikely]]
      wake(Word(seen).plus(n), n);
    return Release::released;
  }

  /// One permit that the calling thread holds.
  Acquisition take_held(Deadline deadline, bool detect = false) {
    const void* const base = home_.segment_of(this);
    static_cast<void>(seat_in(base));
    if (const std::uint32_t entry = own_entry(base); entry != kNowhere) [[likely]] {
      const Word seen(word_.load(std::memory_order_acquire));
      Change change(this_seat.held_state[entry], this_seat.index, entry);
      // From 1 to the limit; and the stamp is the caller's own, so there is nobody's to settle.
      if (seen.value() - 1 < limit_ && change.was_last(seen)) [[likely]] {
        if (change.template make_next<Pending::take>(word_, seen)) [[likely]]
          return Acquisition::acquired;
        change.undo();
      }
    }
    return take(deadline, true, detect);
  }

  /// Gives one back that the calling thread holds; not_held: it holds none.
  Release give_held() {
    const void* const base = home_.segment_of(this);
    static_cast<void>(seat_in(base));
    if (const std::uint32_t entry = own_entry(base); entry != kNowhere) [[likely]] {
      const Word seen(word_.load(std::memory_order_acquire));
      Change change(this_seat.held_state[entry], this_seat.index, entry);
      if (seen.value() < limit_ && change.was_last(seen) && change.count() != 0) [[likely]] {
        if (change.template make_next<Pending::give>(word_, seen)) [[likely]] {
          if (seen.contended()) [[unlikely]]
            wake_one();
          return Release::released;
        }
        change.undo();
      }
    }
    return give_held_anyhow();
  }

  /// Gives one back that somebody else holds; too_many: all are free.
  Release give_foreign() noexcept;

  std::uint32_t value() const;
  std::uint32_t limit() const noexcept { return limit_; }
  std::uint32_t bits() const noexcept { return home_.bits(); }
  std::uint32_t held_by_me() const;
  std::vector<Participant> holders() const;
  std::vector<Participant> waiting() const;
  std::size_t count_waiting() const;

 private:
  Acquisition take(Deadline deadline, bool held, bool detect);
  Release give_held_anyhow();
  void wake(Word given, std::uint32_t n) noexcept;
  void wake_one() noexcept;

  std::uint64_t object_at(const void* segment) const noexcept { return object_ref(kKind, this, segment); }
  /// The calling thread's holding of this, if it is where one looks first.
  std::uint32_t own_entry(const void* segment) const noexcept {
    const std::uint64_t object = object_at(segment);
    const std::uint32_t entry = first_entry(object);
    return this_seat.held_object[entry].load(std::memory_order_relaxed) == object ? entry : kNowhere;
  }

  static constexpr std::uint32_t kNowhere = kHoldings;
  static constexpr ObjectKind kKind =
      std::is_same_v<Word, SemaphoreWord> ? ObjectKind::semaphore : ObjectKind::bounded_semaphore;

  std::atomic<std::uint64_t> word_;
  Home home_;
  std::uint32_t limit_;  // never changed
};

extern template class Permits<SemaphoreWord>;
extern template class Permits<BoundedWord>;

}  // namespace carom::detail
