// What sets Lock and FifoLock apart: anyone may release it, and its owner may hand it over.
#include "conformance/lockable.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Errc;
using carom::FifoLock;
using carom::Lock;
using carom::Release;
using support::code_of;

template <class L>
class LockRelease : public testing::Test {
 protected:
  carom::Shared<Board<L>> board_ = make_board<L>();
  L& lock_ = board_->lock;
};
using Releasables = testing::Types<Lock, FifoLock>;
TYPED_TEST_SUITE(LockRelease, Releasables, LockableNames);

TYPED_TEST(LockRelease, releasing_what_nobody_holds_is_reported) {
  EXPECT_EQ(this->lock_.release(), Release::not_held);
  EXPECT_EQ(code_of([&] { this->lock_.unlock(); }), Errc::not_held);
  EXPECT_EQ(this->lock_.acquire(), Acquisition::acquired);
}

TYPED_TEST(LockRelease, it_cannot_be_acquired_twice_by_one_thread) {
  this->lock_.lock();
  EXPECT_EQ(this->lock_.acquire(false), Acquisition::timed_out);
  EXPECT_EQ(this->lock_.acquire(10ms), Acquisition::timed_out);
  EXPECT_TRUE(this->lock_.owned());
}

TYPED_TEST(LockRelease, another_party_may_release_it) {
  TypeParam& lock = this->lock_;
  lock.lock();
  Party other([&lock] { return lock.release() == Release::released; });
  EXPECT_TRUE(other.leave());
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(lock.owned());
  EXPECT_EQ(lock.release(), Release::not_held);
}

TYPED_TEST(LockRelease, ownership_follows_the_word_and_not_the_caller) {
  TypeParam& lock = this->lock_;
  lock.lock();
  Party other([&lock] {
    lock.unlock();
    lock.lock();
    return lock.owned();
  });
  EXPECT_TRUE(other.result());
  EXPECT_FALSE(lock.owned());
  EXPECT_EQ(lock.owner()->tid, static_cast<std::uint32_t>(other.tid()));
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
}

TYPED_TEST(LockRelease, the_end_of_one_whose_lock_was_released_for_it_means_nothing) {
  TypeParam& lock = this->lock_;
  Party holder = party_that_holds(lock);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
  holder.die();
  EXPECT_TRUE(lock.owned());
  EXPECT_EQ(this->board_.segment().takeovers(), 0u);
}

TYPED_TEST(LockRelease, a_release_by_another_wakes_a_sleeper) {
  TypeParam& lock = this->lock_;
  Party holder = party_that_holds(lock);
  std::vector<Party> sleepers;
  sleepers.emplace_back([&lock] { return lock.acquire().kind(); });
  wait_for_sleepers(lock, sleepers, 1);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(sleepers[0].leave(), Acquisition::acquired);
}

TYPED_TEST(LockRelease, handed_over_it_is_locked_and_nobodys) {
  TypeParam& lock = this->lock_;
  lock.lock();
  EXPECT_TRUE(lock.hand_over());
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.owned());
  EXPECT_FALSE(lock.owner().has_value());
  EXPECT_EQ(lock.acquire(1ms), Acquisition::timed_out);
}

TYPED_TEST(LockRelease, the_end_of_one_who_handed_it_over_means_nothing) {
  TypeParam& lock = this->lock_;
  Party giver([&lock] {
    lock.lock();
    return lock.hand_over();
  });
  EXPECT_TRUE(giver.result());
  giver.die();
  EXPECT_EQ(lock.acquire(120ms), Acquisition::timed_out);
  EXPECT_FALSE(lock.make_consistent());
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
  EXPECT_EQ(this->board_.segment().takeovers(), 0u);
}

TYPED_TEST(LockRelease, a_sleeper_sleeps_on_while_it_is_handed_over) {
  TypeParam& lock = this->lock_;
  auto& board = *this->board_;
  Party giver([&board] {
    board.lock.lock();
    support::wait_until([&board] { return board.go.load(); });
    return board.lock.hand_over();
  });
  support::wait_until([&lock] { return lock.locked(); });
  std::vector<Party> sleepers;
  sleepers.emplace_back([&lock] { return lock.acquire().kind(); });
  wait_for_sleepers(lock, sleepers, 1);
  board.go = true;
  EXPECT_TRUE(giver.result());
  giver.die();
  wait_for_sleepers(lock, sleepers, 1);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(sleepers[0].leave(), Acquisition::acquired);
}

TYPED_TEST(LockRelease, any_party_may_release_what_was_handed_over) {
  TypeParam& lock = this->lock_;
  lock.lock();
  ASSERT_TRUE(lock.hand_over());
  Party other([&lock] { return lock.release() == Release::released; });
  EXPECT_TRUE(other.leave());
  EXPECT_FALSE(lock.locked());
}

TYPED_TEST(LockRelease, only_the_owner_hands_it_over) {
  TypeParam& lock = this->lock_;
  EXPECT_FALSE(lock.hand_over());
  Party holder = party_that_holds(lock);
  EXPECT_FALSE(lock.hand_over());
  EXPECT_EQ(lock.owner()->tid, static_cast<std::uint32_t>(holder.tid()));
}

TYPED_TEST(LockRelease, what_was_taken_over_from_the_dead_stays_marked_when_handed_over) {
  TypeParam& lock = this->lock_;
  party_that_holds(lock).die();
  ASSERT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
  ASSERT_TRUE(lock.hand_over());
  EXPECT_TRUE(lock.inherited());
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_FALSE(lock.inherited());
}

TYPED_TEST(LockRelease, with_owner_death_ignored_it_serves_as_a_signal) {
  carom::Shared<Board<Lock>> board = make_board<Lock>(carom::OwnerDeath::ignore);
  party_that_holds(board->lock).die();
  std::vector<Party> listeners;
  listeners.emplace_back([&board] { return board->lock.acquire().kind(); });
  wait_for_sleepers(board->lock, listeners, 1);
  EXPECT_EQ(board->lock.release(), Release::released);
  EXPECT_EQ(listeners[0].leave(), Acquisition::acquired);
}
