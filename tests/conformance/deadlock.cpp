// Deadlocks are seen, named, and never imagined.
#include <pthread.h>

#include <array>
#include <latch>
#include <mutex>
#include <random>
#include <thread>

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
  SharedLock other_shared;
  BoundedSemaphore permits{1};
  BoundedSemaphore two{2};
  std::atomic<int> held{0};
  std::atomic<int> alarms{0};
  std::atomic<bool> over{false};
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

using Dice = std::minstd_rand;

carom::Deadline some_time(Dice& dice) {
  return dice() % 3 != 0 ? carom::Deadline::never()
                         : carom::Deadline(std::chrono::microseconds(dice() % 100));
}

/// Four do that again and again, while another looks on. What they do never ends in a cycle.
template <class Turn>
void expect_no_alarm(Turn turn) {
  const SharedThings things;
  std::vector<Party> parties;
  for (int i = 0; i < 4; ++i) {
    parties.emplace_back([&things, turn, i] {
      Dice dice(static_cast<Dice::result_type>(i + 1));
      while (!things->over) turn(*things, i, dice);
    });
  }
  Dice dice;
  std::size_t found = 0;
  for (const carom::Deadline end(500ms); !end.expired();) {
    found += carom::find_deadlock(things.segment()).size();
    if (dice() % 2 != 0) std::this_thread::sleep_for(std::chrono::microseconds(dice() % 100));
  }
  things->over = true;
  for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
  EXPECT_EQ(found, 0u);
  EXPECT_EQ(things->alarms, 0);
}

/// More than are noted in one seat.
struct Many {
  Lock lock;
  std::array<BoundedSemaphore, 40> permits;
};

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
  expect_no_alarm([](Things& things, int, Dice&) {
    if (!things.lock.acquire(detect_deadlock)) ++things.alarms;
    if (!things.rlock.acquire(detect_deadlock)) ++things.alarms;
    static_cast<void>(things.rlock.release());
    static_cast<void>(things.lock.release());
  });
}

TEST(CAROM_SUITE(Deadlock), a_line_before_a_lock_raises_no_alarm) {
  expect_no_alarm([](Things& things, int, Dice& dice) {
    const Acquisition fifo = things.fifo_lock.acquire(detect_deadlock, some_time(dice));
    if (fifo == Acquisition::deadlocked) ++things.alarms;
    const Acquisition lock = things.lock.acquire(detect_deadlock, some_time(dice));
    if (lock == Acquisition::deadlocked) ++things.alarms;
    if (lock) static_cast<void>(things.lock.release());
    if (fifo) static_cast<void>(things.fifo_lock.release());
  });
}

TEST(CAROM_SUITE(Deadlock), readers_and_writers_in_one_order_raise_no_alarm) {
  expect_no_alarm([](Things& things, int party, Dice& dice) {
    const bool writes = party % 2 == 0;
    const auto acquire = [&](SharedLock& lock) {
      const Acquisition outcome = writes ? lock.acquire(detect_deadlock, some_time(dice))
                                         : lock.acquire_shared(detect_deadlock, some_time(dice));
      if (outcome == Acquisition::deadlocked) ++things.alarms;
      return static_cast<bool>(outcome);
    };
    const auto release = [&](SharedLock& lock) {
      static_cast<void>(writes ? lock.release() : lock.release_shared());
    };
    const bool first = dice() % 2 != 0 && acquire(things.shared);
    const bool second = dice() % 2 != 0 && acquire(things.other_shared);
    if (second) release(things.other_shared);
    if (first) release(things.shared);
  });
}

TEST(CAROM_SUITE(Deadlock), one_that_takes_two_permits_and_others_that_take_one_raise_no_alarm) {
  expect_no_alarm([](Things& things, int party, Dice&) {
    if (!things.two.acquire(detect_deadlock)) ++things.alarms;
    if (party == 0) {
      if (!things.two.acquire(detect_deadlock)) ++things.alarms;
      static_cast<void>(things.two.release());
    }
    static_cast<void>(things.two.release());
  });
}

TEST(CAROM_SUITE(Deadlock), two_who_have_one_permit_each_and_want_another) {
  const SharedThings things;
  ASSERT_TRUE(things->two.acquire());
  Party other = party_that_takes(things->two, things->two);
  EXPECT_EQ(things->two.acquire(detect_deadlock), Acquisition::deadlocked);
  EXPECT_EQ(things->two.release(), carom::Release::released);
  EXPECT_EQ(other.leave(), Acquisition::acquired);
}

