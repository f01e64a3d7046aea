// What Latch promises: it opens once, or those who wait are told that it never will.
#include <cmath>

#include "conformance/primitives.hpp"

using namespace std::chrono_literals;
using carom::Errc;
using carom::Latch;
using carom::LatchWait;
using support::code_of;

namespace {
carom::Shared<Latch> make(std::ptrdiff_t expected) {
  return carom::Shared<Latch>(std::in_place, expected);
}
}  // namespace

TEST(CAROM_SUITE(Latch), opens_when_it_has_been_counted_down) {
  const auto latch = make(3);
  EXPECT_EQ(latch->left(), 3u);
  EXPECT_FALSE(latch->try_wait());
  latch->count_down();
  latch->count_down(2);
  EXPECT_EQ(latch->left(), 0u);
  EXPECT_TRUE(latch->try_wait());
  EXPECT_EQ(latch->wait(), LatchWait::open);
  EXPECT_EQ(latch->wait(0s), LatchWait::open);
  latch->count_down();
  EXPECT_TRUE(latch->try_wait());
}

TEST(CAROM_SUITE(Latch), of_nothing_is_open) {
  EXPECT_EQ(make(0)->wait(), LatchWait::open);
}

TEST(CAROM_SUITE(Latch), cannot_be_counted_down_from_just_anything) {
  EXPECT_EQ(code_of([] { make(-1); }), Errc::bad_value);
  EXPECT_EQ(code_of([] { make(Latch::max() + 1); }), Errc::bad_value);
  EXPECT_EQ(code_of([] { static_cast<void>(Latch(1).left()); }), Errc::outside_segment);
  const auto latch = make(Latch::max());
  EXPECT_EQ(code_of([&] { latch->count_down(-1); }), Errc::bad_value);
  EXPECT_EQ(code_of([&] { latch->count_down(Latch::max() + 1); }), Errc::bad_value);
  latch->count_down(0);
  EXPECT_EQ(latch->left(), static_cast<std::uint32_t>(Latch::max()));
  latch->count_down(Latch::max());
  EXPECT_TRUE(latch->try_wait());
}

TEST(CAROM_SUITE(Latch), counted_below_nothing_it_stays_open) {
  const auto latch = make(2);
  latch->count_down(5);
  EXPECT_EQ(latch->left(), 0u);
  EXPECT_EQ(latch->wait(), LatchWait::open);
}

TEST(CAROM_SUITE(Latch), waiting_ends_when_the_time_has_passed) {
  const auto latch = make(1);
  EXPECT_EQ(latch->wait(0s), LatchWait::timed_out);
  EXPECT_EQ(latch->wait(-1s), LatchWait::timed_out);
  const std::int64_t start = carom::Deadline::now_ns();
  EXPECT_EQ(latch->wait(30ms), LatchWait::timed_out);
  EXPECT_GE(carom::Deadline::now_ns() - start, 30'000'000);
  EXPECT_EQ(code_of([&] { return latch->wait(std::chrono::duration<double>(std::nan(""))); }),
            Errc::bad_timeout);
  EXPECT_EQ(latch->waiters(), 0u);
}

TEST(CAROM_SUITE(Latch), the_last_count_wakes_all_who_wait) {
  const auto latch = make(2);
  std::vector<Party> sleepers;
  for (int i = 0; i < 6; ++i) sleepers.emplace_back([&latch] { return latch->wait().kind(); });
  wait_for_sleepers(*latch, sleepers, 6);
  EXPECT_EQ(latch->waiting().size(), 6u);
  latch->count_down();
  wait_for_sleepers(*latch, sleepers, 6);
  Party last([&latch] { latch->count_down(); });
  for (Party& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), LatchWait::open);
  EXPECT_EQ(last.leave(), 0);
}

TEST(CAROM_SUITE(Latch), counts_of_many_at_one_time_all_count) {
  constexpr int kCounts = 500'000;
  const auto latch = make(4 * kCounts);
  std::vector<Party> parties;
  for (int i = 0; i < 4; ++i) {
    parties.emplace_back([&latch] {
      for (int count = 0; count < kCounts; ++count) latch->count_down();
    });
  }
  for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
  EXPECT_EQ(latch->left(), 0u);
}

