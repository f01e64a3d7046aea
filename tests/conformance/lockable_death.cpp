// The owner dies: the next is told, the one after is not, and everybody gets through.
#include <mutex>
#include <optional>
#include <set>

#include "conformance/lockable.hpp"

using carom::Acquisition;
using carom::Release;

template <class L>
class LockableDeath : public testing::Test {
 protected:
  carom::Shared<Board<L>> board_ = make_board<L>();
  L& lock_ = board_->lock;
};
TYPED_TEST_SUITE(LockableDeath, Lockables, LockableNames);

TYPED_TEST(LockableDeath, the_next_owner_is_told_that_the_last_one_died) {
  auto& lock = this->lock_;
  party_that_holds(lock).die();
  EXPECT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_TRUE(lock.owned());
}

TYPED_TEST(LockableDeath, the_owner_after_the_heir_is_not_told) {
  auto& lock = this->lock_;
  party_that_holds(lock).die();
  ASSERT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
  ASSERT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
  EXPECT_FALSE(lock.inherited());
}

TYPED_TEST(LockableDeath, one_try_is_enough_to_inherit) {
  auto& lock = this->lock_;
  party_that_holds(lock).die();
  EXPECT_EQ(lock.acquire(false), Acquisition::acquired_owner_died);
  ASSERT_EQ(lock.release(), Release::released);
  party_that_holds(lock).die();
  EXPECT_TRUE(lock.try_lock());
  EXPECT_TRUE(lock.inherited());
}

TYPED_TEST(LockableDeath, an_heir_that_dies_is_inherited_from_in_turn) {
  auto& lock = this->lock_;
  for (int deaths = 0; deaths < 5; ++deaths) party_that_holds(lock).die();
  EXPECT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(this->board_.segment().takeovers(), 5u);
}

TYPED_TEST(LockableDeath, code_behind_a_guard_learns_of_it_while_it_holds_the_lock) {
  auto& lock = this->lock_;
  EXPECT_FALSE(lock.inherited());
  party_that_holds(lock).die();
  EXPECT_FALSE(lock.inherited());
  {
    const std::scoped_lock hold(lock);
    EXPECT_TRUE(lock.inherited());
  }
  EXPECT_FALSE(lock.inherited());
}

TYPED_TEST(LockableDeath, the_heir_learns_who_died) {
  auto& lock = this->lock_;
  Party holder([&lock] { lock.lock(); }, "the-late");
  holder.wait_until_done();
  holder.die();
  ASSERT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
  const std::optional<carom::Takeover> takeover = carom::last_takeover();
  ASSERT_TRUE(takeover.has_value());
  EXPECT_EQ(takeover->object, &lock);
  EXPECT_EQ(takeover->from.pid, static_cast<std::uint32_t>(holder.pid()));
  EXPECT_EQ(takeover->from.tid, static_cast<std::uint32_t>(holder.tid()));
  EXPECT_EQ(takeover->from.name(), "the-late");
  EXPECT_FALSE(takeover->from.alive);
}

TYPED_TEST(LockableDeath, the_last_takeover_is_the_threads_own_and_the_latest) {
  auto& board = *this->board_;
  party_that_holds(board.lock).die();
  party_that_holds(board.other).die();
  board.lock.lock();
  EXPECT_EQ(carom::last_takeover()->object, &board.lock);
  board.other.lock();
  EXPECT_EQ(carom::last_takeover()->object, &board.other);
  Party bystander([&board] {
    board.go = true;
    return !carom::last_takeover().has_value() || !Party::kIsThread;
  });
  EXPECT_TRUE(bystander.leave());
}

TYPED_TEST(LockableDeath, the_segment_counts_takeovers_and_nothing_else) {
  auto& lock = this->lock_;
  lock.lock();
  lock.unlock();
  party_that_holds(lock).leave();  // ends holding the lock as well, only later and by its own hand
  EXPECT_EQ(this->board_.segment().takeovers(), 0u);
  lock.lock();
  EXPECT_EQ(this->board_.segment().takeovers(), 1u);
  lock.unlock();
  lock.lock();
  EXPECT_EQ(this->board_.segment().takeovers(), 1u);
}

