// Parties that see different pids: in containers that share memory, everybody may be pid 1.
#include <sched.h>

#include <mutex>

#include "conformance/lockable.hpp"
#include "support/namespaces.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Release;
using support::FirstProcess;
using support::wait_until;

template <class L>
class PidNamespaces : public testing::Test {
 protected:
  void SetUp() override {
    if (!support::can_enter_namespaces(CLONE_NEWPID)) GTEST_SKIP() << "this user may make no pid namespace";
  }

  struct Meeting {
    L lock;
    long count = 0;
    std::atomic<int> here{0};
    std::atomic<int> wrong{0};
    std::atomic<bool> go{false};
    std::atomic<bool> inherited{false};
  };
  carom::Shared<Meeting> meeting_;
};
TYPED_TEST_SUITE(PidNamespaces, Lockables, LockableNames);

TYPED_TEST(PidNamespaces, two_processes_with_the_same_pid_never_meet_inside) {
  auto& meeting = *this->meeting_;
  constexpr int kRounds = 5000;
  const auto contend = [&meeting] {
    if (getpid() != 1) ++meeting.wrong;
    ++meeting.here;
    wait_until([&meeting] { return meeting.here == 2; });
    for (int i = 0; i < kRounds; ++i) {
      const std::scoped_lock hold(meeting.lock);
      const long before = meeting.count;
      if (i % 64 == 0) sched_yield();
      meeting.count = before + 1;
    }
  };
  FirstProcess one(contend);
  FirstProcess other(contend);
  EXPECT_EQ(one.wait(), 0);
  EXPECT_EQ(other.wait(), 0);
  EXPECT_EQ(meeting.wrong, 0);
  EXPECT_EQ(meeting.count, 2 * kRounds);
}

TYPED_TEST(PidNamespaces, what_one_pid_1_holds_another_pid_1_does_not_own) {
  auto& meeting = *this->meeting_;
  FirstProcess holder([&meeting] {
    meeting.lock.lock();
    ++meeting.here;
    pause();
  });
  wait_until([&meeting] { return meeting.here == 1; });
  FirstProcess other([&meeting] {
    if (meeting.lock.owned()) ++meeting.wrong;
    if (meeting.lock.acquire(60ms) != Acquisition::timed_out) ++meeting.wrong;
    if constexpr (std::is_same_v<TypeParam, carom::RLock>) {
      if (meeting.lock.release() != Release::not_owner) ++meeting.wrong;
    }
  });
  EXPECT_EQ(other.wait(), 0);
  EXPECT_EQ(meeting.wrong, 0);
  ASSERT_TRUE(meeting.lock.owner().has_value());
  EXPECT_EQ(meeting.lock.owner()->pid, 1u);
  EXPECT_TRUE(meeting.lock.owner()->alive);
}

TYPED_TEST(PidNamespaces, one_pid_1_inherits_from_another) {
  auto& meeting = *this->meeting_;
  FirstProcess holder([&meeting] {
    meeting.lock.lock();
    ++meeting.here;
    pause();
  });
  wait_until([&meeting] { return meeting.here == 1; });
  FirstProcess heir([&meeting] {
    meeting.inherited = meeting.lock.acquire() == Acquisition::acquired_owner_died;
    meeting.lock.unlock();
  });
  wait_until([&meeting] { return meeting.lock.waiters() == 1; });
  holder.kill();
  EXPECT_EQ(heir.wait(), 0);
  EXPECT_TRUE(meeting.inherited);
}

TYPED_TEST(PidNamespaces, a_death_in_another_namespace_is_noticed_and_named) {
  auto& meeting = *this->meeting_;
  FirstProcess holder([&meeting] {
    meeting.lock.lock();
    ++meeting.here;
    pause();
  });
  wait_until([&meeting] { return meeting.here == 1; });
  const std::uint64_t home = this->meeting_.segment().join().pid_namespace;
  holder.kill();
  EXPECT_EQ(meeting.lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(carom::last_takeover()->from.pid, 1u);
  EXPECT_NE(carom::last_takeover()->from.pid_namespace, home);
}
