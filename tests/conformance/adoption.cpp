// What a thread holds goes over to the child that it forks, without a gap: for programs that become daemons.
#include <gtest/gtest.h>

#include "carom/carom.hpp"
#include "support/plain.hpp"

using namespace carom;
using namespace std::chrono_literals;
using support::Forked;

namespace {

struct Board {
  Lock lock;
  RLock rlock;
  FifoLock fifo;
  BoundedSemaphore permit{1};
  Event adopted;
  Event over;
};

template <class L>
class Adoption : public testing::Test {
 protected:
  L& of(Board& all) {
    if constexpr (std::is_same_v<L, Lock>) return all.lock;
    if constexpr (std::is_same_v<L, RLock>) return all.rlock;
    if constexpr (std::is_same_v<L, FifoLock>) return all.fifo;
    if constexpr (std::is_same_v<L, BoundedSemaphore>) return all.permit;
  }
  bool another_gets_it() {
    return Forked([&] { _exit(of(*board).acquire(100ms) ? 1 : 0); }).wait() == 1;
  }
  Shared<Board> board;
};
using Held = testing::Types<Lock, RLock, FifoLock, BoundedSemaphore>;
TYPED_TEST_SUITE(Adoption, Held);

}  // namespace

TYPED_TEST(Adoption, is_without_a_gap_and_ends_with_the_child) {
  Board& all = *this->board;
  TypeParam& held = this->of(all);
  support::Plain<std::atomic<pid_t>> daemon;
  Forked front([&] {
    if (!held.acquire(0s)) _exit(1);
    const pid_t child = fork();
    if (child == 0) {
      if (!held.adopt()) _exit(2);
      all.adopted.set();
      all.over.wait();
      _exit(held.release() == Release::released ? 0 : 3);
    }
    *daemon = child;
    all.adopted.wait();
  });
  ASSERT_EQ(front.wait(), 0);
  EXPECT_FALSE(this->another_gets_it());
  ::kill(*daemon, SIGKILL);
  EXPECT_EQ(held.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(held.release(), Release::released);
  EXPECT_TRUE(this->another_gets_it());
}

TYPED_TEST(Adoption, goes_on_from_child_to_child) {
  Board& all = *this->board;
  TypeParam& held = this->of(all);
  support::Plain<std::atomic<pid_t>> daemon;
  Forked front([&] {
    if (!held.acquire(0s)) _exit(1);
    Forked middle([&] {
      if (!held.adopt()) _exit(2);
      const pid_t child = fork();
      if (child == 0) {
        if (!held.adopt()) _exit(3);
        all.adopted.set();
        all.over.wait();
        _exit(4);
      }
      *daemon = child;
      all.adopted.wait();
    });
    _exit(middle.wait());
  });
  ASSERT_EQ(front.wait(), 0);
  EXPECT_FALSE(this->another_gets_it());
  ::kill(*daemon, SIGKILL);
  EXPECT_EQ(held.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(held.release(), Release::released);
  EXPECT_TRUE(this->another_gets_it());
}

TYPED_TEST(Adoption, is_refused_to_those_who_were_not_forked_by_the_holder) {
  TypeParam& held = this->of(*this->board);
  EXPECT_FALSE(held.adopt()) << "nobody holds it";
  ASSERT_TRUE(held.acquire());
  EXPECT_FALSE(held.adopt()) << "a thread cannot adopt from itself";
  EXPECT_EQ(Forked([&] {
              Forked grandchild([&] { _exit(held.adopt() ? 1 : 0); });
              _exit(grandchild.wait());
            }).wait(),
            0);
  EXPECT_EQ(held.release(), Release::released);
}
