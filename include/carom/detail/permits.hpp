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
#include "carom/detail/watched.hpp"
#include "carom/outcome.hpp"
#include "carom/participant.hpp"

namespace carom::detail {

/// The calling thread's permits of one object, as its slot notes them.
class OwnPermits {
 public:
  explicit OwnPermits(const RecentHolding& recent) noexcept
      : OwnPermits(*recent.state, recent.slot, recent.entry) {}
  /// `holding` is the state of entry `entry` in slot `slot`.
  OwnPermits(std::atomic<std::uint64_t>& holding, std::uint32_t slot, std::uint32_t entry) noexcept
      : holding_(holding), state_(holding.load(std::memory_order_relaxed)), slot_(slot), entry_(entry) {}

  std::uint32_t count() const noexcept { return state_.count(); }

  /// Whether the last change of the word was the caller's own, so that there is nobody's to note before the next.
  template <class Word>
  bool changed_last(Word seen) const noexcept {
    return seen.bears(slot_, entry_, state_.tag());
  }

  /// One change of the word, then its note. False, and nothing done, if the word was not `seen` any more. Whoever's
  /// stamp that bears must be settled.
  template <Change kChange, class Word>
  bool change(std::atomic<std::uint64_t>& word, Word seen, bool mark = false) noexcept {
    static_assert(kChange == Change::take || kChange == Change::give);
    const Word to = changed<kChange>(seen).with_stamp({kChange, slot_, entry_, state_.tag() + 1});
    return change<kChange>(word, seen, mark ? to.with_contended() : to);
  }
  /// Whether one more is to be taken by paying a debt, and not noted.
  template <class Word>
  bool pays(Word seen) const noexcept {
    return count() != 0 && seen.debt() != 0;
  }
  /// One more that somebody else held: as many are free as before. False, and nothing done, as above.
  template <class Word>
  bool adopt(std::atomic<std::uint64_t>& word, Word seen) noexcept {
    return change<Change::take>(
        word, seen,
        seen.with_debt(seen.debt() + 1).with_stamp({Change::take, slot_, entry_, state_.tag() + 1}));
  }
  /// The same after changed_last().
  template <Change kChange, class Word>
  bool change_again(std::atomic<std::uint64_t>& word, Word seen) noexcept {
    return change<kChange>(word, seen, seen.changed_again(kChange));
  }

 private:
  template <Change kChange, class Word>
  static constexpr Word changed(Word seen) noexcept {
    return kChange == Change::take ? seen.less_one() : seen.plus(1);
  }
  template <Change kChange, class Word>
  bool change(std::atomic<std::uint64_t>& word, Word seen, Word to) noexcept {
    std::uint64_t from = seen.bits();
    if constexpr (kChange == Change::give) releasing(&word);
    if (!word.compare_exchange_strong(from, to.bits(), std::memory_order_acq_rel,  // [P1] [P2] [P3]
                                      std::memory_order_relaxed)) [[unlikely]] {
      return false;
    }
    if constexpr (kChange == Change::take) {  // NOLINT(bugprone-branch-clone): the steps are for tests
      CAROM_STEP(permit_taken);
      acquired(&word);
    } else {
      CAROM_STEP(permit_returned);
    }
    holding_.store(state_.after(kChange).bits(), std::memory_order_release);
    return true;
  }

  std::atomic<std::uint64_t>& holding_;
  HoldingState state_;
  std::uint32_t slot_;
  std::uint32_t entry_;
};

template <class Word>
class Permits {
 public:
  /// Throws Error (outside_segment).
  Permits(const char* what, std::uint32_t value, std::uint32_t limit, std::uint32_t bits = 0)
      : word_(Word::holding(value).bits()),
        home_(this, what, bits),
        limit_(static_cast<std::uint16_t>(limit)),
        serial_(home_.new_serial(this)) {}
  Permits(const Permits&) = delete;
  Permits& operator=(const Permits&) = delete;

  /// One permit that nobody is recorded to hold.
  Acquisition take_bare(Deadline deadline) {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    if (Word(seen).value() != 0 &&
        word_.compare_exchange_strong(seen, Word(seen).less_one().bits(), std::memory_order_acquire,  // [P1]
                                      std::memory_order_relaxed)) [[likely]] {
      acquired(&word_);
      return Acquisition::acquired;
    }
    return take(deadline, false, false);
  }
  Release give_bare(std::uint32_t n) noexcept {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    releasing(&word_);
    do {
      if (n > limit() - Word(seen).value()) [[unlikely]]
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
    if (const RecentHolding* const recent = recent_holding(here()); recent != nullptr) [[likely]] {
      const Word seen(word_.load(std::memory_order_acquire));
      OwnPermits own(*recent);
      // From 1 to the limit.
      if (seen.value() - 1 < limit() && own.changed_last(seen) && !own.pays(seen) &&
          own.template change_again<Change::take>(word_, seen)) [[likely]] {
        return Acquisition::acquired;
      }
    }
    return take(deadline, true, detect);
  }

  /// Gives one back that the calling thread holds; not_held: it holds none.
  Release give_held() {
    if (const RecentHolding* const recent = recent_holding(here()); recent != nullptr) [[likely]] {
      const Word seen(word_.load(std::memory_order_acquire));
      OwnPermits own(*recent);
      if (seen.value() < limit() && own.count() != 0 && own.changed_last(seen) &&
          own.template change_again<Change::give>(word_, seen)) [[likely]] {
        if (seen.contended()) [[unlikely]]
          wake_one();
        return Release::released;
      }
    }
    return give_held_anyhow();
  }

  /// Gives one back that somebody else holds; too_many: all are free.
  Release give_foreign() noexcept;

  std::uint32_t value() const;
  std::uint32_t limit() const noexcept {
    return std::is_same_v<Word, SemaphoreWord> ? Word::kMaxValue : limit_;
  }
  std::uint32_t bits() const noexcept { return home_.bits(); }
  /// One permit that the thread which forked this process holds becomes the calling thread's.
  bool adopt();

  std::uint32_t held_by_me() const;
  std::vector<Participant> holders() const;
  std::vector<Participant> waiting() const;
  std::size_t count_waiting() const;

 private:
  Acquisition take(Deadline deadline, bool held, bool detect);
  Release give_held_anyhow();
  void wake(Word given, std::uint32_t n) noexcept;
  void wake_one() noexcept;

  std::uint64_t object_at(const void* segment) const noexcept {
    return object_ref(kKind, this, segment, serial_);
  }
  std::uint64_t here() const noexcept { return object_here(this, serial_); }
  static constexpr ObjectKind kKind =
      std::is_same_v<Word, SemaphoreWord> ? ObjectKind::semaphore : ObjectKind::bounded_semaphore;

  std::atomic<std::uint64_t> word_;
  Home home_;
  std::uint16_t limit_;  // of a BoundedSemaphore; never changed, as what follows
  Serial serial_;
};

extern template class Permits<SemaphoreWord>;
extern template class Permits<BoundedWord>;

}  // namespace carom::detail
