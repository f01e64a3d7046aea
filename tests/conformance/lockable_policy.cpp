// The other two answers to an owner's death: refuse, and ignore.
#include "conformance/lockable.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Errc;
using carom::OwnerDeath;
using carom::Release;
using support::code_of;

template <class L>
class LockableRefuse : public testing::Test {
 protected:
  carom::Shared<Board<L>> board_ = make_board<L>(OwnerDeath::refuse);
  L& lock_ = board_->lock;
};
TYPED_TEST_SUITE(LockableRefuse, Lockables, LockableNames);

template <class L>
class LockableIgnore : public testing::Test {
 protected:
  carom::Shared<Board<L>> board_ = make_board<L>(OwnerDeath::ignore);
  L& lock_ = board_->lock;
};
TYPED_TEST_SUITE(LockableIgnore, Lockables, LockableNames);

TYPED_TEST(LockableRefuse, among_the_living_it_is_a_lock_like_any_other) {
  auto& lock = this->lock_;
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
  EXPECT_EQ(lock.release(), Release::released);
  Party holder = party_that_holds(lock);
  EXPECT_EQ(lock.acquire(1ms), Acquisition::timed_out);
}

TYPED_TEST(LockableRefuse, a_release_wakes_whoever_sleeps) {
  auto& lock = this->lock_;
  lock.lock();
  std::vector<Party> sleepers;
  sleepers.emplace_back([&lock] { return lock.acquire().kind(); });
  wait_for_sleepers(lock, sleepers, 1);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_EQ(sleepers[0].leave(), Acquisition::acquired);
}

TYPED_TEST(LockableRefuse, every_way_to_acquire_is_refused_once_the_owner_died) {
  auto& lock = this->lock_;
  party_that_holds(lock).die();
  EXPECT_EQ(lock.acquire(), Acquisition::refused_owner_died);
  EXPECT_EQ(lock.acquire(false), Acquisition::refused_owner_died);
  EXPECT_EQ(lock.acquire(1h), Acquisition::refused_owner_died);
  EXPECT_FALSE(lock.acquire());
  EXPECT_TRUE(lock.acquire().owner_died());
  EXPECT_EQ(code_of([&] { lock.lock(); }), Errc::owner_died);
  EXPECT_EQ(code_of([&] { return lock.try_lock(); }), Errc::owner_died);
  EXPECT_EQ(code_of([&] { return lock.try_lock_for(1h); }), Errc::owner_died);
  EXPECT_EQ(code_of([&] { return lock.try_lock_until(std::chrono::steady_clock::now()); }), Errc::owner_died);
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.owned());
  EXPECT_EQ(this->board_.segment().takeovers(), 0u);
}

TYPED_TEST(LockableRefuse, nobody_releases_it_behind_the_back_of_the_dead) {
  auto& lock = this->lock_;
  party_that_holds(lock).die();
  const Release refused =
      std::is_same_v<TypeParam, carom::RLock> ? Release::not_owner : Release::refused_owner_died;
  const Errc reason = std::is_same_v<TypeParam, carom::RLock> ? Errc::not_owner : Errc::owner_died;
  EXPECT_EQ(lock.release(), refused);
  EXPECT_EQ(code_of([&] { lock.unlock(); }), reason);
  EXPECT_EQ(lock.acquire(), Acquisition::refused_owner_died);
}

TYPED_TEST(LockableRefuse, declared_consistent_it_is_free_and_nobody_is_told) {
  auto& lock = this->lock_;
  party_that_holds(lock).die();
  EXPECT_TRUE(lock.make_consistent());
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(lock.make_consistent());
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
  EXPECT_FALSE(lock.inherited());
}

TYPED_TEST(LockableRefuse, there_is_nothing_to_declare_while_no_owner_is_dead) {
  auto& lock = this->lock_;
  EXPECT_FALSE(lock.make_consistent());
  lock.lock();
  EXPECT_FALSE(lock.make_consistent());
  EXPECT_TRUE(lock.owned());
  Party other([&lock] { return lock.make_consistent(); });
  EXPECT_FALSE(other.leave());
  EXPECT_EQ(lock.release(), Release::released);
}

TYPED_TEST(LockableRefuse, all_sleepers_come_back_refused) {
  auto& lock = this->lock_;
  Party holder = party_that_holds(lock);
  std::vector<Party> sleepers;
  for (int i = 0; i < 8; ++i) {
    sleepers.emplace_back([&lock] { return lock.acquire().kind(); });
  }
  wait_for_sleepers(lock, sleepers, 8);
  holder.die();
  for (Party& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), Acquisition::refused_owner_died);
}

TYPED_TEST(LockableIgnore, a_dead_owner_holds_it_until_the_deadline) {
  auto& lock = this->lock_;
  party_that_holds(lock).die();
  EXPECT_EQ(lock.acquire(false), Acquisition::timed_out);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(lock.acquire(120ms), Acquisition::timed_out);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 120ms);
  EXPECT_TRUE(lock.locked());
  EXPECT_EQ(this->board_.segment().takeovers(), 0u);
}

TYPED_TEST(LockableIgnore, a_sleeper_sleeps_on_through_the_death_and_gets_it_when_it_is_freed) {
  auto& lock = this->lock_;
  Party holder = party_that_holds(lock);
  std::vector<Party> sleepers;
  sleepers.emplace_back([&lock] { return lock.acquire().kind(); });
  wait_for_sleepers(lock, sleepers, 1);
  holder.die();
  wait_for_sleepers(lock, sleepers, 1);
  EXPECT_FALSE(sleepers[0].done());
  if constexpr (std::is_same_v<TypeParam, carom::Lock>) {
    EXPECT_EQ(lock.release(), Release::released);
  } else {
    EXPECT_TRUE(lock.make_consistent());
  }
  EXPECT_EQ(sleepers[0].leave(), Acquisition::acquired);
}
