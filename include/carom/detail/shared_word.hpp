// The word of SharedLock: its values, and the steps between them. No atomics, no waiting: those are in
// src/sync/shared_lock.cpp.
//
// WORD
//   bit 31      contended: somebody may be asleep until this word changes
//   bit 30      tainted: a writer died, and no writer has released since
//   bits 0-29   the id of the writer, inside or waiting for the readers to leave; 0: none
//   bit 32      draining: the writer waits for the readers to leave, and has looked or will look within kRecheck
//   The lower half is what sleepers sleep on.
//   Beside it, in the slot of every reader: how often it has it (a holding).
//
// STATES           from                      to                       by whom
//   enter          no writer                 the same, a reader more  a reader: counts itself first, looks second
//   leave          a reader                  a reader less            the reader
//   take           no writer                 writer, taint kept       a writer, who then waits for the readers to leave
//   mark           writer                    writer, contended        a waiter before it sleeps
//   release        writer                    free                     the writer
//   drain          writer, readers inside    writer, draining         the writer, before it waits for them
//   come in        writer, draining          writer                   the writer, the readers gone
//   give up        writer, draining          no writer, taint kept    the writer, its deadline past
//   pass over      writer, draining, absent  another, or none         anyone: the writer is dead or stopped, or has left its
//                                                                     wait by a jump; if it comes back it begins anew
//   take over      writer, gone              writer, tainted          another writer
//   taint          writer, gone              no writer, tainted       a reader
//
// INVARIANTS
//   A reader's count is in memory before it looks at the word, a writer's id before it looks at the counts: of a reader
//   and a writer that come at one time at least one sees the other. The reader gives way.
//   So while a writer waits no reader comes in, and the writer only waits for those that were there.
//   A dead reader's count counts for nothing: nobody has to take it away.
//   A writer is inside only by its own step from draining, or from a look that found no reader right after it took the
//   word. So a draining one can be passed over at any time, by one compare-and-exchange, and finds that out by its own.
//
// ORDER
//   [S1] Counting, looking and taking are sequentially consistent. Releasing and leaving release; taking, and seeing
//   that a reader has left, acquire.
//
// WAKE
//   Releasing a contended word wakes one sleeper; a reader that has slept wakes another once it is inside, and a writer
//   that has slept takes the word contended. A writer sleeps on the count of a reader, who wakes it on leaving. Every
//   sleep also ends with the life of whom the sleeper waits for, or of a fellow, and after kRecheck.
//
// DEATH                  what remains                               who repairs it
//   shared_counted       a count of somebody who died               nobody: it counts for nothing
//   shared_withdrawn     a writer asleep on a count that is gone    the kernel wakes it: it watches the reader's life
//   shared_left          the same                                   the same
//   shared_marked        contended, nobody asleep                   one spare wake
//   shared_passed_on     nothing                                    nothing to repair
//   writer_taken         a writer recorded, readers inside          the next writer takes over; a reader taints
//   writer_draining      the same, draining                         the next passes over it; nobody is told, for it never
//                                                                   was inside
//   writer_inside        a writer recorded                          the same, and both are told
//   writer_released      free, the sleeper not woken                a sleeper that watched the dead
//   writer_gave_up       no writer, the sleeper not woken           a sleeper that watched the dead
//   shared_tainted       tainted, the other sleepers not woken      a sleeper that watched the dead; their own re-check
//
// LIMITS
//   2^32 - 1 times by one reader. One owner-death policy: recover.
//
// LAYOUT
//   Version 6: word at offset 0, home at 8, serial at 12; 16 bytes, aligned to 8. tests/layout holds it.
#pragma once

#include <cstdint>

namespace carom::detail {

class SharedWord {
 public:
  constexpr explicit SharedWord(std::uint64_t bits) noexcept : bits_(bits) {}

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t low_half() const noexcept { return static_cast<std::uint32_t>(bits_); }
  constexpr std::uint32_t writer() const noexcept { return low_half() & kWriter; }
  constexpr bool draining() const noexcept { return (bits_ & kDraining) != 0; }
  constexpr bool contended() const noexcept { return (bits_ & kContended) != 0; }
  constexpr bool tainted() const noexcept { return (bits_ & kTainted) != 0; }

  constexpr SharedWord taken_by(std::uint32_t id, bool contended) const noexcept {
    return SharedWord(id | (bits_ & kTainted) | (contended ? kContended : 0));
  }
  constexpr SharedWord taken_over_by(std::uint32_t id) const noexcept {
    return SharedWord(id | kTainted | kContended);
  }
  constexpr SharedWord without_writer() const noexcept { return SharedWord(bits_ & kTainted); }
  static constexpr SharedWord tainted_by_death() noexcept { return SharedWord(kTainted); }
  constexpr SharedWord with_contended() const noexcept { return SharedWord(bits_ | kContended); }
  constexpr SharedWord to_draining() const noexcept { return SharedWord(bits_ | kDraining); }
  constexpr SharedWord to_inside() const noexcept { return SharedWord(bits_ & ~kDraining); }

  constexpr bool operator==(const SharedWord&) const noexcept = default;

 private:
  static constexpr std::uint64_t kDraining = std::uint64_t{1} << 32;
  static constexpr std::uint32_t kContended = 1u << 31;
  static constexpr std::uint32_t kTainted = 1u << 30;
  static constexpr std::uint32_t kWriter = kTainted - 1;

  std::uint64_t bits_;
};

}  // namespace carom::detail
