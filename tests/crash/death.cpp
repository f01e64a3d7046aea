// The rows of the DEATH tables, one test each, of the same name: a process is killed at that step, and what the table
// says of those who are left is seen to happen.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <regex>
#include <string>
#include <string_view>

#include "carom/carom.hpp"
#include "crash/death.hpp"

namespace {

using namespace carom;
using crash::dies_at;
using crash::DiesAt;
using support::Forked;
using support::sleeps;
using support::wait_until;

constexpr std::size_t kSeats = 4;

struct Board {
  Lock lock;
  RLock rlock;
};

class Death : public testing::Test {
 protected:
  /// The lock is as if nothing had happened, and nobody is told of anything.
  template <class L>
  void expect_in_order(L& lock) {
    EXPECT_EQ(lock.acquire(), Acquisition::acquired);
    EXPECT_FALSE(lock.inherited());
    EXPECT_EQ(lock.release(), Release::released);
    EXPECT_FALSE(lock.locked());
  }

  /// The next is told, and only the next.
  template <class L>
  void expect_told_once(L& lock) {
    EXPECT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
    EXPECT_TRUE(lock.inherited());
    EXPECT_EQ(lock.release(), Release::released);
    expect_in_order(lock);
  }

  /// No seat is lost: as many as there are can be taken at one time.
  void expect_all_seats_free() {
    board.segment().leave();
    EXPECT_EQ(board.segment().participants().size(), 0u);
    std::vector<Forked> others;
    support::Plain<std::atomic<std::size_t>> joined;
    for (std::size_t i = 0; i < kSeats; ++i) {
      others.emplace_back([&] {
        board.segment().join();
        ++*joined;
        pause();
      });
    }
    wait_until([&] { return *joined == kSeats; });
    EXPECT_EQ(board.segment().participants().size(), kSeats);
  }