TYPED_TEST(LockableDeath, one_sleeper_of_any_number_is_told_and_all_get_through) {
  auto& board = *this->board_;
  for (const std::size_t crowd : {1u, 8u, 50u}) {
    board.count = 0;
    board.told = 0;
    Party holder = party_that_holds(board.lock);
    std::vector<Party> sleepers;
    for (std::size_t i = 0; i < crowd; ++i) {
      sleepers.emplace_back([&board] {
        const Acquisition outcome = board.lock.acquire();
        if (outcome == Acquisition::acquired_owner_died) ++board.told;
        ++board.count;
        return board.lock.release() == Release::released;
      });
    }
    wait_for_sleepers(board.lock, sleepers, crowd);
    holder.die();
    for (Party& sleeper : sleepers) EXPECT_TRUE(sleeper.leave());
    EXPECT_EQ(board.told, 1);
    EXPECT_EQ(board.count, static_cast<long>(crowd));
  }
}

TYPED_TEST(LockableDeath, a_chain_of_dying_heirs_ends_with_the_first_who_lives) {
  auto& board = *this->board_;
  Party holder = party_that_holds(board.lock);
  std::vector<Party> heirs;
  for (int i = 0; i < 6; ++i) {
    heirs.emplace_back([&board] { return board.lock.acquire() == Acquisition::acquired_owner_died; });
  }
  wait_for_sleepers(board.lock, heirs, 6);
  holder.die();
  std::set<Party*> buried;
  while (buried.size() < heirs.size()) {
    Party* next = nullptr;
    support::wait_until([&] {
      for (Party& heir : heirs) {
        if (heir.done() && !buried.contains(&heir)) next = &heir;
      }
      return next != nullptr;
    });
    EXPECT_TRUE(next->result());
    next->die();
    buried.insert(next);
  }
  EXPECT_EQ(board.lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(this->board_.segment().takeovers(), 7u);
}

TYPED_TEST(LockableDeath, the_sleepers_of_each_of_its_locks_are_told) {
  auto& board = *this->board_;
  Party holder([&board] {
    board.lock.lock();
    board.other.lock();
  });
  holder.wait_until_done();
  std::vector<Party> sleepers;
  for (auto* const lock : {&board.lock, &board.other}) {
    sleepers.emplace_back([lock] { return lock->acquire().kind(); });
    support::wait_until([&] { return lock->waiters() == 1 && sleepers.back().sleeps(); });
  }
  holder.die();
  for (Party& sleeper : sleepers) EXPECT_EQ(sleeper.result(), Acquisition::acquired_owner_died);
}

TYPED_TEST(LockableDeath, an_owner_that_leaves_the_segment_counts_as_dead) {
  auto& lock = this->lock_;
  Party quitter([this, &lock] {
    lock.lock();
    this->board_.segment().leave();
  });
  quitter.wait_until_done();
  EXPECT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
}

TYPED_TEST(LockableDeath, an_owner_that_leaves_the_segment_sends_the_sleepers_of_each_of_its_locks_away) {
  auto& board = *this->board_;
  Party quitter([this, &board] {
    board.lock.lock();
    board.other.lock();
    support::wait_until([&board] { return board.go.load(); });
    this->board_.segment().leave();
  });
  support::wait_until([&board] { return board.other.locked(); });
  std::vector<Party> sleepers;
  for (auto* const lock : {&board.lock, &board.other}) {
    sleepers.emplace_back([lock] { return lock->acquire().kind(); });
    support::wait_until([&] { return lock->waiters() == 1 && sleepers.back().sleeps(); });
  }
  board.go = true;
  for (Party& sleeper : sleepers) EXPECT_EQ(sleeper.result(), Acquisition::acquired_owner_died);
}

TYPED_TEST(LockableDeath, who_left_and_came_back_is_somebody_else) {
  auto& lock = this->lock_;
  lock.lock();
  const std::uint32_t before = lock.owner()->id;
  this->board_.segment().leave();
  EXPECT_FALSE(lock.owned());
  EXPECT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_NE(lock.owner()->id, before);
}

TYPED_TEST(LockableDeath, the_end_of_a_bystander_means_nothing) {
  auto& lock = this->lock_;
  lock.lock();
  std::vector<Party> bystanders;
  bystanders.emplace_back([&lock] { return lock.acquire(std::chrono::milliseconds(1)).kind(); });
  EXPECT_EQ(bystanders[0].result(), Acquisition::timed_out);
  bystanders[0].die();
  EXPECT_TRUE(lock.owned());
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
}
