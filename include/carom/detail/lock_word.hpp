// The word of Lock and RLock: its values, and the steps between them. No atomics, no waiting: those are in
// src/sync/raw_lock.cpp. Installed, because taking and giving back a free lock is inlined into the caller.
//
// WORD
//   bit 31      contended: somebody may be asleep until this word changes
//   bit 30      inherited: the owner took it over from one that died
//   bits 0-29   the owner's id in the segment's roster, (slot, generation); 0: nobody; 1: handed over, nobody in
//               particular
//   Beside it, never changed after construction: how many pages below the word its segment begins, and what is to
//   happen when the owner dies.
//
// STATES                  from               to                          by whom                     function
//   take                  free, kept         held                        anyone                      held_by
//   take after a sleep    free, kept         held, contended             a waiter that has slept     held_by
//   mark                  held               held, contended             a waiter before it sleeps   with_contended
//   give back             any                free                        Lock: anyone; RLock: owner  kFree
//   keep                  free               kept                        who gave it back just now   kKept
//   keep no longer        kept               free                        the same, if nobody slept   kFree
//   hand over             held               handed over                 the owner                   to_nobody
//   adopt                 held                held, otherwise as it was   a child its owner forked   to
//   take over             held, owner gone   held, inherited, contended  whoever comes next          taken_over_by
//   declare consistent    held, owner gone   free                        anyone, policy refuse       kFree
//   A word whose owner was never in the roster is `corrupted`.
//
// INVARIANTS
//   An id other than 0 and 1 names one thread for ever, so at most one thread is the owner.
//   contended may be set with nobody asleep: one spare wake. While somebody sleeps either it is set, or a woken waiter
//   is on its way to set it or to take the word; should that one die, those who slept beside it are woken by its
//   death, or look again by themselves within kRecheck.
//   inherited is true from a take-over until the word is given back.
//   Free is 0 exactly. Kept is contended without an owner: free, and whoever has not slept yet waits a moment before it
//   takes it. That is a courtesy: safety does not rest on it. No other flag is ever stored without an owner.
//
// ORDER
//   [O1] Taking acquires; [O2] giving back releases: what an owner did is visible to the next. Taking over acquires
//   too, but pairs with no release: the dead made none, which is why the heir is told. What the dead wrote is there,
//   for memory is coherent and the dead write no more; it may be half done.
//   Setting contended is relaxed: the kernel compares the word again before it puts anybody to sleep.
//
// WAKE
//   Giving back a contended word wakes one sleeper. Who has slept takes the word with contended set, since others may
//   sleep on; so the chain goes on until a wake finds nobody. Once a millisecond the word that a thread gives back to
//   sleepers is kept for them, or it might take it again and again before they are awake. A waiter that gives up marks
//   the word first if it has slept, since it may have been handed the one wake. Every sleep also ends with the life of
//   the owner that was seen, or of a fellow waiter, and after kRecheck at the latest (docs/design/waiting.md).
//
// DEATH               what remains                                  who repairs it
//   lock_taken        owner recorded, its work not begun            the next: the owner's life word is marked
//   lock_marked       contended, nobody asleep                      one spare wake
//   about_to_sleep    contended, nobody asleep                      one spare wake
//   lock_resting      nothing: the word has changed since it was   nobody: who changed it by a release woke a sleeper,
//                     marked                                       and every other change leaves it marked
//   woken             the one wake is lost: others sleep beside     the kernel wakes a fellow that watched the dead;
//                     a free word, or an unmarked one               it takes the word, or marks it; else re-check
//   lock_taken_over   new owner recorded, inherited                 the next takes over in turn, and is told
//   lock_released     free, the sleeper not woken                   the kernel wakes a sleeper that watched the dead;
//                                                                   if it was not the owner: their own re-check
//   lock_kept         kept, the sleeper not woken                   the same; and whoever comes waits a millisecond at most
//   lock_handed_over  nobody in particular holds it, on purpose     nobody: whoever was to release it does
//   lock_adopted      owner recorded: the child                     the next takes over, and is told
//   rlock_deepened    a depth above 1                               the next: it holds the lock once
//   rlock_released    depth 0, owner still recorded                 the next takes over, and is told
//
// LIMITS
//   2^30 ids a segment, then joining fails with roster_exhausted. A lock is at most 4 TiB above its segment's begin.
//   The deaths in which only the re-check helps are listed in docs/design/waiting.md.
//
// LAYOUT
//   Version 1: word at offset 0, home at 4; 8 bytes, aligned to 4. tests/layout holds it.
#pragma once

#include <cstdint>

namespace carom::detail {

class LockWord {
 public:
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kKept = 1u << 31;
  static constexpr std::uint32_t kHandedOver = 1;  // an id that the roster never gives out

  constexpr explicit LockWord(std::uint32_t bits) noexcept : bits_(bits) {}

  constexpr std::uint32_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t owner() const noexcept { return bits_ & kOwner; }
  constexpr bool free() const noexcept { return bits_ == kFree || bits_ == kKept; }
  constexpr bool kept() const noexcept { return bits_ == kKept; }
  constexpr bool handed_over() const noexcept { return owner() == kHandedOver; }
  constexpr bool contended() const noexcept { return (bits_ & kContended) != 0; }
  constexpr bool inherited() const noexcept { return (bits_ & kInherited) != 0; }

  static constexpr LockWord held_by(std::uint32_t id, bool contended) noexcept {
    return LockWord(id | (contended ? kContended : 0));
  }
  static constexpr LockWord taken_over_by(std::uint32_t id) noexcept {
    return LockWord(id | kInherited | kContended);
  }
  constexpr LockWord with_contended() const noexcept { return LockWord(bits_ | kContended); }
  constexpr LockWord to_nobody() const noexcept { return to(kHandedOver); }
  constexpr LockWord to(std::uint32_t id) const noexcept { return LockWord((bits_ & ~kOwner) | id); }

  constexpr bool operator==(const LockWord&) const noexcept = default;

 private:
  static constexpr std::uint32_t kContended = 1u << 31;
  static constexpr std::uint32_t kInherited = 1u << 30;
  static constexpr std::uint32_t kOwner = kInherited - 1;

  std::uint32_t bits_;
};

}  // namespace carom::detail
