// Ends of which the kernel's mark tells nobody, or tells late: the dead are known by their identity all the same, and what
// they had goes on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include "carom/carom.hpp"
#include "support/namespaces.hpp"
#include "support/plain.hpp"
#include "support/printing.hpp"
#include "support/segments.hpp"

using namespace carom;
using namespace std::chrono_literals;
using support::Forked;
using support::Name;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

template <class L>
struct Board {
  L held;
  std::atomic<int> phase{0};  ///< raised by the victim
};

/// To be held, of each kind.
template <class L>
class SecondWitness : public testing::Test {
 protected:
  using Holder = Board<L>;

  static void holds(Holder& all) {
    if (!all.held.acquire(0s)) _exit(1);
    all.phase = 1;
  }
  static void until_held(const Holder& all) {
    support::wait_until([&] { return all.phase == 1; });
  }
  /// The next owner gets it, and is told.
  static void expect_inherited(Holder& all) {
    EXPECT_EQ(all.held.acquire(), Acquisition::acquired_owner_died);
    EXPECT_EQ(all.held.release(), Release::released);
    EXPECT_FALSE(all.held.locked());
  }
};
using Held = testing::Types<Lock, RLock, FifoLock, SharedLock, BoundedSemaphore>;
TYPED_TEST_SUITE(SecondWitness, Held);

/// A mutex of the kind that the kernel marks.
pthread_mutex_t* make_robust(void* at) {
  auto* const mutex = static_cast<pthread_mutex_t*>(at);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
  return mutex;
}

void* pages(std::size_t bytes) {
  return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

}  // namespace

TYPED_TEST(SecondWitness, sees_a_thread_whose_program_was_replaced_by_another_thread) {
  const Shared<Board<TypeParam>> all;
  Forked victim([&] {
    std::thread([&] {
      this->holds(*all);
      execl("/bin/sleep", "sleep", "1000", nullptr);
      _exit(2);
    }).join();
  });
  this->until_held(*all);
  this->expect_inherited(*all);
  EXPECT_EQ(kill(victim.pid(), 0), 0) << "the process lives on, as another program";
}

TYPED_TEST(SecondWitness, sees_a_main_thread_whose_program_was_replaced_by_another_thread) {
  const Shared<Board<TypeParam>> all;
  Forked victim([&] {
    this->holds(*all);
    std::thread([] {
      execl("/bin/sleep", "sleep", "1000", nullptr);
      _exit(2);
    }).join();
  });
  this->until_held(*all);
  this->expect_inherited(*all);
  EXPECT_EQ(kill(victim.pid(), 0), 0) << "under the number that the holder had";
}

TYPED_TEST(SecondWitness, sees_who_has_locked_more_mutexes_than_the_kernel_follows) {
  const Shared<Board<TypeParam>> all;
  Forked victim([&] {
    this->holds(*all);
    constexpr std::size_t kMutexes = 3000;
    auto* const at = static_cast<pthread_mutex_t*>(pages(kMutexes * sizeof(pthread_mutex_t)));
    for (std::size_t i = 0; i < kMutexes; ++i) pthread_mutex_lock(make_robust(at + i));
    raise(SIGKILL);
  });
  this->until_held(*all);
  this->expect_inherited(*all);
  EXPECT_EQ(victim.wait(), -SIGKILL);
}

TYPED_TEST(SecondWitness, sees_who_had_unmapped_a_mutex_that_it_had_locked) {
  const Shared<Board<TypeParam>> all;
  Forked victim([&] {
    this->holds(*all);
    void* const page = pages(4096);
    pthread_mutex_lock(make_robust(page));
    munmap(page, 4096);
    raise(SIGKILL);
  });
  this->until_held(*all);
  this->expect_inherited(*all);
  EXPECT_EQ(victim.wait(), -SIGKILL);
}

TYPED_TEST(SecondWitness, sees_who_used_another_segment_that_was_cut_off) {
  const Shared<Board<TypeParam>> all;
  const Name name;
  Forked victim([&] {
    this->holds(*all);
    const Segment cut_off = Segment::create(name, 100);
    cut_off.join();
    if (truncate(name.path().c_str(), 0) != 0) _exit(2);
    raise(SIGKILL);
  });
  this->until_held(*all);
  this->expect_inherited(*all);
  EXPECT_EQ(victim.wait(), -SIGKILL);
}

