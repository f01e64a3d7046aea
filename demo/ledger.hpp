// What the workers share, and how a change of it is all or nothing although any of them may be killed at any
// instruction: an undo journal, kept under the lock, that whoever is told "the owner died" rolls back.
//
//   open journal    remember what the change is about to overwrite; then say that it is open
//   change          each word's old count goes into the journal before the new one goes into the table
//   close journal   one store: the moment from which the change counts
//
// Killed before the journal is open: nothing was changed. Killed while it is open: the heir puts the old
// values back. Killed in the middle of putting them back: the next heir does so again, from the same journal.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "corpus.hpp"

namespace demo {

inline constexpr std::uint32_t kNoItem = 0xffff'ffff;
inline constexpr std::uint32_t kMaxWorkers = 64;
inline constexpr std::uint32_t kBatchWords = 64;   // merged in one go: many short holds instead of a long one
inline constexpr std::uint32_t kLives = 1u << 14;  // far more than can be alive or unnoticed dead at once

/// What a worker has in hand. Outlives the worker: its replacement goes on from here.
struct Desk {
  std::uint32_t item = kNoItem;
  std::uint32_t next_word = 0;  ///< those before it are in the table
};

struct Journal {
  struct Old {
    std::uint32_t slot;
    std::uint64_t times;
  };

  bool open = false;
  std::uint32_t desk = 0;
  Desk old_desk;
  std::uint32_t old_next_item = 0;
  std::uint32_t length = 0;
  Old old[kBatchWords] = {};
};

/// About one worker process, for the statistics alone. Its replacement has another.
struct Life {
  std::atomic<std::int64_t> killed_at_ns{0};  ///< when the saboteur sent the signal
  std::atomic<bool> holding{false};           ///< whether it has the lock, as it says itself
};

/// Lies in shared memory beside the lock that guards it; the table of words lies in a segment of its own.
struct Book {
  explicit Book(std::uint32_t items_to_do) : items(items_to_do) {}

  const std::uint32_t items;
  std::atomic<std::uint32_t> next_item{0};  // atomics: the supervisor looks at these without the lock
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint32_t> holder{0};  ///< which life has the lock
  Desk desks[kMaxWorkers];
  Journal journal;

  std::atomic<std::uint32_t> recoveries{0};
  std::atomic<std::uint32_t> rolled_back{0};
  std::int64_t lost_since_ns = 0;  ///< the kill of a holder after which nothing was merged yet; 0: none
  std::atomic<std::int64_t> lost_ns{0};
  std::atomic<std::int64_t> worst_lost_ns{0};
  Life lives[kLives];
};

/// One worker's, or the supervisor's, way to the shared book and table. Every member but the last three is
/// for the holder of the lock.
class Ledger {
 public:
  /// The table must have a power of two of slots, more than there are words.
  Ledger(Book& book, std::span<WordCount> table) noexcept : book_(book), table_(table) {}

  /// For whoever took the lock over from the dead: undoes what was left half done.
  void recover();

  /// Puts the next item on the desk; false if none is left.
  bool take_item(std::uint32_t desk);

  /// Adds the next batch of the item's words to the table; clears the desk after the last one.
  void merge_batch(std::uint32_t desk, const std::vector<WordCount>& counts);

  /// For the statistics.
  void note_acquired(std::uint32_t life, bool owner_died) noexcept;
  void note_releasing(std::uint32_t life) noexcept;

  /// The worker's own: nobody else changes its desk once it has held the lock.
  const Desk& desk(std::uint32_t desk) const noexcept { return book_.desks[desk]; }

  Book& book() const noexcept { return book_; }
  std::span<const WordCount> table() const noexcept { return table_; }

 private:
  void open_journal(std::uint32_t desk) noexcept;
  void close_journal() noexcept;
  void add(const WordCount& count);
  std::size_t slot_of(const Word& word) const;

  Book& book_;
  std::span<WordCount> table_;
};

}  // namespace demo
