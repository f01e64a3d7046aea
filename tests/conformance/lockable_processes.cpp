// The ways in which a process, as opposed to a thread, can end or multiply while it holds a lock.
#include <sys/syscall.h>

#include <cstdlib>
#include <mutex>
#include <string_view>

#include "conformance/lockable.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Release;
using support::wait_until;

namespace {

char state_of(pid_t pid) {
  char text[512] = "";
  std::FILE* const file = std::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
  if (file == nullptr) return '?';
  const std::size_t length = std::fread(text, 1, sizeof text - 1, file);
  std::fclose(file);
  const std::size_t name_end = std::string_view(text, length).rfind(')');
  return name_end == std::string_view::npos ? '?' : text[name_end + 2];
}

}  // namespace

template <class L>
class LockableProcesses : public testing::Test {
 protected:
  carom::Shared<Board<L>> board_ = make_board<L>();
  L& lock_ = board_->lock;
};
TYPED_TEST_SUITE(LockableProcesses, Lockables, LockableNames);

TYPED_TEST(LockableProcesses, a_holder_that_calls_exit_has_died) {
  using Leave = void (*)(int);
  for (const Leave leave : {Leave(_exit), Leave(std::quick_exit)}) {
    Party holder([this, leave] {
      this->lock_.lock();
      leave(0);
    });
    wait_until([this] { return this->lock_.locked(); });
    EXPECT_EQ(this->lock_.acquire(), Acquisition::acquired_owner_died);
    EXPECT_EQ(this->lock_.release(), Release::released);
  }
}

TYPED_TEST(LockableProcesses, a_holder_that_runs_another_program_in_its_place_has_died) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  support::Forked holder([&] {
    this->lock_.lock();
    dup2(ends[0], STDIN_FILENO);  // of a pipe that says nothing: the program lives until it is killed
    close(ends[1]);
    execlp("cat", "cat", nullptr);
  });
  wait_until([this] { return this->lock_.locked(); });
  EXPECT_EQ(this->lock_.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(kill(holder.pid(), 0), 0);
  EXPECT_NE(state_of(holder.pid()), 'Z');
}

TYPED_TEST(LockableProcesses, a_holder_that_runs_another_program_beside_itself_lives) {
  this->lock_.lock();
  EXPECT_EQ(std::system("true"), 0);
  EXPECT_TRUE(this->lock_.owned());
  Party other([this] { return this->lock_.acquire(false).kind(); });
  EXPECT_EQ(other.leave(), Acquisition::timed_out);
}

TYPED_TEST(LockableProcesses, a_holder_that_crashes_has_died) {
  for (const int crash : {SIGABRT, SIGSEGV, SIGTERM}) {
    support::Forked holder([this, crash] {
      signal(crash, SIG_DFL);
      this->lock_.lock();
      raise(crash);
    });
    wait_until([this] { return this->lock_.locked(); });
    EXPECT_EQ(this->lock_.acquire(), Acquisition::acquired_owner_died);
    EXPECT_EQ(this->lock_.release(), Release::released);
    EXPECT_EQ(holder.wait(), -crash);
  }
}

TYPED_TEST(LockableProcesses, a_stopped_holder_lives_until_it_is_killed) {
  Party holder = party_that_holds(this->lock_);
  holder.signal(SIGSTOP);
  wait_until([&] { return state_of(holder.pid()) == 'T'; });
  EXPECT_EQ(this->lock_.acquire(120ms), Acquisition::timed_out);
  holder.signal(SIGKILL);
  EXPECT_EQ(this->lock_.acquire(), Acquisition::acquired_owner_died);
}