TYPED_TEST(SecondWitness, sees_that_nobody_of_a_copied_file_is_there) {
  const Name name;
  const Name copy("copy");
  const auto all = Shared<Board<TypeParam>>::create(name, {});
  Forked victim([&] {
    this->holds(*all);
    pause();
  });
  this->until_held(*all);
  std::filesystem::copy_file(name.path(), copy.path());
  const auto copied = Shared<Board<TypeParam>>::open(copy);
  this->expect_inherited(*copied);
  EXPECT_FALSE(all->held.acquire(100ms)) << "in the first file it is there";
}

TYPED_TEST(SecondWitness, sees_who_is_writing_its_memory_to_a_file) {
  const rlimit no_limit{RLIM_INFINITY, RLIM_INFINITY};
  Forked trial([&] { _exit(setrlimit(RLIMIT_CORE, &no_limit) == 0 ? 0 : 1); });
  if (trial.wait() != 0) GTEST_SKIP() << "this user's memory may not be written to files";
  char folder[] = "/tmp/carom-core-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const Shared<Board<TypeParam>> all;
  Forked victim([&] {
    setrlimit(RLIMIT_CORE, &no_limit);
    if (chdir(folder) != 0) _exit(2);
    constexpr std::size_t kMuch = std::size_t{kSanitized ? 1 : 4} << 28;
    void* const much = pages(kMuch);
    std::memset(much, 1, kMuch);
    this->holds(*all);
    raise(SIGABRT);
  });
  this->until_held(*all);
  this->expect_inherited(*all);
  // The rest of its end takes a second or so, for nobody but the kernel.
  EXPECT_EQ(waitpid(victim.pid(), nullptr, WNOHANG), 0) << "it was not known before its memory was written";
  victim.signal(SIGKILL);
  EXPECT_LT(victim.wait(), 0);
  std::filesystem::remove_all(folder);
}

TYPED_TEST(SecondWitness, sees_nothing_in_a_process_of_another_pid_namespace) {
  if (!support::can_enter_namespaces(CLONE_NEWPID)) GTEST_SKIP() << "takes the right to make namespaces";
  const Shared<Board<TypeParam>> all;
  support::FirstProcess inside([&] {
    this->holds(*all);
    while (all->phase == 1) usleep(1000);
    _exit(all->held.release() == Release::released ? 0 : 1);
  });
  this->until_held(*all);
  EXPECT_FALSE(all->held.acquire(300ms)) << "it lives, under a number that is somebody else's here";
  all->phase = 2;
  EXPECT_EQ(all->held.acquire(), Acquisition::acquired);
}

TEST(SecondWitnessReaders, a_writer_gets_past_a_reader_that_ended_unmarked) {
  const Shared<Board<SharedLock>> all;
  Forked victim([&] {
    std::thread([&] {
      static_cast<void>(all->held.acquire_shared());
      all->phase = 1;
      execl("/bin/sleep", "sleep", "1000", nullptr);
    }).join();
  });
  support::wait_until([&] { return all->phase == 1; });
  EXPECT_TRUE(all->held.acquire());
}

TEST(SecondWitnessParties, a_barrier_breaks_for_one_that_ended_unmarked) {
  struct Meeting {
    Barrier barrier{3};
    std::atomic<int> phase{0};
  };
  const Shared<Meeting> all;
  Forked victim([&] {
    std::thread([&] {
      std::thread([&] {
        support::wait_until([&] { return all->barrier.n_waiting() != 0; });
        execl("/bin/sleep", "sleep", "1000", nullptr);
      }).detach();
      static_cast<void>(all->barrier.wait());
    }).join();
  });
  support::wait_until([&] { return all->barrier.n_waiting() == 1; });
  try {
    all->barrier.wait();
    FAIL() << "the third never came";
  } catch (const BrokenBarrierError& e) {
    EXPECT_EQ(e.why(), BarrierBreak::party_died);
  }
}

TEST(SecondWitnessParties, a_promise_of_one_that_ended_unmarked_is_broken) {
  struct Start {
    Latch latch{1};
    std::atomic<int> phase{0};
  };
  const Shared<Start> all;
  Forked victim([&] {
    std::thread([&] {
      all->latch.promise();
      all->phase = 1;
      execl("/bin/sleep", "sleep", "1000", nullptr);
    }).join();
  });
  support::wait_until([&] { return all->phase == 1; });
  EXPECT_EQ(all->latch.wait(), LatchWait::forsaken);
}