  Shared<Board> board = Shared<Board>::create(support::unique_name("death"), {.participants = kSeats});
  ~Death() override { Segment::remove(board.segment().name()); }
};

class LockDeath : public Death {
 protected:
  void expect_the_sleeper_gets_it_after_death_at(const char* step) {
    support::Plain<std::atomic<bool>> release;
    support::Plain<std::atomic<bool>> held;
    DiesAt owner(step, [&] {
      board->lock.lock();
      *held = true;
      wait_until([&] { return release->load(); });
      board->lock.unlock();
    });
    wait_until([&] { return held->load(); });
    Forked sleeper([&] {
      if (board->lock.acquire() != Acquisition::acquired) _exit(1);
      board->lock.unlock();
    });
    wait_until([&] { return board->lock.waiters() == 1 && sleeps(sleeper.pid()); });
    *release = true;
    owner.wait();
    EXPECT_EQ(sleeper.wait(), 0) << "the sleeper was told of a death though the owner had released";
    expect_in_order(board->lock);
  }
};
class RosterDeath : public Death {
 protected:
  /// A holder of the lock dies, and the kernel marks nothing: it follows 2,048 robust mutexes, and more were locked since.
  void holder_dies_unmarked() {
    Forked holder([&] {
      board->lock.lock();
      pthread_mutexattr_t robust;
      pthread_mutexattr_init(&robust);
      pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
      static pthread_mutex_t many[2100];
      for (pthread_mutex_t& one : many) {
        pthread_mutex_init(&one, &robust);
        pthread_mutex_lock(&one);
      }
    });
    ASSERT_EQ(holder.wait(), 0);
    ASSERT_TRUE(board->lock.owner()->alive) << "the kernel has marked it after all";
  }
};
class SegmentDeath : public Death {};

TEST_F(LockDeath, lock_taken) {
  dies_at("lock_taken", [&] { board->lock.lock(); });
  expect_told_once(board->lock);
}

TEST_F(LockDeath, lock_adopted) {
  Forked owner([&] {
    board->lock.lock();
    dies_at("lock_adopted", [&] { board->lock.adopt(); });
  });
  EXPECT_EQ(owner.wait(), 0);
  expect_told_once(board->lock);
}

TEST_F(LockDeath, lock_marked) {
  board->lock.lock();
  dies_at("lock_marked", [&] { board->lock.lock(); });
  EXPECT_EQ(board->lock.waiters(), 0u);
  board->lock.unlock();
  expect_in_order(board->lock);
}

TEST_F(LockDeath, about_to_sleep) {
  board->lock.lock();
  dies_at("about_to_sleep", [&] { board->lock.lock(); });
  EXPECT_EQ(board->lock.waiters(), 0u);
  board->lock.unlock();
  expect_in_order(board->lock);
}

TEST_F(LockDeath, lock_resting) {
  board->lock.lock();
  support::Plain<std::atomic<bool>> release;
  Forked next([&] {
    if (board->lock.acquire() != Acquisition::acquired) _exit(1);
    wait_until([&] { return release->load(); });
    board->lock.unlock();
  });
  wait_until([&] { return board->lock.waiters() == 1 && sleeps(next.pid()); });
  crash::HaltsAt refused("about_to_sleep", [&] {
    detail::at_step = [](const char* name) noexcept {
      crash::halt_there(name);
      if (std::string_view(name) == "lock_resting") raise(SIGKILL);
    };
    board->lock.lock();
  });
  refused.wait_until_there();
  board->lock.unlock();
  wait_until([&] {
    const std::optional<Participant> owner = board->lock.owner();
    return owner && owner->pid == static_cast<std::uint32_t>(next.pid());
  });
  Forked sleeper([&] {
    if (board->lock.acquire() != Acquisition::acquired) _exit(1);
    board->lock.unlock();
  });
  wait_until([&] { return board->lock.waiters() == 2 && sleeps(sleeper.pid()); });
  refused.let_go();
  EXPECT_EQ(refused.wait(), -SIGKILL) << "it has not rested";
  *release = true;
  EXPECT_EQ(next.wait(), 0);
  EXPECT_EQ(sleeper.wait(), 0);
  EXPECT_EQ(board->lock.waiters(), 0u);
  expect_in_order(board->lock);
}

TEST_F(LockDeath, woken) {
  board->lock.lock();
  DiesAt first("woken", [&] { board->lock.lock(); });
  wait_until([&] { return board->lock.waiters() == 1 && sleeps(first.pid()); });
  Forked second([&] {
    if (board->lock.acquire() != Acquisition::acquired) _exit(1);
    board->lock.unlock();
  });
  wait_until([&] { return board->lock.waiters() == 2 && sleeps(second.pid()); });
  board->lock.unlock();
  first.wait();
  EXPECT_EQ(second.wait(), 0) << "the second was told of a death that concerned no owner";
  expect_in_order(board->lock);
}

TEST_F(LockDeath, lock_taken_over) {
  dies_at("lock_taken", [&] { board->lock.lock(); });
  dies_at("lock_taken_over", [&] { board->lock.lock(); });
  expect_told_once(board->lock);
}

TEST_F(LockDeath, lock_released) {
  expect_the_sleeper_gets_it_after_death_at("lock_released");
}

TEST_F(LockDeath, lock_kept) {
  expect_the_sleeper_gets_it_after_death_at("lock_kept");
}

TEST_F(LockDeath, who_comes_after_a_lock_was_kept_for_the_dead_gets_it) {
  support::Plain<std::atomic<bool>> held;
  DiesAt sleeper("woken", [&] {
    wait_until([&] { return held->load(); });
    board->lock.lock();
  });
  Forked owner([&] {
    board->lock.lock();
    *held = true;
    wait_until([&] { return board->lock.waiters() == 1 && sleeps(sleeper.pid()); });
    board->lock.unlock();
  });
  sleeper.wait();
  EXPECT_EQ(owner.wait(), 0);
  EXPECT_EQ(board->lock.acquire(), Acquisition::acquired);
  board->lock.unlock();
  expect_in_order(board->lock);
}

TEST_F(LockDeath, lock_handed_over) {
  dies_at("lock_handed_over", [&] {
    board->lock.lock();
    board->lock.hand_over();
  });
  EXPECT_EQ(board->lock.acquire(false), Acquisition::timed_out);
  EXPECT_TRUE(board->lock.locked());
  EXPECT_EQ(board->lock.release(), Release::released);
  expect_in_order(board->lock);
}

TEST_F(LockDeath, rlock_deepened) {
  dies_at("rlock_deepened", [&] {
    board->rlock.lock();
    board->rlock.lock();
  });
  EXPECT_EQ(board->rlock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(board->rlock.depth(), 1u);
  EXPECT_EQ(board->rlock.release(), Release::released);
  expect_in_order(board->rlock);
}

TEST_F(LockDeath, rlock_released) {
  dies_at("rlock_released", [&] {
    board->rlock.lock();
    board->rlock.unlock();
  });
  EXPECT_EQ(board->rlock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(board->rlock.depth(), 1u);
  EXPECT_EQ(board->rlock.release(), Release::released);
  expect_in_order(board->rlock);
}

// Not a step of ours, but a child that shares the parent's memory and then becomes another program.
TEST_F(RosterDeath, vfork_and_exec_leave_the_parent_what_it_holds) {
  ASSERT_EQ(board->lock.acquire(), Acquisition::acquired);
  const pid_t child = vfork();
  if (child == 0) {
    execl("/bin/true", "true", static_cast<char*>(nullptr));
    _exit(127);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_TRUE(board->lock.owned());
  Forked other([&] { _exit(board->lock.acquire(false) ? 1 : 0); });
  EXPECT_EQ(other.wait(), 0) << "the lock was taken from an owner that lives";
  EXPECT_EQ(board->lock.release(), Release::released);
  expect_in_order(board->lock);
}

TEST_F(RosterDeath, slot_claimed) {
  dies_at("slot_claimed", [&] { board->lock.lock(); });
  expect_in_order(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, life_claimed) {
  dies_at("life_claimed", [&] { board->lock.lock(); });
  expect_in_order(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, life_linked) {
  dies_at("life_linked", [&] { board->lock.lock(); });
  expect_in_order(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, seated) {
  dies_at("seated", [&] { board->lock.lock(); });
  expect_in_order(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, estate_settled) {
  dies_at("estate_settled", [&] { board->lock.lock(); });
  expect_in_order(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, generation_raised) {
  dies_at("generation_raised", [&] { board->lock.lock(); });
  expect_in_order(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, introduced) {
  dies_at("introduced", [&] { board->lock.lock(); });
  expect_in_order(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, id_published) {
  dies_at("id_published", [&] { board->lock.lock(); });
  expect_in_order(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, id_withdrawn) {
  dies_at("id_withdrawn", [&] {
    board->lock.lock();
    board.segment().leave();
  });
  expect_told_once(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, waiters_sent_away) {
  dies_at("waiters_sent_away", [&] {
    board->lock.lock();
    board.segment().leave();
  });
  expect_told_once(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, life_unlinked) {
  dies_at("life_unlinked", [&] {
    board->lock.lock();
    board.segment().leave();
  });
  expect_told_once(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, life_vacated) {
  dies_at("life_vacated", [&] {
    board->lock.lock();
    board.segment().leave();
  });
  expect_told_once(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, witness_asked) {
  holder_dies_unmarked();
  dies_at("witness_asked", [&] { board->lock.lock(); });
  EXPECT_TRUE(board->lock.owner()->alive) << "the one that asked died before it could say what it saw";
  expect_told_once(board->lock);
  expect_all_seats_free();
}

TEST_F(RosterDeath, death_declared) {
  holder_dies_unmarked();
  dies_at("death_declared", [&] { board->lock.lock(); });
  EXPECT_FALSE(board->lock.owner()->alive);
  expect_told_once(board->lock);
  expect_all_seats_free();
}

TEST_F(SegmentDeath, segment_filled) {
  const std::string name = support::unique_name("filled");
  dies_at("segment_filled", [&] { Shared<Board>::create(name, {}); });
  EXPECT_THROW(Shared<Board>::open(name), Error);
  expect_in_order(Shared<Board>::create(name, {})->lock);
  EXPECT_TRUE(Segment::remove(name));
}

TEST_F(SegmentDeath, segment_published) {
  const std::string name = support::unique_name("published");
  dies_at("segment_published", [&] { Shared<Board>::create(name, {}); });
  expect_in_order(Shared<Board>::open(name)->lock);
  EXPECT_TRUE(Segment::remove(name));
}

// The tables and the tests above name the same steps.
void expect_a_test_for_each_row(const std::string& header, const std::string& suite) {
  std::ifstream file(std::string(CAROM_SOURCE_DIR) + "/" + header);
  ASSERT_TRUE(file) << header;
  const std::regex row("^//   ([a-z_]+)  +[a-z0-9].*");
  bool in_table = false;
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("// DEATH")) {
      in_table = true;
    } else if (line == "//") {
      in_table = false;
    }
    std::smatch found;
    if (!in_table || !std::regex_match(line, found, row)) continue;
    ++rows;
    bool tested = false;
    const auto& all = *testing::UnitTest::GetInstance();
    for (int i = 0; i < all.total_test_suite_count(); ++i) {
      const auto& candidate = *all.GetTestSuite(i);
      for (int j = 0; candidate.name() == suite && j < candidate.total_test_count(); ++j) {
        tested = tested || candidate.GetTestInfo(j)->name() == found[1].str();
      }
    }
    EXPECT_TRUE(tested) << "no test named " << suite << "." << found[1] << " for that row of " << header;
  }
  EXPECT_GT(rows, 0) << "no DEATH table found in " << header;
}

TEST(DeathTables, each_row_has_a_test_of_the_same_name) {
  expect_a_test_for_each_row("include/carom/detail/lock_word.hpp", "LockDeath");
  expect_a_test_for_each_row("include/carom/detail/fifo_word.hpp", "FifoDeath");
  expect_a_test_for_each_row("src/memory/roster.hpp", "RosterDeath");
  expect_a_test_for_each_row("src/memory/layout.hpp", "SegmentDeath");
  expect_a_test_for_each_row("include/carom/detail/permit_word.hpp", "PermitDeath");
  expect_a_test_for_each_row("include/carom/detail/shared_word.hpp", "SharedDeath");
  expect_a_test_for_each_row("include/carom/detail/barrier_word.hpp", "BarrierDeath");
  expect_a_test_for_each_row("include/carom/detail/latch_word.hpp", "LatchDeath");
  expect_a_test_for_each_row("include/carom/detail/event_word.hpp", "EventDeath");
  expect_a_test_for_each_row("src/memory/turn_word.hpp", "TurnDeath");
}

}  // namespace
