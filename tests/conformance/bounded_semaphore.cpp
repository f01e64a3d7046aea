// What BoundedSemaphore promises: never more permits than it was made with.
#include <mutex>

#include "conformance/primitives.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::BoundedSemaphore;
using carom::Errc;
using carom::Release;
using support::code_of;

namespace {

struct Pool {
  explicit Pool(std::int64_t capacity) : permits(capacity) {}

  BoundedSemaphore permits;
  std::atomic<bool> go{false};
  std::atomic<int> released{0};
  std::atomic<int> refused{0};
  std::atomic<int> excess{0};
};

carom::Shared<Pool> make(std::int64_t capacity) {
  return carom::Shared<Pool>(std::in_place, capacity);
}

}  // namespace

TEST(CAROM_SUITE(BoundedSemaphore), all_of_any_capacity_can_be_taken_and_given_back) {
  for (const std::uint32_t capacity : {1u, 2u, 65535u}) {
    const auto pool = make(capacity);
    EXPECT_EQ(pool->permits.capacity(), capacity);
    for (std::uint32_t i = 0; i < capacity; ++i) ASSERT_EQ(pool->permits.acquire(), Acquisition::acquired);
    EXPECT_TRUE(pool->permits.locked());
    EXPECT_EQ(pool->permits.acquire(false), Acquisition::timed_out);
    EXPECT_EQ(pool->permits.held(), capacity);
    for (std::uint32_t i = 0; i < capacity; ++i) ASSERT_EQ(pool->permits.release(), Release::released);
    EXPECT_EQ(pool->permits.release(), Release::too_many);
    EXPECT_EQ(pool->permits.get_value(), capacity);
    EXPECT_EQ(pool->permits.held(), 0u);
  }
}

TEST(CAROM_SUITE(BoundedSemaphore), a_capacity_of_none_is_legal) {
  const auto pool = make(0);
  EXPECT_EQ(pool->permits.capacity(), 0u);
  EXPECT_EQ(pool->permits.acquire(false), Acquisition::timed_out);
  EXPECT_EQ(pool->permits.acquire(1ms), Acquisition::timed_out);
  EXPECT_EQ(pool->permits.release(), Release::too_many);
  EXPECT_EQ(pool->permits.get_value(), 0u);
}

TEST(CAROM_SUITE(BoundedSemaphore), other_capacities_are_errors) {
  EXPECT_EQ(code_of([] { make(65536); }), Errc::bad_value);
  EXPECT_EQ(code_of([] { make(-1); }), Errc::bad_value);
  EXPECT_EQ(code_of([] { static_cast<void>(BoundedSemaphore(1)); }), Errc::outside_segment);
}

TEST(CAROM_SUITE(BoundedSemaphore), of_many_that_race_to_release_no_more_succeed_than_permits_are_out) {
  constexpr int kParties = 6;
  constexpr std::uint32_t kCapacity = 5;
  for (int round = 0; round < 20; ++round) {
    const auto pool = make(kCapacity);
    for (std::uint32_t i = 0; i < 3; ++i) ASSERT_TRUE(pool->permits.acquire());
    std::vector<Party> parties;
    for (int i = 0; i < kParties; ++i) {
      parties.emplace_back([&pool] {
        support::wait_until([&pool] { return pool->go.load(); });
        ++(pool->permits.release() == Release::released ? pool->released : pool->refused);
        if (pool->permits.get_value() > kCapacity) ++pool->excess;
      });
    }
    pool->go = true;
    for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
    ASSERT_EQ(pool->released, 3);
    ASSERT_EQ(pool->refused, kParties - 3);
    ASSERT_EQ(pool->excess, 0);
    ASSERT_EQ(pool->permits.get_value(), kCapacity);
  }
}

TEST(CAROM_SUITE(BoundedSemaphore), taking_and_over_releasing_never_exceed_the_capacity) {
  const auto pool = make(2);
  std::vector<Party> parties;
  for (int i = 0; i < 4; ++i) {
    parties.emplace_back([&pool, i] {
      for (int round = 0; round < 2000; ++round) {
        if (i % 2 == 0) static_cast<void>(pool->permits.acquire(false));
        static_cast<void>(pool->permits.release());
        if (pool->permits.get_value() > 2) ++pool->excess;
      }
    });
  }
  for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
  EXPECT_EQ(pool->excess, 0);
  EXPECT_EQ(pool->permits.get_value(), 2u);
}

