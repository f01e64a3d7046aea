#include "platform/robust_list.hpp"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <new>

#include "carom/error.hpp"
#include "platform/checked.hpp"
#include "platform/process_identity.hpp"
#include "platform/shared_file.hpp"
#include "platform/watched.hpp"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace carom::platform {
namespace {

constexpr std::size_t kLinkAt = offsetof(pthread_mutex_t, __data.__list.__next);
constexpr std::size_t kWordAt = offsetof(pthread_mutex_t, __data.__lock);
constexpr std::size_t kLinkAfterWord = kLinkAt - kWordAt;
static_assert(kLinkAfterWord == LifePage::kWords * sizeof(RobustLink),
              "the links of the last words of a page are the first on the next");
static_assert(sizeof(RobustLink) == sizeof(void*));

std::byte* at(void* base, std::size_t offset) noexcept {
  return static_cast<std::byte*>(base) + offset;
}

long thread_id() noexcept {
  return syscall(SYS_gettid);
}

std::uint32_t word_of(const pthread_mutex_t& mutex) noexcept {
  return static_cast<std::uint32_t>(__atomic_load_n(&mutex.__data.__lock, __ATOMIC_ACQUIRE));
}

/// The entry as the list has it. The lowest bit says something about the kind of mutex that follows.
void* entry_of(pthread_mutex_t& mutex) noexcept {
  return &mutex.__data.__list.__next;
}

std::atomic<void*>& next_of(void* entry) noexcept {
  return static_cast<RobustLink*>(entry)->next;
}

void make_robust(pthread_mutex_t& mutex) noexcept {
  pthread_mutexattr_t attributes;
  CAROM_CHECK_ZERO(pthread_mutexattr_init(&attributes));
  CAROM_CHECK_ZERO(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
  CAROM_CHECK_ZERO(pthread_mutex_init(&mutex, &attributes));
  CAROM_CHECK_ZERO(pthread_mutexattr_destroy(&attributes));
}

[[noreturn]] void refuse() {
  throw Error(
      Errc::unknown_thread, "roster",
      "this thread was made by a raw clone() that the C library does not know, so nobody would be told "
      "of its death; make processes with fork() or carom::Process, threads with std::thread");
}

// The page may not be there yet, and a full file system is to be an error, not a signal. Returns the error.
int populate(void* page, std::size_t bytes) {
  if (madvise(page, bytes, MADV_POPULATE_WRITE) == 0) return 0;
  if (errno == EFAULT || errno == ENOMEM) return errno;
  // Before Linux 5.14, or refused: any system call that writes there. The page begins with bytes that nobody uses.
  timespec* const unused = static_cast<timespec*>(page);
  if (syscall(SYS_clock_gettime, CLOCK_MONOTONIC, unused) != 0) return errno;
  *unused = {};
  return 0;
}

}  // namespace

LifeWord* LifePage::words_of(void* page) noexcept {
  return reinterpret_cast<LifeWord*>(at(page, page_bytes() - kLinkAfterWord));
}

LifePage* LifePage::map(void* page) {
  const std::size_t bytes = page_bytes();
  void* const pair = mmap(nullptr, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pair == MAP_FAILED) {
    throw Error(Errc::no_memory, "roster", "no address space is left for one more participant (mmap)", errno);
  }
  // An old size of 0 asks for a second mapping of a shared page (mremap(2)). Where that is refused (valgrind, a sandbox) the
  // kernel marks a private word, which nobody looks at: the second witness is the only one there.
  void* const mapped = mremap(page, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, pair);
  if (mapped == MAP_FAILED && errno == ENOMEM) {
    munmap(pair, 2 * bytes);
    throw Error(Errc::no_memory, "roster", "no address space is left for one more participant (mremap)",
                ENOMEM);
  }
  const bool shared = mapped != MAP_FAILED;
  if (const int error = populate(shared ? pair : page, bytes); error != 0) {
    munmap(pair, 2 * bytes);
    throw Error(error == EFAULT ? Errc::no_space : Errc::no_memory, "roster",
                "no memory is left for one more participant", error);
  }
  // The private page has to be there before the thread ends, too.
  std::byte* const links = at(pair, bytes);
  for (std::size_t i = 0; i < kWords; ++i) ::new (links + i * sizeof(RobustLink)) RobustLink;
  return static_cast<LifePage*>(pair);
}

void LifePage::unmap() noexcept {
  munmap(static_cast<void*>(this), 2 * page_bytes());
}

RobustLink& LifePage::link(std::size_t which) noexcept {
  return *reinterpret_cast<RobustLink*>(at(this, page_bytes() + which * sizeof(RobustLink)));
}

void RobustChain::begin() {
  const long self = thread_id();
  if (self < 0)
    throw Error(Errc::system, "roster", "the kernel refuses to say what the thread's number is (gettid)",
                errno);
  make_robust(last_);
  make_robust(first_);
  CAROM_CHECK_ZERO(pthread_mutex_lock(&last_));
  // A process made by a raw clone() keeps its parent's thread id in the C library.
  if ((word_of(last_) & FUTEX_TID_MASK) != self) {
    pthread_mutex_unlock(&last_);
    refuse();
  }
  CAROM_CHECK_ZERO(pthread_mutex_lock(&first_));
  locked_for_good(&last_);
  locked_for_good(&first_);
}

void RobustChain::add(RobustLink& link) noexcept {
  // A compare-and-exchange, for a signal handler of this thread may do the same meanwhile.
  std::atomic<void*>& head = next_of(entry_of(first_));
  void* next = head.load(std::memory_order_relaxed);
  do {
    link.next.store(next, std::memory_order_release);
  } while (!head.compare_exchange_weak(next, &link, std::memory_order_release));
}

void RobustChain::remove(RobustLink& link) noexcept {
  void* const end = entry_of(last_);
  for (std::atomic<void*>* from = &next_of(entry_of(first_)); from->load(std::memory_order_relaxed) != end;
       from = &next_of(from->load(std::memory_order_relaxed))) {
    if (from->load(std::memory_order_relaxed) != &link) continue;
    from->store(link.next.load(std::memory_order_relaxed), std::memory_order_release);
    return;
  }
}

bool RobustChain::ended() const noexcept {
  return (word_of(last_) & FUTEX_OWNER_DIED) != 0;
}

bool RobustChain::over() const noexcept {
  if (ended()) return true;
  const ThreadIdentity self = this_thread_identity();
  ThreadKey who;
  who.tid = word_of(last_) & FUTEX_TID_MASK;
  who.pid_namespace = self.key.pid_namespace;
  return who.tid != self.key.tid && look_for(who) != Sighting::unknown;
}

bool RobustChain::mine() const noexcept {
  return (word_of(last_) & (FUTEX_TID_MASK | FUTEX_OWNER_DIED)) == thread_id();
}

}  // namespace carom::platform
