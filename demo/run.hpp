// One run of the workload on one lock: the crew of workers, the saboteur, the watchdog.
#pragma once

#include <bit>
#include <carom/segment.hpp>
#include <carom/shared.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

#include "corpus.hpp"
#include "ledger.hpp"
#include "worker.hpp"

namespace demo {

struct Setup {
  std::uint32_t workers = 4;
  std::uint32_t rounds = 1;  ///< how often the whole corpus is counted
  std::chrono::duration<double> kill_every{};
  std::chrono::duration<double> watchdog{};
  std::uint64_t seed = 0;
};

enum class Ending { finished, hung, interrupted };

struct Outcome {
  Ending ending = Ending::finished;
  double seconds = 0;
  double done = 0;                 ///< the part of the items that was taken
  std::uint32_t kills = 0;         ///< workers that the saboteur killed, up to the last batch merged
  std::uint32_t holder_kills = 0;  ///< those of all that died that had the lock
  std::uint32_t recoveries = 0;    ///< how often a worker was told that the owner died
  std::uint32_t rolled_back = 0;   ///< and found a change half done
  std::chrono::nanoseconds lost{};
  std::chrono::nanoseconds worst_lost{};
  std::uint64_t words = 0;
  std::size_t wrong_words = 0;  ///< whose count is not what a single process counts
};

/// Called now and then during a run, with what there is so far.
using Progress = std::function<void(const Outcome&)>;

/// A run, once it is known how its workers lock.
struct Crew {
  std::function<void(Place)> work;
  std::function<int()> owner_pid;  ///< empty if the lock cannot say; the book's note has to do then
};

/// Keeps the crew complete and the saboteur busy until the work is done, nothing moves any more, or somebody
/// interrupts. Leaves no process behind. Throws std::runtime_error if a worker fails.
Outcome supervise(const Crew& crew, const Ledger& ledger, const Setup& setup, const Progress& progress);

/// Counts the words in the table, and those that are not there exactly as often as they should be.
void compare(const Corpus& corpus, const Ledger& ledger, std::uint32_t rounds, Outcome& outcome);

/// From now on an interrupt ends the run instead of the program; interrupted_by() is the signal, or 0.
void catch_interrupts();
int interrupted_by() noexcept;

/// What the workers share.
template <class Lock>
struct Board {
  explicit Board(std::uint32_t items) : book(items) {}

  Lock lock;
  Book book;
};

template <class Lock>
Outcome run(const Corpus& corpus, const Setup& setup, const Progress& progress) {
  const auto items = static_cast<std::uint32_t>(corpus.pieces.size() * setup.rounds);
  const carom::Shared<Board<Lock>> board(std::in_place, items);

  const std::size_t slots = std::bit_ceil(corpus.counts.size() * 3 / 2);
  const carom::Segment memory = carom::Segment::anonymous(slots * sizeof(WordCount));
  const Ledger ledger(board->book, std::span(static_cast<WordCount*>(memory.data()), slots));

  Crew crew;
  crew.work = [&](Place place) { work(board->lock, ledger, corpus, place); };
  if constexpr (requires { board->lock.owner_pid(); }) {
    crew.owner_pid = [&] { return board->lock.owner_pid(); };
  }
  Outcome outcome = supervise(crew, ledger, setup, progress);
  compare(corpus, ledger, setup.rounds, outcome);
  return outcome;
}

}  // namespace demo
