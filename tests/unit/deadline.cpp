// Every way to say how long, and what it comes to.
#include "carom/deadline.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "support/printing.hpp"

using namespace std::chrono_literals;
using carom::Deadline;
using carom::Errc;
using support::code_of;
using Floating = std::chrono::duration<double>;
using Steady = std::chrono::steady_clock;
using System = std::chrono::system_clock;

namespace {

/// Whether the deadline lies `timeout` from some instant of this test, to a microsecond.
void expect_in(std::chrono::nanoseconds timeout, std::int64_t before, Deadline deadline) {
  EXPECT_GE(deadline.ns(), before + timeout.count() - 1000);
  EXPECT_LE(deadline.ns(), Deadline::now_ns() + timeout.count() + 1000);
  EXPECT_FALSE(deadline.is_never());
}

}  // namespace

TEST(Deadline, never_does_not_pass_and_passed_has) {
  EXPECT_TRUE(Deadline::never().is_never());
  EXPECT_FALSE(Deadline::never().expired());
  EXPECT_FALSE(Deadline::passed().is_never());
  EXPECT_TRUE(Deadline::passed().expired());
}

TEST(Deadline, zero_and_negative_durations_have_passed) {
  EXPECT_TRUE(Deadline(0s).expired());
  EXPECT_TRUE(Deadline(0ns).expired());
  EXPECT_TRUE(Deadline(-1ns).expired());
  EXPECT_TRUE(Deadline(-24h).expired());
  EXPECT_TRUE(Deadline(Floating(-0.0)).expired());
  EXPECT_TRUE(Deadline(Floating(-1e300)).expired());
  EXPECT_TRUE(Deadline(Floating(-std::numeric_limits<double>::infinity())).expired());
  EXPECT_TRUE(Deadline(std::chrono::seconds::min()).expired());
}

TEST(Deadline, durations_of_any_kind_count_from_now) {
  const std::int64_t before = Deadline::now_ns();
  expect_in(250ms, before, 250ms);
  expect_in(1h, before, 1h);
  expect_in(1500ms, before, Floating(1.5));
  expect_in(500ms, before, std::chrono::duration<float>(0.5f));
  expect_in(std::chrono::hours(24 * 365), before, std::chrono::hours(24 * 365));
  expect_in(90s, before, std::chrono::duration<double, std::ratio<60>>(1.5));
}

TEST(Deadline, infinite_and_huge_durations_never_pass) {
  EXPECT_TRUE(Deadline(Floating(std::numeric_limits<double>::infinity())).is_never());
  EXPECT_TRUE(Deadline(std::chrono::duration<float>(std::numeric_limits<float>::infinity())).is_never());
  EXPECT_TRUE(Deadline(Floating(1e300)).is_never());
  EXPECT_TRUE(Deadline(std::chrono::hours::max()).is_never());
  EXPECT_TRUE(Deadline(std::chrono::seconds::max()).is_never());
  EXPECT_TRUE(Deadline(std::chrono::nanoseconds::max()).is_never());
}

TEST(Deadline, what_is_long_but_within_200_years_passes_some_day) {
  EXPECT_FALSE(Deadline(std::chrono::hours(24 * 365 * 199)).is_never());
  EXPECT_FALSE(Deadline(std::chrono::hours(24 * 365 * 199)).expired());
}

TEST(Deadline, what_is_not_a_number_is_refused) {
  EXPECT_EQ(code_of([] { return Deadline(Floating(std::nan(""))); }), Errc::bad_timeout);
  EXPECT_EQ(code_of([] { return Deadline(std::chrono::duration<float>(std::nanf(""))); }), Errc::bad_timeout);
  EXPECT_EQ(code_of([] { return Deadline(Floating(-std::nan(""))); }), Errc::bad_timeout);
}

TEST(Deadline, an_instant_of_any_clock_is_that_instant) {
  const std::int64_t before = Deadline::now_ns();
  expect_in(1h, before - 1'000'000, System::now() + 1h);
  const Steady::time_point when = Steady::now() + 1h;
  EXPECT_NEAR(static_cast<double>(Deadline(when).ns()),
              static_cast<double>(std::chrono::nanoseconds(when.time_since_epoch()).count()), 1e9);
  EXPECT_TRUE(Deadline(System::now() - 1ms).expired());
  EXPECT_TRUE(Deadline(System::from_time_t(0)).expired());
}

TEST(Deadline, the_first_and_the_last_instant_of_a_clock_are_past_and_never) {
  EXPECT_TRUE(Deadline(Steady::time_point::min()).expired());
  EXPECT_TRUE(Deadline(System::time_point::min()).expired());
  EXPECT_FALSE(Deadline(Steady::time_point::max()).expired());
  EXPECT_FALSE(Deadline(System::time_point::max()).expired());
}

TEST(Deadline, it_expires_when_its_instant_comes) {
  const Deadline deadline = 2ms;
  EXPECT_FALSE(Deadline(1h).expired());
  while (!deadline.expired()) std::this_thread::yield();
  EXPECT_GE(Deadline::now_ns(), deadline.ns());
}

TEST(Deadline, the_earlier_of_two_is_the_earlier_of_two) {
  EXPECT_EQ(Deadline(1ms).or_after(1h).ns() < Deadline(1min).ns(), true);
  const std::int64_t before = Deadline::now_ns();
  expect_in(50ms, before, Deadline::never().or_after(50ms));
  EXPECT_TRUE(Deadline::passed().or_after(50ms).expired());
}
