// What sets RLock apart: its owner may acquire it again, and only its owner releases it.
#include <mutex>

#include "conformance/lockable.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Deadline;
using carom::Errc;
using carom::Release;
using carom::RLock;
using support::code_of;

// Typed for the sake of the name alone, which tells the two programs apart.
template <class L>
class RLockDepth : public testing::Test {
 protected:
  carom::Shared<Board<L>> board_ = make_board<L>();
  L& lock_ = board_->lock;
};
TYPED_TEST_SUITE(RLockDepth, testing::Types<RLock>, LockableNames);

TYPED_TEST(RLockDepth, it_is_free_only_when_released_as_often_as_acquired) {
  RLock& lock = this->lock_;
  EXPECT_EQ(lock.depth(), 0u);
  for (std::uint32_t depth = 1; depth <= 5; ++depth) {
    ASSERT_EQ(lock.acquire(), Acquisition::acquired);
    EXPECT_EQ(lock.depth(), depth);
  }
  for (std::uint32_t depth = 5; depth > 0; --depth) {
    EXPECT_TRUE(lock.owned());
    EXPECT_EQ(lock.depth(), depth);
    Party other([&lock] { return lock.acquire(false).kind(); });
    EXPECT_EQ(other.leave(), Acquisition::timed_out);
    ASSERT_EQ(lock.release(), Release::released);
  }
  EXPECT_FALSE(lock.locked());
  EXPECT_EQ(lock.depth(), 0u);
}

TYPED_TEST(RLockDepth, the_owner_acquires_it_again_in_every_spelling) {
  RLock& lock = this->lock_;
  lock.lock();
  EXPECT_EQ(lock.acquire(false), Acquisition::acquired);
  EXPECT_EQ(lock.acquire(Deadline::passed()), Acquisition::acquired);
  EXPECT_TRUE(lock.try_lock());
  EXPECT_TRUE(lock.try_lock_for(-1s));
  const std::scoped_lock hold(lock);
  EXPECT_EQ(lock.depth(), 6u);
}

TYPED_TEST(RLockDepth, who_does_not_own_it_cannot_release_it) {
  RLock& lock = this->lock_;
  EXPECT_EQ(lock.release(), Release::not_owner);
  EXPECT_EQ(code_of([&] { lock.unlock(); }), Errc::not_owner);
  lock.lock();
  Party other([&lock] { return lock.release() == Release::not_owner; });
  EXPECT_TRUE(other.leave());
  EXPECT_EQ(lock.depth(), 1u);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(lock.release(), Release::not_owner);
}

TYPED_TEST(RLockDepth, a_dead_owners_depth_is_not_the_heirs) {
  RLock& lock = this->lock_;
  Party holder([&lock] {
    for (int i = 0; i < 7; ++i) lock.lock();
  });
  holder.wait_until_done();
  EXPECT_EQ(lock.depth(), 7u);
  holder.die();
  ASSERT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(lock.depth(), 1u);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_FALSE(lock.locked());
}

TYPED_TEST(RLockDepth, the_heir_is_told_once_however_deep_it_goes) {
  RLock& lock = this->lock_;
  party_that_holds(lock).die();
  ASSERT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_TRUE(lock.inherited());
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_FALSE(lock.inherited());
}

TYPED_TEST(RLockDepth, a_sleeper_gets_it_only_after_the_last_release) {
  RLock& lock = this->lock_;
  lock.lock();
  lock.lock();
  std::vector<Party> sleepers;
  sleepers.emplace_back([&lock] {
    const Acquisition outcome = lock.acquire();
    return outcome == Acquisition::acquired ? lock.depth() : 0;
  });
  wait_for_sleepers(lock, sleepers, 1);
  lock.unlock();
  wait_for_sleepers(lock, sleepers, 1);
  EXPECT_FALSE(sleepers[0].done());
  lock.unlock();
  EXPECT_EQ(sleepers[0].leave(), 1);
}

TYPED_TEST(RLockDepth, acquiring_it_more_often_than_it_can_count_throws) {
  RLock& lock = this->lock_;
  lock.lock();
  auto* const depth = reinterpret_cast<std::atomic<std::uint32_t>*>(&lock) + 2;  // tests/layout holds it
  ASSERT_EQ(*depth, 1u);
  *depth = RLock::kMaxDepth - 1;
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
  EXPECT_EQ(code_of([&] { return lock.acquire(); }), Errc::too_deep);
  EXPECT_EQ(lock.depth(), RLock::kMaxDepth);
}
