// What sets FifoLock apart: the order.
#include <signal.h>

#include <mutex>

#include "conformance/lockable.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::FifoLock;
using carom::Release;

template <class L>
class FifoOrder : public testing::Test {
 protected:
  struct Line {
    FifoLock lock;
    std::atomic<int> served{0};
  };

  /// A party that has queued behind all that came before, and says as which it was served.
  Party queue() {
    const std::size_t before = lock.waiters();
    Party party([&line = *line] {
      const Acquisition outcome = line.lock.acquire();
      const int turn = ++line.served;
      static_cast<void>(line.lock.release());
      return turn + (outcome.owner_died() ? 100 : 0);
    });
    support::wait_until([&] { return lock.waiters() == before + 1 && party.sleeps(); });
    return party;
  }

  carom::Shared<Line> line;
  FifoLock& lock = line->lock;
};
TYPED_TEST_SUITE(FifoOrder, testing::Types<FifoLock>, LockableNames);

TYPED_TEST(FifoOrder, those_who_wait_are_served_in_the_order_in_which_they_came) {
  constexpr int kParties = 8;
  this->lock.lock();
  std::vector<Party> parties;
  for (int i = 0; i < kParties; ++i) parties.push_back(this->queue());
  this->lock.unlock();
  for (int i = 0; i < kParties; ++i) EXPECT_EQ(parties[static_cast<std::size_t>(i)].leave(), i + 1);
  EXPECT_FALSE(this->lock.locked());
}

TYPED_TEST(FifoOrder, who_gives_it_back_and_wants_it_again_queues) {
  this->lock.lock();
  Party first = this->queue();
  Party second = this->queue();
  this->lock.unlock();
  std::scoped_lock again(this->lock);
  EXPECT_EQ(this->line->served, 2);
  EXPECT_EQ(first.leave(), 1);
  EXPECT_EQ(second.leave(), 2);
}

TYPED_TEST(FifoOrder, one_try_never_passes_anybody) {
  this->lock.lock();
  Party first = this->queue();
  kill(first.tid(), SIGSTOP);
  this->lock.unlock();
  EXPECT_FALSE(this->lock.locked()) << "the first in line is stopped";
  EXPECT_FALSE(this->lock.try_lock());
  EXPECT_EQ(this->lock.acquire(false), Acquisition::timed_out);
  EXPECT_EQ(this->lock.acquire(20ms), Acquisition::timed_out);
  kill(first.tid(), SIGCONT);
  EXPECT_EQ(first.leave(), 1);
  EXPECT_TRUE(this->lock.try_lock());
}

TYPED_TEST(FifoOrder, one_that_gives_up_is_passed_over) {
  this->lock.lock();
  Party impatient([&lock = this->lock] { return lock.acquire(100ms).kind(); });
  support::wait_until([&] { return this->lock.waiters() == 1; });
  Party patient = this->queue();
  EXPECT_EQ(impatient.leave(), Acquisition::timed_out);
  this->lock.unlock();
  EXPECT_EQ(patient.leave(), 1);
}

TYPED_TEST(FifoOrder, one_that_dies_is_passed_over_and_nobody_told_of_it) {
  this->lock.lock();
  Party first = this->queue();
  Party second = this->queue();
  Party third = this->queue();
  first.die();
  second.die();
  this->lock.unlock();
  EXPECT_EQ(third.leave(), 1);
  EXPECT_FALSE(this->lock.locked());
}

TYPED_TEST(FifoOrder, an_owner_that_dies_is_inherited_by_the_first_in_line_and_only_by_it) {
  Party owner = party_that_holds(this->lock);
  Party first = this->queue();
  Party second = this->queue();
  Party third = this->queue();
  owner.die();
  EXPECT_EQ(first.leave(), 101);
  EXPECT_EQ(second.leave(), 2);
  EXPECT_EQ(third.leave(), 3);
}

TYPED_TEST(FifoOrder, a_first_in_line_that_dies_when_it_is_to_have_it_holds_up_nobody) {
  this->lock.lock();
  Party first = this->queue();
  Party second = this->queue();
  Party third = this->queue();
  kill(first.tid(), SIGSTOP);
  this->lock.unlock();
  EXPECT_EQ(this->line->served, 0);
  first.die();
  EXPECT_EQ(second.leave(), 1);
  EXPECT_EQ(third.leave(), 2);
}

TYPED_TEST(FifoOrder, one_that_gives_up_while_it_is_to_have_it_passes_it_on) {
  // Over and over, so that the deadline passes at every instant of the hand-over.
  for (int round = 0; round < 300; ++round) {
    this->lock.lock();
    Party impatient([&lock = this->lock, round] {
      const bool held = static_cast<bool>(lock.acquire(std::chrono::microseconds(300 + round)));
      return held ? lock.release() == Release::released : true;
    });
    support::wait_until([&] { return this->lock.waiters() == 1 || impatient.done(); });
    Party patient([&lock = this->lock] {
      return lock.acquire() == Acquisition::acquired && lock.release() == Release::released;
    });
    this->lock.unlock();
    ASSERT_TRUE(impatient.leave());
    ASSERT_TRUE(patient.leave());
    ASSERT_FALSE(this->lock.locked());
  }
}

TYPED_TEST(FifoOrder, released_by_a_stranger_it_goes_to_the_first_in_line) {
  Party owner = party_that_holds(this->lock);
  Party first = this->queue();
  Party second = this->queue();
  EXPECT_EQ(this->lock.release(), Release::released);
  EXPECT_EQ(first.leave(), 1);
  EXPECT_EQ(second.leave(), 2);
}

TYPED_TEST(FifoOrder, many_that_come_and_go_hold_it_one_at_a_time_and_all_get_it) {
  constexpr int kParties = 4;
  constexpr int kTimes = 2000;
  std::vector<Party> parties;
  struct Tally {
    FifoLock lock;
    long count = 0;  // deliberately no atomic
  };
  const carom::Shared<Tally> tally;
  for (int i = 0; i < kParties; ++i) {
    parties.emplace_back([&tally = *tally] {
      for (int time = 0; time < kTimes; ++time) {
        std::scoped_lock hold(tally.lock);
        ++tally.count;
      }
    });
  }
  for (Party& party : parties) party.leave();
  EXPECT_EQ(tally->count, long{kParties} * kTimes);
}
