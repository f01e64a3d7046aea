#include "ledger.hpp"

#include <algorithm>
#include <carom/deadline.hpp>
#include <stdexcept>

namespace demo {
namespace {

/// What is written above is in memory before anything below is. A kill stops a process between two
/// instructions, as a signal handler would, so it is the compiler alone that must not swap them.
void in_this_order() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

/// For counters that only the holder of the lock writes.
template <class Number>
void add_to(std::atomic<Number>& counter, Number amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace

void Ledger::open_journal(std::uint32_t desk) noexcept {
  Journal& journal = book_.journal;
  journal.desk = desk;
  journal.old_desk = book_.desks[desk];
  journal.old_next_item = book_.next_item;
  journal.length = 0;
  in_this_order();
  journal.open = true;
  in_this_order();
}

void Ledger::close_journal() noexcept {
  in_this_order();
  book_.journal.open = false;
  in_this_order();
}

void Ledger::recover() {
  const Journal& journal = book_.journal;
  if (!journal.open) return;  // it died before or after a change, not in the middle of one
  add_to(book_.rolled_back, 1u);
  // From the last to the first, so that words that were new leave the table as they came.
  for (std::uint32_t i = journal.length; i-- > 0;) {
    const Journal::Old& old = journal.old[i];
    table_[old.slot].times = old.times;
    if (old.times == 0) table_[old.slot].word = Word();
  }
  book_.desks[journal.desk] = journal.old_desk;
  book_.next_item = journal.old_next_item;
  close_journal();
}

bool Ledger::take_item(std::uint32_t desk) {
  if (book_.next_item == book_.items) return false;
  open_journal(desk);
  book_.desks[desk] = {book_.next_item, 0};
  add_to(book_.next_item, 1u);
  close_journal();
  return true;
}

void Ledger::merge_batch(std::uint32_t desk, const std::vector<WordCount>& counts) {
  const auto size = static_cast<std::uint32_t>(counts.size());
  Desk& mine = book_.desks[desk];
  open_journal(desk);
  const std::uint32_t end = std::min(mine.next_word + kBatchWords, size);
  for (std::uint32_t i = mine.next_word; i < end; ++i) add(counts[i]);
  mine.next_word = end;
  if (end == size) mine.item = kNoItem;
  close_journal();

  add_to(book_.batches, std::uint64_t{1});
  if (book_.lost_since_ns != 0) {
    const std::int64_t lost = carom::Deadline::now_ns() - book_.lost_since_ns;
    book_.lost_since_ns = 0;
    add_to(book_.lost_ns, lost);
    book_.worst_lost_ns = std::max(book_.worst_lost_ns.load(), lost);
  }
}

void Ledger::add(const WordCount& count) {
  const std::size_t slot = slot_of(count.word);
  WordCount& entry = table_[slot];
  Journal& journal = book_.journal;
  journal.old[journal.length] = {static_cast<std::uint32_t>(slot), entry.times};
  in_this_order();
  ++journal.length;
  in_this_order();
  entry.word = count.word;
  entry.times += count.times;
}

std::size_t Ledger::slot_of(const Word& word) const {
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = word.hash() & mask;
  for (std::size_t tries = 0; tries < table_.size(); ++tries, slot = (slot + 1) & mask) {
    if (table_[slot].word.empty() || table_[slot].word == word) return slot;
  }
  throw std::runtime_error("the shared table is full");
}

void Ledger::note_acquired(std::uint32_t life, bool owner_died) noexcept {
  book_.lives[life % kLives].holding = true;
  if (owner_died) {
    add_to(book_.recoveries, 1u);
    if (book_.lost_since_ns == 0) {
      const std::int64_t killed_at = book_.lives[book_.holder % kLives].killed_at_ns;
      book_.lost_since_ns = killed_at != 0 ? killed_at : carom::Deadline::now_ns();
    }
  }
  book_.holder = life;
}

void Ledger::note_releasing(std::uint32_t life) noexcept {
  book_.holder = 0;
  book_.lives[life % kLives].holding = false;
}

}  // namespace demo