TEST(CAROM_SUITE(BoundedSemaphore), a_holder_whose_permit_another_released_gives_back_nothing_by_dying) {
  const auto pool = make(2);
  Party holder([&pool] { return pool->permits.acquire().kind(); });
  EXPECT_EQ(holder.result(), Acquisition::acquired);
  EXPECT_EQ(pool->permits.release(), Release::released);
  EXPECT_EQ(pool->permits.get_value(), 2u);
  holder.die();
  EXPECT_EQ(pool->permits.get_value(), 2u);
  EXPECT_TRUE(pool->permits.acquire(false));
  EXPECT_TRUE(pool->permits.acquire(false));
  EXPECT_EQ(pool->permits.acquire(false), Acquisition::timed_out);
  EXPECT_EQ(pool->permits.release(), Release::released);
  EXPECT_EQ(pool->permits.release(), Release::released);
  EXPECT_EQ(pool->permits.release(), Release::too_many);
}

TEST(CAROM_SUITE(BoundedSemaphore),
     a_permit_released_by_another_and_taken_again_dies_with_one_of_its_holders_only) {
  const auto pool = make(1);
  Party first([&pool] { return pool->permits.acquire().kind(); });
  EXPECT_EQ(first.result(), Acquisition::acquired);
  ASSERT_EQ(pool->permits.release(), Release::released);
  Party second([&pool] { return pool->permits.acquire().kind(); });
  second.wait_until_done();
  second.die();
  first.die();
  EXPECT_EQ(pool->permits.get_value(), 1u);
  EXPECT_TRUE(pool->permits.acquire(false));
  EXPECT_EQ(pool->permits.acquire(false), Acquisition::timed_out);
}

TEST(CAROM_SUITE(BoundedSemaphore), what_one_takes_and_another_gives_back_for_ever_leaves_one_note) {
  struct Exchange {
    BoundedSemaphore permits{1};
    carom::Event taken, given;
  };
  const carom::Shared<Exchange> all;
  constexpr int kRounds = 70'000;  // more than a debt has bits for
  Party giver([&all] {
    for (int round = 0; round < kRounds; ++round) {
      all->taken.wait();
      all->taken.clear();
      if (all->permits.release() != Release::released) return 1;
      all->given.set();
    }
    return 0;
  });
  Party taker([&all] {
    for (int round = 0; round < kRounds; ++round) {
      if (!all->permits.acquire()) return -1;
      all->taken.set();
      all->given.wait();
      all->given.clear();
    }
    return static_cast<int>(all->permits.held());
  });
  EXPECT_EQ(giver.result(), 0);
  EXPECT_EQ(taker.result(), 1);
  taker.die();
  EXPECT_EQ(all->permits.get_value(), 1u);
}

TEST(CAROM_SUITE(BoundedSemaphore), what_a_dead_holder_had_comes_back_and_the_next_is_told) {
  const auto pool = make(3);
  Party holder([&pool] {
    static_cast<void>(pool->permits.acquire());
    return pool->permits.acquire().kind();
  });
  EXPECT_EQ(holder.result(), Acquisition::acquired);
  EXPECT_EQ(pool->permits.acquire(), Acquisition::acquired);
  holder.die();
  EXPECT_EQ(pool->permits.acquire(), Acquisition::acquired_owner_died);
  EXPECT_TRUE(pool->permits.acquire(false));
  EXPECT_EQ(pool->permits.acquire(false), Acquisition::timed_out);
  EXPECT_EQ(pool->permits.held(), 3u);
}

TEST(CAROM_SUITE(BoundedSemaphore), a_release_wakes_a_sleeper) {
  const auto pool = make(1);
  ASSERT_TRUE(pool->permits.acquire());
  Party sleeper([&pool] { return pool->permits.acquire().kind(); });
  wait_for_sleeper(pool->permits, sleeper);
  ASSERT_EQ(pool->permits.holders().size(), 1u);
  EXPECT_EQ(pool->permits.release(), Release::released);
  EXPECT_EQ(sleeper.result(), Acquisition::acquired);
  ASSERT_EQ(pool->permits.holders().size(), 1u);
  EXPECT_EQ(pool->permits.holders()[0].tid, static_cast<std::uint32_t>(sleeper.tid()));
}

TEST(CAROM_SUITE(BoundedSemaphore), a_guard_gives_back_what_it_took) {
  const auto pool = make(1);
  {
    const std::scoped_lock hold(pool->permits);
    EXPECT_TRUE(pool->permits.locked());
  }
  EXPECT_EQ(pool->permits.get_value(), 1u);
  EXPECT_EQ(code_of([&] { pool->permits.unlock(); }), Errc::not_held);
}