TEST(CAROM_SUITE(Latch), parties_arrive_and_wait_for_each_other) {
  const auto latch = make(5);
  std::vector<Party> parties;
  for (int i = 0; i < 5; ++i) parties.emplace_back([&latch] { return latch->arrive_and_wait().kind(); });
  for (Party& party : parties) EXPECT_EQ(party.leave(), LatchWait::open);
}

TEST(CAROM_SUITE(Latch), who_dies_with_a_promise_forsakes_those_who_wait) {
  const auto latch = make(2);
  Party party([&latch] { latch->promise(); });
  party.wait_until_done();
  ASSERT_EQ(latch->promised().size(), 1u);
  EXPECT_EQ(latch->promised()[0].tid, static_cast<std::uint32_t>(party.tid()));
  std::vector<Party> sleepers;
  for (int i = 0; i < 3; ++i) sleepers.emplace_back([&latch] { return latch->wait().kind(); });
  wait_for_sleepers(*latch, sleepers, 3);
  party.die();
  for (Party& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), LatchWait::forsaken);
  EXPECT_EQ(latch->wait(), LatchWait::forsaken);
  EXPECT_FALSE(latch->try_wait());
}

TEST(CAROM_SUITE(Latch), who_slept_before_the_promise_was_made_is_told_too) {
  const auto latch = make(2);
  std::vector<Party> sleepers;
  sleepers.emplace_back([&latch] { return latch->wait().kind(); });
  wait_for_sleepers(*latch, sleepers, 1);
  Party party([&latch] { latch->promise(); });
  party.wait_until_done();
  sleepers.emplace_back([&latch] { return latch->wait().kind(); });
  wait_for_sleepers(*latch, sleepers, 2);
  party.die();
  for (Party& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), LatchWait::forsaken);
}

TEST(CAROM_SUITE(Latch), who_dies_before_anybody_waits_forsakes_them_too) {
  const auto latch = make(1);
  Party party([&latch] { latch->promise(2); });
  party.wait_until_done();
  party.die();
  EXPECT_EQ(latch->wait(20s), LatchWait::forsaken);
}

TEST(CAROM_SUITE(Latch), who_has_kept_its_promise_may_die) {
  const auto latch = make(3);
  Party party([&latch] {
    latch->promise(2);
    latch->count_down();
    latch->count_down();
  });
  party.wait_until_done();
  EXPECT_TRUE(latch->promised().empty());
  party.die();
  EXPECT_EQ(latch->wait(100ms), LatchWait::timed_out);
  EXPECT_EQ(latch->left(), 1u);
  latch->count_down();
  EXPECT_EQ(latch->wait(), LatchWait::open);
}

TEST(CAROM_SUITE(Latch), half_a_promise_kept_is_a_promise_broken) {
  const auto latch = make(3);
  Party party([&latch] {
    latch->promise(2);
    latch->count_down();
  });
  party.wait_until_done();
  EXPECT_EQ(latch->promised().size(), 1u);
  party.die();
  EXPECT_EQ(latch->wait(), LatchWait::forsaken);
}

TEST(CAROM_SUITE(Latch), the_death_of_one_who_promised_nothing_means_nothing) {
  const auto latch = make(2);
  Party party([&latch] { latch->count_down(); });
  party.wait_until_done();
  party.die();
  EXPECT_EQ(latch->wait(20ms), LatchWait::timed_out);
  latch->count_down();
  EXPECT_EQ(latch->wait(), LatchWait::open);
}

#ifndef CAROM_PARTIES_ARE_THREADS
TEST(CAROM_SUITE(Latch), a_killed_waiter_is_in_nobodys_way) {
  const auto latch = make(1);
  std::vector<Party> sleepers;
  for (int i = 0; i < 2; ++i) sleepers.emplace_back([&latch] { return latch->wait().kind(); });
  wait_for_sleepers(*latch, sleepers, 2);
  sleepers[0].die();
  EXPECT_EQ(latch->waiters(), 1u);
  latch->count_down();
  EXPECT_EQ(sleepers[1].leave(), LatchWait::open);
}
#endif
