// Where the kernel cannot watch a word and lives at once, a death is noticed all the same.
#include <mutex>

#include "conformance/lockable.hpp"
#include "support/old_kernel.hpp"

using carom::Acquisition;

template <class L>
class LockableOldKernel : public testing::Test {
 protected:
  support::OldKernel kernel_;
  carom::Shared<Board<L>> board_ = make_board<L>();
};
TYPED_TEST_SUITE(LockableOldKernel, Lockables, LockableNames);

TYPED_TEST(LockableOldKernel, one_sleeper_is_told_and_all_get_through) {
  auto& board = *this->board_;
  Party holder = party_that_holds(board.lock);
  std::vector<Party> sleepers;
  for (int i = 0; i < 8; ++i) {
    sleepers.emplace_back([&board] {
      if (board.lock.acquire() == Acquisition::acquired_owner_died) ++board.told;
      ++board.count;
      board.lock.unlock();
    });
  }
  support::wait_until([&board] { return board.lock.waiters() == 8; });
  holder.die();
  for (Party& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), 0);
  EXPECT_EQ(board.told, 1);
  EXPECT_EQ(board.count, 8);
}

TYPED_TEST(LockableOldKernel, a_release_wakes_a_sleeper_and_a_deadline_is_kept) {
  using namespace std::chrono_literals;
  auto& board = *this->board_;
  Party holder = party_that_holds(board.lock);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(board.lock.acquire(30ms), Acquisition::timed_out);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
  holder.die();
  const std::scoped_lock hold(board.lock);
  std::vector<Party> sleepers;
  sleepers.emplace_back([&board] { return board.lock.acquire().kind(); });
  support::wait_until([&board] { return board.lock.waiters() == 1; });
}

TYPED_TEST(LockableOldKernel, parties_never_meet_inside) {
  auto& board = *this->board_;
  std::vector<Party> parties;
  for (int i = 0; i < 4; ++i) {
    parties.emplace_back([&board] {
      for (int r = 0; r < 2000; ++r) {
        const std::scoped_lock hold(board.lock);
        ++board.count;
      }
    });
  }
  for (Party& party : parties) party.leave();
  EXPECT_EQ(board.count, 8000);
}
