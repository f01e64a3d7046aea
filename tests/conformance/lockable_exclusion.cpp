// At most one holder at a time, and nobody waits for ever beside a free lock.
#include <sched.h>

#include <mutex>

#include "conformance/lockable.hpp"

using carom::Acquisition;

template <class L>
class LockableExclusion : public testing::Test {
 protected:
  carom::Shared<Board<L>> board_ = make_board<L>();
};
TYPED_TEST_SUITE(LockableExclusion, Lockables, LockableNames);

namespace {

// A read, a write, and now and then a break between them in which only the lock keeps the others out.
void increment(long& count, int round) {
  const long before = count;
  if (round % 64 == 0) sched_yield();
  count = before + 1;
}

template <class L, class Round>
void expect_exact_total(Board<L>& board, Round round) {
  constexpr int kRounds = 3000;
  for (const int crowd : {2, 3, 4, 8}) {
    board.count = 0;
    board.go = false;
    std::vector<Party> parties;
    for (int i = 0; i < crowd; ++i) {
      parties.emplace_back([&board, round] {
        support::wait_until([&board] { return board.go.load(); });
        for (int r = 0; r < kRounds; ++r) round(board, r);
      });
    }
    board.go = true;
    for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
    EXPECT_EQ(board.count, long{kRounds} * crowd) << crowd << " " << Party::kKind;
    EXPECT_FALSE(board.lock.locked());
  }
}

}  // namespace

TYPED_TEST(LockableExclusion, parties_that_wait_for_the_lock_never_meet_inside) {
  expect_exact_total(*this->board_, [](auto& board, int round) {
    const std::scoped_lock hold(board.lock);
    increment(board.count, round);
  });
}

TYPED_TEST(LockableExclusion, parties_that_try_the_lock_never_meet_inside) {
  expect_exact_total(*this->board_, [](auto& board, int round) {
    while (!board.lock.try_lock()) sched_yield();
    increment(board.count, round);
    board.lock.unlock();
  });
}

TYPED_TEST(LockableExclusion, parties_that_give_up_and_come_again_never_meet_inside) {
  expect_exact_total(*this->board_, [](auto& board, int round) {
    while (!board.lock.acquire(std::chrono::microseconds(20))) {
    }
    increment(board.count, round);
    board.lock.unlock();
  });
}

TYPED_TEST(LockableExclusion, every_sleeper_gets_its_turn_after_one_release) {
  auto& board = *this->board_;
  board.lock.lock();
  std::vector<Party> sleepers;
  for (int i = 0; i < 20; ++i) {
    sleepers.emplace_back([&board] {
      const std::scoped_lock hold(board.lock);
      ++board.count;
    });
  }
  wait_for_sleepers(board.lock, sleepers, sleepers.size());
  board.lock.unlock();
  for (Party& sleeper : sleepers) sleeper.leave();
  EXPECT_EQ(board.count, 20);
}

TYPED_TEST(LockableExclusion, what_an_owner_wrote_is_there_for_the_next) {
  struct Pages {
    TypeParam lock;
    long turn = 0;
    long words[512] = {};
  };
  carom::Shared<Pages> pages;
  std::vector<Party> parties;
  for (long me = 0; me < 2; ++me) {
    parties.emplace_back([&pages, me] {
      int torn = 0;
      for (int done = 0; done < 300;) {
        const std::scoped_lock hold(pages->lock);
        if (pages->turn % 2 != me) continue;
        for (const long word : pages->words) torn += word != pages->turn ? 1 : 0;
        ++pages->turn;
        for (long& word : pages->words) word = pages->turn;
        ++done;
      }
      return torn;
    });
  }
  for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
  EXPECT_EQ(pages->turn, 600);
}
