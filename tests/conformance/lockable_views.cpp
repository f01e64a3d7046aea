// What can be seen of a lock from outside: held or not, by whom, and who waits.
#include <set>

#include "conformance/lockable.hpp"

using carom::Acquisition;
using carom::Participant;
using carom::Release;

template <class L>
class LockableViews : public testing::Test {
 protected:
  carom::Shared<Board<L>> board_ = make_board<L>();
  L& lock_ = board_->lock;
};
TYPED_TEST_SUITE(LockableViews, Lockables, LockableNames);

TYPED_TEST(LockableViews, a_new_lock_is_free_and_nobodys) {
  EXPECT_FALSE(this->lock_.locked());
  EXPECT_FALSE(this->lock_.owned());
  EXPECT_FALSE(this->lock_.inherited());
  EXPECT_FALSE(this->lock_.owner().has_value());
  EXPECT_EQ(this->lock_.waiters(), 0u);
  EXPECT_TRUE(this->lock_.waiting().empty());
}

TYPED_TEST(LockableViews, a_held_lock_is_locked_for_all_and_owned_by_one) {
  auto& lock = this->lock_;
  lock.lock();
  EXPECT_TRUE(lock.locked());
  EXPECT_TRUE(lock.owned());
  Party onlooker([&lock] { return lock.locked() && !lock.owned(); });
  EXPECT_TRUE(onlooker.leave());
  lock.unlock();
  EXPECT_FALSE(lock.owned());
}

TYPED_TEST(LockableViews, the_owner_is_told_by_pid_tid_and_name) {
  auto& lock = this->lock_;
  Party holder([&lock] { lock.lock(); }, "the-holder");
  holder.wait_until_done();
  const std::optional<Participant> owner = lock.owner();
  ASSERT_TRUE(owner.has_value());
  EXPECT_EQ(owner->pid, static_cast<std::uint32_t>(holder.pid()));
  EXPECT_EQ(owner->tid, static_cast<std::uint32_t>(holder.tid()));
  EXPECT_EQ(owner->name(), "the-holder");
  EXPECT_TRUE(owner->alive);
  EXPECT_NE(owner->start_time, 0u);
  EXPECT_NE(owner->pid_namespace, 0u);
}

TYPED_TEST(LockableViews, a_dead_owner_stays_the_owner_until_somebody_takes_over) {
  auto& lock = this->lock_;
  Party holder = party_that_holds(lock);
  const auto tid = static_cast<std::uint32_t>(holder.tid());
  holder.die();
  EXPECT_TRUE(lock.locked());
  ASSERT_TRUE(lock.owner().has_value());
  EXPECT_EQ(lock.owner()->tid, tid);
  EXPECT_FALSE(lock.owner()->alive);
  lock.lock();
  EXPECT_TRUE(lock.owner()->alive);
  EXPECT_TRUE(lock.owned());
}

TYPED_TEST(LockableViews, sleepers_are_counted_and_named) {
  auto& lock = this->lock_;
  lock.lock();
  std::vector<Party> sleepers;
  for (int i = 0; i < 3; ++i) {
    sleepers.emplace_back([&lock] {
      lock.lock();
      lock.unlock();
    });
  }
  wait_for_sleepers(lock, sleepers, 3);
  std::set<std::uint32_t> waiting;
  for (const Participant& participant : lock.waiting()) waiting.insert(participant.tid);
  std::set<std::uint32_t> expected;
  for (const Party& sleeper : sleepers) expected.insert(static_cast<std::uint32_t>(sleeper.tid()));
  EXPECT_EQ(waiting, expected);
  EXPECT_EQ(this->board_->other.waiters(), 0u);
  lock.unlock();
  for (Party& sleeper : sleepers) sleeper.leave();
  EXPECT_EQ(lock.waiters(), 0u);
}

TYPED_TEST(LockableViews, who_gave_up_does_not_wait_any_more) {
  auto& lock = this->lock_;
  Party holder = party_that_holds(lock);
  EXPECT_EQ(lock.acquire(std::chrono::milliseconds(20)), Acquisition::timed_out);
  EXPECT_EQ(lock.waiters(), 0u);
}

TYPED_TEST(LockableViews, everybody_who_used_the_segment_is_a_participant) {
  auto& lock = this->lock_;
  lock.lock();
  lock.unlock();
  EXPECT_EQ(this->board_.segment().participants().size(), 1u);
  Party other([&lock] {
    lock.lock();
    lock.unlock();
  });
  other.wait_until_done();
  EXPECT_EQ(this->board_.segment().participants().size(), 2u);
  other.die();
  EXPECT_EQ(this->board_.segment().participants().size(), 1u);
}