TEST(CAROM_SUITE(Deadlock), a_bystander_sees_who_waits_for_itself) {
  const SharedThings things;
  Party party = party_that_takes(things->lock, things->lock);
  std::vector<Blocked> cycle;
  support::wait_until([&] {
    cycle = carom::find_deadlock(things.segment());
    return !cycle.empty();
  });
  ASSERT_EQ(cycle.size(), 1u);
  EXPECT_EQ(cycle[0].who.tid, static_cast<std::uint32_t>(party.tid()));
  EXPECT_EQ(cycle[0].object, &things->lock);
  EXPECT_EQ(things->lock.release(), carom::Release::released);  // on its behalf
  EXPECT_EQ(party.leave(), Acquisition::acquired);
}

TEST(CAROM_SUITE(Deadlock), what_a_thread_notes_in_a_further_seat_is_its_own) {
  const carom::Shared<Many> many;
  ASSERT_TRUE(many->lock.acquire());
  Party party([&many] {
    for (BoundedSemaphore& permits : many->permits) static_cast<void>(permits.acquire());
    return many->lock.acquire().kind();
  });
  wait_for_sleeper(many->lock, party);
  for (BoundedSemaphore& permits : many->permits) {
    ASSERT_EQ(permits.acquire(detect_deadlock), Acquisition::deadlocked);
    ASSERT_EQ(carom::last_deadlock().size(), 2u);
  }
  EXPECT_EQ(many->lock.release(), carom::Release::released);
  EXPECT_EQ(party.leave(), Acquisition::acquired);
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

#ifdef CAROM_PARTIES_ARE_THREADS
namespace {

constexpr std::size_t kRing = 1001;
struct Ring {
  std::array<Lock, kRing> locks;
};

/// Runs the body in a thread with no more stack than that.
template <class Body>
void run_with_stack(std::size_t bytes, Body body) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, bytes), 0);
  pthread_t thread{};
  const auto run = [](void* at) -> void* {
    (*static_cast<Body*>(at))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &body), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  pthread_attr_destroy(&attributes);
}

/// Waits for what it has when its thread ends, after what the thread used later has been destroyed.
struct LastWish {
  Lock* lock = nullptr;
  Acquisition* outcome = nullptr;
  std::size_t* remembered = nullptr;
  ~LastWish() {
    if (lock == nullptr) return;
    *outcome = lock->acquire(detect_deadlock);
    *remembered = carom::last_deadlock().size();
  }
};
thread_local LastWish last_wish;

}  // namespace

TEST(Deadlock, a_cycle_of_a_thousand_and_one_is_seen_with_little_stack) {
  const auto ring = carom::Shared<Ring>::anonymous({.participants = 2048});
  std::vector<std::thread> threads;
  std::latch all_hold(kRing - 1);
  run_with_stack(std::size_t{64} << 10, [&] {
    ring->locks[0].lock();
    for (std::size_t i = 1; i < kRing; ++i) {
      threads.emplace_back([&ring, &all_hold, i] {
        ring->locks[i].lock();
        all_hold.arrive_and_wait();
        EXPECT_EQ(ring->locks[i - 1].acquire(), Acquisition::acquired);
        static_cast<void>(ring->locks[i - 1].release());
        static_cast<void>(ring->locks[i].release());
      });
    }
    for (std::size_t i = 1; i < kRing; ++i)
      support::wait_until([&] { return ring->locks[i - 1].waiters() != 0; });
    EXPECT_EQ(ring->locks[kRing - 1].acquire(detect_deadlock), Acquisition::deadlocked);
    EXPECT_EQ(carom::last_deadlock().size(), kRing);
    static_cast<void>(ring->locks[0].release());
  });
  for (std::thread& thread : threads) thread.join();
}

TEST(Deadlock, a_thread_that_ends_may_still_wait_for_itself) {
  const SharedThings things;
  Acquisition outcome = Acquisition::acquired;
  std::size_t remembered = 0;
  std::thread thread([&] {
    last_wish.outcome = &outcome;
    last_wish.remembered = &remembered;
    ASSERT_TRUE(things->lock.acquire());
    ASSERT_EQ(things->lock.acquire(detect_deadlock), Acquisition::deadlocked);
    ASSERT_EQ(carom::last_deadlock().size(), 1u);
    last_wish.lock = &things->lock;
  });
  thread.join();
  EXPECT_EQ(outcome, Acquisition::deadlocked);
  EXPECT_LE(remembered, 1u);
}
#endif
