// Deadlocks are seen, named, and never imagined.
#include <array>
#include <mutex>

#include "conformance/primitives.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Blocked;
using carom::BoundedSemaphore;
using carom::detect_deadlock;
using carom::FifoLock;
using carom::Lock;
using carom::RLock;
using carom::SharedLock;

namespace {

struct Things {
  Lock lock;
  Lock other_lock;
  RLock rlock;
  FifoLock fifo_lock;
  SharedLock shared;
  BoundedSemaphore permits{1};
  BoundedSemaphore two{2};
  std::atomic<int> held{0};
  std::atomic<int> alarms{0};
  long count = 0;
};
using SharedThings = carom::Shared<Things>;

template <class First, class Second>
Party party_that_takes(First& first, Second& second) {
  Party party([&first, &second] {
    if (!first.acquire()) return -1;
    const Acquisition outcome = second.acquire();
    return static_cast<int>(outcome.kind());
  });
  wait_for_sleeper(second, party);
  return party;
}

template <class First, class Second>
void expect_cycle_of_two(First& mine, Second& theirs) {
  ASSERT_TRUE(mine.acquire());
  Party other = party_that_takes(theirs, mine);
  EXPECT_EQ(theirs.acquire(detect_deadlock), Acquisition::deadlocked);
  const std::vector<Blocked> cycle = carom::last_deadlock();
  ASSERT_EQ(cycle.size(), 2u);
  EXPECT_EQ(cycle[0].who.tid, static_cast<std::uint32_t>(gettid()));
  EXPECT_EQ(cycle[0].object, &theirs);
  EXPECT_EQ(cycle[1].who.tid, static_cast<std::uint32_t>(other.tid()));
  EXPECT_EQ(cycle[1].object, &mine);
  EXPECT_EQ(mine.release(), carom::Release::released);
  EXPECT_EQ(other.leave(), Acquisition::acquired);
}

template <class A, class B, class C>
void expect_cycle_of_three(A& mine, B& second, C& third) {
  ASSERT_TRUE(mine.acquire());
  Party one = party_that_takes(second, mine);
  Party other = party_that_takes(third, second);
  EXPECT_EQ(third.acquire(detect_deadlock, 20s), Acquisition::deadlocked);
  const std::vector<Blocked> cycle = carom::last_deadlock();
  ASSERT_EQ(cycle.size(), 3u);
  EXPECT_EQ(cycle[0].object, &third);
  EXPECT_EQ(cycle[1].object, &second);
  EXPECT_EQ(cycle[2].object, &mine);
  EXPECT_EQ(mine.release(), carom::Release::released);
  EXPECT_EQ(one.leave(), Acquisition::acquired);  // and is gone, with what it had
  EXPECT_EQ(other.leave(), Acquisition::acquired_owner_died);
}

}  // namespace

TEST(CAROM_SUITE(Deadlock), two_locks_in_opposite_order) {
  const SharedThings things;
  expect_cycle_of_two(things->lock, things->other_lock);
}
TEST(CAROM_SUITE(Deadlock), a_lock_and_a_recursive_lock) {
  const SharedThings things;
  expect_cycle_of_two(things->lock, things->rlock);
}
TEST(CAROM_SUITE(Deadlock), a_recursive_lock_and_one_in_order) {
  const SharedThings things;
  expect_cycle_of_two(things->rlock, things->fifo_lock);
}
TEST(CAROM_SUITE(Deadlock), one_in_order_and_a_lock) {
  const SharedThings things;
  expect_cycle_of_two(things->fifo_lock, things->lock);
}
TEST(CAROM_SUITE(Deadlock), a_recursive_lock_and_a_shared_one) {
  const SharedThings things;
  expect_cycle_of_two(things->rlock, things->shared);
}
TEST(CAROM_SUITE(Deadlock), a_shared_lock_and_the_last_permit) {
  const SharedThings things;
  expect_cycle_of_two(things->shared, things->permits);
}
TEST(CAROM_SUITE(Deadlock), the_last_permit_and_a_lock) {
  const SharedThings things;
  expect_cycle_of_two(things->permits, things->lock);
}
TEST(CAROM_SUITE(Deadlock), three_of_three_kinds) {
  const SharedThings things;
  expect_cycle_of_three(things->lock, things->rlock, things->shared);
}
TEST(CAROM_SUITE(Deadlock), three_with_the_last_permit) {
  const SharedThings things;
  expect_cycle_of_three(things->rlock, things->permits, things->lock);
}