TYPED_TEST(LockableProcesses, a_zombie_is_dead) {
  support::Forked holder([this] { this->lock_.lock(); });
  wait_until([&] { return state_of(holder.pid()) == 'Z'; });
  EXPECT_EQ(kill(holder.pid(), 0), 0);
  EXPECT_EQ(this->lock_.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(state_of(holder.pid()), 'Z');
}

TYPED_TEST(LockableProcesses, a_sleeper_inherits_from_a_zombie) {
  auto& board = *this->board_;
  support::Forked holder([&board] {
    board.lock.lock();
    wait_until([&board] { return board.go.load(); });
  });
  wait_until([&board] { return board.lock.locked(); });
  std::vector<Party> sleepers;
  sleepers.emplace_back([&board] { return board.lock.acquire().kind(); });
  wait_for_sleepers(board.lock, sleepers, 1);
  board.go = true;
  EXPECT_EQ(sleepers[0].result(), Acquisition::acquired_owner_died);
  wait_until([&] { return state_of(holder.pid()) == 'Z'; });
}

TYPED_TEST(LockableProcesses, sleepers_that_die_hold_nobody_up) {
  auto& board = *this->board_;
  board.lock.lock();
  std::vector<Party> sleepers;
  for (int i = 0; i < 8; ++i) {
    sleepers.emplace_back([&board] {
      const std::scoped_lock hold(board.lock);
      ++board.count;
    });
  }
  wait_for_sleepers(board.lock, sleepers, 8);
  for (std::size_t i = 0; i < 8; i += 2) sleepers[i].die();
  support::wait_until([&board] { return board.lock.waiters() == 4; });
  board.lock.unlock();
  for (std::size_t i = 1; i < 8; i += 2) EXPECT_EQ(sleepers[i].leave(), 0);
  EXPECT_EQ(board.count, 4);
}

TYPED_TEST(LockableProcesses, a_forked_child_holds_nothing_that_its_parent_holds) {
  auto& lock = this->lock_;
  lock.lock();
  Party child([&lock] {
    int wrong = 0;
    if (lock.owned()) wrong |= 1;
    if (!lock.locked()) wrong |= 2;
    if (lock.acquire(1ms) != Acquisition::timed_out) wrong |= 4;
    if constexpr (std::is_same_v<TypeParam, carom::RLock>) {
      if (lock.release() != Release::not_owner) wrong |= 8;
    } else {
      if (lock.hand_over()) wrong |= 8;
    }
    return wrong;
  });
  EXPECT_EQ(child.leave(), 0);
  EXPECT_TRUE(lock.owned());
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_FALSE(lock.inherited());
}

TYPED_TEST(LockableProcesses, a_raw_clone_owns_nothing_and_is_turned_away) {
  auto& lock = this->lock_;
  lock.lock();
  const auto child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (child == 0) {  // no C library beyond what the calls below need
    using support::code_of;
    const bool wrong = code_of([&] { return lock.owned(); }) != carom::Errc::unknown_thread ||
                       code_of([&] { return lock.acquire(); }) != carom::Errc::unknown_thread;
    _exit(wrong ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(lock.owned());
  EXPECT_EQ(lock.release(), Release::released);
}

TYPED_TEST(LockableProcesses, each_of_3000_locks_of_one_victim_is_recovered_and_told) {
  constexpr int kMany = 3000;
  struct Locks {
    TypeParam locks[kMany];
  };
  carom::Shared<Locks> many;
  Party holder([&many] {
    for (auto& lock : many->locks) lock.lock();
  });
  holder.wait_until_done();
  holder.die();
  for (auto& lock : many->locks) {
    ASSERT_EQ(lock.acquire(false), Acquisition::acquired_owner_died);
    ASSERT_EQ(lock.release(), Release::released);
    ASSERT_EQ(lock.acquire(false), Acquisition::acquired);
  }
  EXPECT_EQ(many.segment().takeovers(), static_cast<std::uint64_t>(kMany));
}

TYPED_TEST(LockableProcesses, a_million_locks_fit_into_one_segment) {
  struct Locks {
    TypeParam locks[1'000'000];
  };
  carom::Shared<Locks> many;
  Party holder([&many] {
    for (auto& lock : many->locks) lock.lock();
  });
  holder.wait_until_done();
  long held = 0;
  for (auto& lock : many->locks) held += lock.acquire(false) == Acquisition::timed_out ? 1 : 0;
  EXPECT_EQ(held, 1'000'000);
  holder.die();
  long told = 0;
  for (auto& lock : many->locks) told += lock.acquire() == Acquisition::acquired_owner_died ? 1 : 0;
  EXPECT_EQ(told, 1'000'000);
}

TYPED_TEST(LockableProcesses, a_grandchild_inherits_from_a_grandparent) {
  auto& board = *this->board_;
  support::Forked grandparent([&board] {
    board.lock.lock();
    const support::Forked parent([&board] {
      if (fork() == 0) {
        if (board.lock.acquire() == Acquisition::acquired_owner_died) ++board.told;
        board.seen = true;
        _exit(0);
      }
    });
    wait_until([&board] { return board.go.load(); });
    _exit(0);
  });
  wait_until([&board] { return board.lock.waiters() == 1; });
  board.go = true;
  wait_until([&board] { return board.seen.load(); });
  EXPECT_EQ(board.told, 1);
}
