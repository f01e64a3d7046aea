// Sleepers are woken by what they wait for. The bounded re-check would hide it if they were not, so these rounds
// are so many that waiting for the re-check in each would outlast the watchdog.
#include "conformance/lockable.hpp"
#include "memory/waiting.hpp"

using carom::Acquisition;

template <class L>
class LockableWakes : public testing::Test {
 protected:
  static constexpr int kRounds = 1500;
  static_assert(kRounds * carom::memory::kRecheck > std::chrono::seconds(70),
                "the watchdog waits 60 seconds");

  carom::Shared<Board<L>> board_ = make_board<L>();
};
TYPED_TEST_SUITE(LockableWakes, Lockables, LockableNames);

TYPED_TEST(LockableWakes, a_release_wakes_whoever_sleeps) {
  auto& lock = this->board_->lock;
  for (int round = 0; round < this->kRounds; ++round) {
    lock.lock();
    Party sleeper([&lock] {
      return lock.acquire() == Acquisition::acquired && lock.release() == carom::Release::released;
    });
    support::wait_until([&] { return lock.waiters() == 1 && sleeper.sleeps(); });
    lock.unlock();
    ASSERT_TRUE(sleeper.leave());
  }
}

TYPED_TEST(LockableWakes, a_death_wakes_whoever_sleeps) {
  auto& lock = this->board_->lock;
  for (int round = 0; round < this->kRounds; ++round) {
    Party holder = party_that_holds(lock);
    Party heir([&lock] {
      const Acquisition outcome = lock.acquire();
      lock.unlock();
      return outcome.kind();
    });
    support::wait_until([&] { return lock.waiters() == 1 && heir.sleeps(); });
    holder.die();
    ASSERT_EQ(heir.leave(), Acquisition::acquired_owner_died);
  }
}