TEST(CAROM_SUITE(Deadlock), a_writer_and_its_reader) {
  const SharedThings things;
  ASSERT_TRUE(things->lock.acquire());
  Party reader([&things] {
    things->shared.lock_shared();
    return things->lock.acquire().kind();
  });
  wait_for_sleeper(things->lock, reader);
  EXPECT_EQ(things->shared.acquire(detect_deadlock), Acquisition::deadlocked);
  EXPECT_FALSE(things->shared.locked());
  EXPECT_EQ(things->lock.release(), carom::Release::released);
  EXPECT_EQ(reader.leave(), Acquisition::acquired);
}

TEST(CAROM_SUITE(Deadlock), waiting_for_oneself) {
  const SharedThings things;
  ASSERT_TRUE(things->lock.acquire());
  EXPECT_EQ(things->lock.acquire(detect_deadlock), Acquisition::deadlocked);
  ASSERT_EQ(carom::last_deadlock().size(), 1u);
  EXPECT_EQ(carom::last_deadlock()[0].object, &things->lock);
  ASSERT_TRUE(things->permits.acquire());
  EXPECT_EQ(things->permits.acquire(detect_deadlock), Acquisition::deadlocked);
  ASSERT_TRUE(things->rlock.acquire());
  EXPECT_EQ(things->rlock.acquire(detect_deadlock), Acquisition::acquired);
}

TEST(CAROM_SUITE(Deadlock), a_holder_that_waits_for_nothing_is_no_deadlock) {
  const SharedThings things;
  Party holder = party_that_holds(things->lock);
  EXPECT_EQ(things->lock.acquire(detect_deadlock, 30ms), Acquisition::timed_out);
  Party one([&things] { return things->two.acquire().kind(); });
  EXPECT_EQ(one.result(), Acquisition::acquired);
  ASSERT_TRUE(things->two.acquire());
  EXPECT_EQ(things->two.acquire(detect_deadlock, 30ms),
            Acquisition::timed_out);  // `one` may give its own back
  EXPECT_TRUE(carom::find_deadlock(things.segment()).empty());
}

TEST(CAROM_SUITE(Deadlock), heavy_traffic_in_one_order_raises_no_alarm) {
  const SharedThings things;
  std::vector<Party> parties;
  for (int i = 0; i < 4; ++i) {
    parties.emplace_back([&things] {
      for (int round = 0; round < 3000; ++round) {
        if (!things->lock.acquire(detect_deadlock)) ++things->alarms;
        if (!things->rlock.acquire(detect_deadlock)) ++things->alarms;
        ++things->count;
        static_cast<void>(things->rlock.release());
        static_cast<void>(things->lock.release());
      }
    });
  }
  std::size_t found = 0;
  for (int i = 0; i < 50; ++i) found += carom::find_deadlock(things.segment()).size();
  for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
  EXPECT_EQ(found, 0u);
  EXPECT_EQ(things->alarms, 0);
  EXPECT_EQ(things->count, 12000);
}

TEST(CAROM_SUITE(Deadlock), a_bystander_learns_who_waits_for_what) {
  const SharedThings things;
  std::vector<Party> parties;
  for (int i = 0; i < 2; ++i) {
    parties.emplace_back([&things, i] {
      Lock& first = i == 0 ? things->lock : things->other_lock;
      Lock& second = i == 0 ? things->other_lock : things->lock;
      first.lock();
      ++things->held;
      support::wait_until([&things] { return things->held == 2; });
      second.lock();
      static_cast<void>(first.release());
      static_cast<void>(second.release());
    });
  }
  std::vector<Blocked> cycle;
  support::wait_until([&] {
    cycle = carom::find_deadlock(things.segment());
    return !cycle.empty();
  });
  ASSERT_EQ(cycle.size(), 2u);
  const std::size_t first = cycle[0].who.tid == static_cast<std::uint32_t>(parties[0].tid()) ? 0 : 1;
  EXPECT_EQ(cycle[first].who.tid, static_cast<std::uint32_t>(parties[0].tid()));
  EXPECT_EQ(cycle[first].object, &things->other_lock);
  EXPECT_EQ(cycle[1 - first].who.pid, static_cast<std::uint32_t>(parties[1].pid()));
  EXPECT_EQ(cycle[1 - first].object, &things->lock);
  EXPECT_STREQ(cycle[0].kind, "Lock");
  const std::string text = carom::to_string(cycle);
  EXPECT_NE(text.find(std::to_string(parties[0].pid())), std::string::npos) << text;
  EXPECT_NE(text.find(std::to_string(parties[1].pid())), std::string::npos) << text;
  EXPECT_EQ(things->lock.release(), carom::Release::released);  // on behalf of the first
  for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
}
