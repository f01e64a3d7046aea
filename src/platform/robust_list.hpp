// A thread's list of words that the kernel marks when the thread ends (Documentation/locking/robust-futexes.rst).
//
// The kernel knows one list a thread, and the C library keeps it: its entries are the robust mutexes that the thread
// holds. An entry is a link; the word to mark lies at a fixed distance before it, the same for all entries. In shared memory
// a link would be an address that strangers can overwrite, and that this process later writes through. So only the word
// is shared: it lies at the end of a shared page, which is mapped once more with a private page behind it, and there
// lies the link.
//
//   | shared page ............ word word word word | link link link link ... private page |
//
// The C library must never touch such a link. So the thread locks two private robust mutexes, one after the other, and
// keeps them locked: the links stand between these two, where the library, which only ever adds and takes out
// its own entries, has no neighbour of theirs to change.
//
// No pending operation is ever announced: the kernel would mark a word on the strength of a thread's number alone, which
// another thread, in another pid namespace, may have as well. A thread that dies before its link is in the list gets no
// mark; that is for the second witness (memory/roster.hpp).
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "platform/life_word.hpp"

namespace carom::platform {

/// What the kernel reads of an entry: where the next one is.
struct RobustLink {
  std::atomic<void*> next{nullptr};
};

/// A shared page as this process sees it, with room for links behind it.
class LifePage {
 public:
  static constexpr std::size_t kWords = 4;  ///< life words, at the end of the page

  /// The life words of the page at `page`.
  static LifeWord* words_of(void* page) noexcept;

  /// Maps the shared page at `page` once more. Makes sure that it has memory. Throws Error (no_memory, no_space).
  static LifePage* map(void* page);
  void unmap() noexcept;

  /// Where the link for the page's word `which` lies.
  RobustLink& link(std::size_t which) noexcept;

 private:
  LifePage() = delete;
};

/// The calling thread's part of its list.
class RobustChain {
 public:
  /// For the calling thread. Throws Error (unknown_thread) in a thread or process that the C library does not know,
  /// for whose death the kernel would mark nothing.
  void begin();

  /// Puts the link in, or takes it out. The calling thread's own chain only.
  void add(RobustLink& link) noexcept;
  void remove(RobustLink& link) noexcept;

  /// Whether the thread has ended and the kernel is through with all of the chain.
  bool ended() const noexcept;

  /// Whether a change of a link of this chain can harm it no more: the thread has ended, or is about to.
  bool over() const noexcept;

  /// Whether this chain is the calling thread's.
  bool mine() const noexcept;

 private:
  pthread_mutex_t last_;  // locked first: the list grows at its head
  pthread_mutex_t first_;
};

}  // namespace carom::platform
