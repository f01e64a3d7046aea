// Who the calling thread is in a segment: after fork, after a raw clone, and after its end.
#include "carom/detail/seat.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <atomic>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "carom/carom.hpp"
#include "memory/mapped_segment.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"

using carom::Acquisition;
using carom::Errc;
using carom::Segment;
using carom::SegmentOptions;
using support::code_of;
using support::ProcessParty;
using support::ThreadParty;

namespace {

SegmentOptions for_two() {
  SegmentOptions options;
  options.participants = 2;
  return options;
}

}  // namespace

TEST(Seat, a_thread_has_one_in_each_segment_it_uses) {
  const Segment one = Segment::anonymous(100);
  const Segment other = Segment::anonymous(100);
  const std::uint32_t id = one.join().id;
  other.join();
  EXPECT_EQ(one.join().id, id);
  EXPECT_EQ(one.participants().size(), 1u);
  EXPECT_EQ(other.participants().size(), 1u);
}

TEST(Seat, every_thread_has_its_own) {
  const Segment segment = Segment::anonymous(100);
  const std::uint32_t mine = segment.join().id;
  ThreadParty other([&] { return segment.join().id; });
  EXPECT_NE(static_cast<std::uint32_t>(other.result()), mine);
  EXPECT_EQ(segment.participants().size(), 2u);
}

TEST(Seat, the_end_of_a_thread_frees_it) {
  const Segment segment = Segment::anonymous(100, for_two());
  segment.join();
  std::set<std::uint32_t> ids;
  for (int i = 0; i < 50; ++i) {
    std::thread([&] { ids.insert(segment.join().id); }).join();
  }
  EXPECT_EQ(ids.size(), 50u);
  EXPECT_EQ(segment.participants().size(), 1u);
}

TEST(Seat, it_can_be_given_back_and_taken_again) {
  const Segment segment = Segment::anonymous(100);
  segment.leave();  // from nowhere: nothing happens
  const std::uint32_t before = segment.join().id;
  segment.leave();
  EXPECT_TRUE(segment.participants().empty());
  EXPECT_NE(segment.join().id, before);
}

TEST(Seat, a_forked_child_has_another) {
  const Segment segment = Segment::anonymous(100);
  const std::uint32_t parents = segment.join().id;
  ProcessParty child([&] {
    const std::uint32_t own = segment.join().id;
    return own != parents && segment.join().id == own;
  });
  EXPECT_EQ(child.leave(), 1);
  EXPECT_EQ(segment.join().id, parents);
}

TEST(Seat, a_child_forked_by_a_child_has_yet_another) {
  const Segment segment = Segment::anonymous(100);
  const std::uint32_t mine = segment.join().id;
  ProcessParty child([&] {
    const std::uint32_t childs = segment.join().id;
    ProcessParty grandchild([&] { return segment.join().id; });
    const auto grandchilds = static_cast<std::uint32_t>(grandchild.leave());
    return grandchilds != childs && grandchilds != mine && childs != mine;
  });
  EXPECT_EQ(child.leave(), 1);
}

TEST(Seat, a_child_that_takes_none_leaves_its_parents_alone) {
  const Segment segment = Segment::anonymous(100);
  const std::uint32_t mine = segment.join().id;
  ProcessParty child([] {});
  EXPECT_EQ(child.leave(), 0);
  ASSERT_EQ(segment.participants().size(), 1u);
  EXPECT_EQ(segment.participants()[0].id, mine);
  EXPECT_TRUE(segment.participants()[0].alive);
}

TEST(Seat, a_raw_clone_gets_none_and_owns_nothing) {
  const carom::Shared<carom::RLock> lock;
  lock->lock();
  const auto child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (child == 0) {
    int wrong = 0;
    if (code_of([&] { return lock.segment().join(); }) != Errc::unknown_thread) wrong |= 1;
    if (code_of([&] { return lock->acquire(); }) != Errc::unknown_thread) wrong |= 2;
    if (code_of([&] { lock->unlock(); }) != Errc::unknown_thread) wrong |= 4;
    _exit(wrong);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(lock->depth(), 1u);
  EXPECT_TRUE(lock->owned());
}

TEST(Seat, a_raw_clone_keeps_no_promise_of_its_parent) {
  const carom::Shared<carom::Latch> latch(std::in_place, 2);
  latch->promise(2);
  ASSERT_EQ(latch->promised().size(), 1u);
  const auto child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (child == 0) {
    latch->count_down(2);  // all that was promised, but not by this one
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(latch->promised().size(), 1u) << "the child took its parent's promise back";
}

TEST(Seat, a_raw_clone_that_never_had_one_in_the_segment_gets_none_either) {
  const carom::Shared<carom::Lock> lock;
  const auto child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (child == 0) _exit(code_of([&] { return lock->acquire(); }) == Errc::unknown_thread ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(lock->acquire(), Acquisition::acquired);
}

TEST(Seat, a_lock_can_be_used_in_the_destructors_of_a_thread) {
  static const carom::Shared<carom::Lock>* lock = nullptr;
  struct LocksAtTheEnd {
    ~LocksAtTheEnd() {
      (*lock)->lock();
      (*lock)->unlock();
    }
  };
  const carom::Shared<carom::Lock> shared;
  lock = &shared;
  std::thread([] {
    static thread_local LocksAtTheEnd early;  // destroyed after the seat, which is younger
    static_cast<void>(early);
    (*lock)->lock();
    (*lock)->unlock();
  }).join();
  EXPECT_FALSE(shared->locked());
  support::wait_until([&] { return shared.segment().participants().empty(); });
}

TEST(Seat, the_death_of_a_thread_is_known_in_more_segments_than_the_kernel_follows) {
  constexpr std::size_t kSegments = 2200;
  std::vector<carom::Shared<carom::Lock>> locks;
  for (std::size_t i = 0; i < kSegments; ++i)
    locks.push_back(carom::Shared<carom::Lock>::anonymous(for_two()));
  ProcessParty holder([&locks] {
    for (const auto& lock : locks) lock->lock();
    return 1;
  });
  EXPECT_EQ(holder.result(), 1);
  holder.die();
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}, kSegments / 2, kSegments - 1}) {
    EXPECT_EQ(ThreadParty([&, i] { return locks[i]->acquire().kind(); }).leave(),
              Acquisition::acquired_owner_died)
        << i;
  }
}

TEST(Seat, a_thread_that_uses_segments_which_others_close_keeps_the_memory_of_none_but_the_last) {
  std::atomic<const carom::Shared<carom::Lock>*> job{nullptr};
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    while (!stop) {
      if (const auto* lock = job.load()) {
        std::scoped_lock hold(**lock);
        job = nullptr;
      }
      std::this_thread::yield();
    }
  });
  const void* first = nullptr;
  for (int i = 0; i < 1100; ++i) {
    const carom::Shared<carom::Lock> lock;
    if (i == 0) first = lock.get();
    job = &lock;
    support::wait_until([&] { return job == nullptr; });
  }
  EXPECT_EQ(carom::memory::MappedSegment::containing(first), nullptr);
  stop = true;
  worker.join();
}

TEST(Seat, a_release_in_a_thread_specific_destructor_is_an_ordinary_release) {
  static const carom::Shared<carom::Lock>* lock = nullptr;
  const carom::Shared<carom::Lock> shared;
  lock = &shared;
  pthread_key_t key;
  ASSERT_EQ(pthread_key_create(&key,
                               [](void*) {
                                 EXPECT_TRUE((*lock)->owned());
                                 EXPECT_EQ((*lock)->release(), carom::Release::released);
                               }),
            0);
  std::thread([&] {
    (*lock)->lock();
    pthread_setspecific(key, &key);
  }).join();
  EXPECT_EQ(shared->acquire(), Acquisition::acquired);
  pthread_key_delete(key);
}

TEST(Seat, a_child_of_the_bare_fork_that_exits_leaves_its_parents_lock_alone) {
  static carom::Shared<carom::Lock>* const shared = new carom::Shared<carom::Lock>;
  (*shared)->lock();
  const pid_t child = _Fork();
  if (child == 0) {
    delete shared;  // the last handle of this process
    _exit(0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE((*shared)->owned());
  EXPECT_TRUE((*shared)->owner()->alive);
  ProcessParty other([&] { return (*shared)->acquire(std::chrono::milliseconds(100)).kind(); });
  EXPECT_EQ(other.leave(), Acquisition::timed_out);
}

TEST(Seat, a_child_of_the_bare_fork_has_one_of_its_own) {
  const carom::Shared<carom::Lock> lock;
  const std::uint32_t parents = lock.segment().join().id;
  const pid_t child = _Fork();
  if (child == 0) _exit(lock.segment().join().id != parents && lock->acquire() ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(lock->acquire(), Acquisition::acquired_owner_died);
}
