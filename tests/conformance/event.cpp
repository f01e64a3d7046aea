// What Event and its descriptor promise.
#include <poll.h>
#include <signal.h>

#include <cmath>

#include "conformance/primitives.hpp"

using namespace std::chrono_literals;
using carom::Errc;
using carom::Event;
using carom::EventDescriptor;
using support::code_of;

namespace {

using Seconds = std::chrono::duration<double>;

carom::Shared<Event> make(bool set = false) {
  return carom::Shared<Event>(std::in_place, set);
}

/// Whether it becomes readable in time.
bool readable(int fd, int milliseconds) {
  pollfd asked{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&asked, 1, milliseconds) == 1 && (asked.revents & POLLIN) != 0;
}
constexpr int kLong = 20'000;

}  // namespace

TEST(CAROM_SUITE(Event), is_set_until_it_is_cleared) {
  const auto event = make();
  EXPECT_FALSE(event->is_set());
  event->set();
  event->set();
  EXPECT_TRUE(event->is_set());
  event->clear();
  EXPECT_FALSE(event->is_set());
  event->clear();
  EXPECT_FALSE(event->is_set());
  EXPECT_TRUE(make(true)->is_set());
}

TEST(CAROM_SUITE(Event), waiting_for_what_is_set_returns_at_once) {
  const auto event = make(true);
  EXPECT_TRUE(event->wait());
  EXPECT_TRUE(event->wait(0s));
  EXPECT_TRUE(event->wait(-1s));
  EXPECT_TRUE(event->wait_for(1h));
  EXPECT_TRUE(event->wait_until(std::chrono::system_clock::now()));
}

TEST(CAROM_SUITE(Event), waiting_ends_when_the_time_has_passed) {
  const auto event = make();
  EXPECT_FALSE(event->wait(0s));
  EXPECT_FALSE(event->wait(-1h));
  const std::int64_t start = carom::Deadline::now_ns();
  EXPECT_FALSE(event->wait(30ms));
  EXPECT_FALSE(event->wait_for(30ms));
  EXPECT_GE(carom::Deadline::now_ns() - start, 60'000'000);
  EXPECT_EQ(event->waiters(), 0u);
  EXPECT_EQ(code_of([&] { return event->wait(Seconds(std::nan(""))); }), Errc::bad_timeout);
}

TEST(CAROM_SUITE(Event), lies_in_a_segment_or_nowhere) {
  EXPECT_EQ(code_of([] { Event().set(); }), Errc::outside_segment);
}

TEST(CAROM_SUITE(Event), setting_releases_all_who_wait) {
  const auto event = make();
  std::vector<Party> sleepers;
  for (int i = 0; i < 8; ++i) sleepers.emplace_back([&event] { return event->wait(); });
  wait_for_sleepers(*event, sleepers, 8);
  EXPECT_EQ(event->waiting().size(), 8u);
  event->set();
  for (Party& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), 1);
}

TEST(CAROM_SUITE(Event), set_and_cleared_at_once_it_releases_all_who_slept) {
  const auto event = make();
  for (int round = 0; round < 20; ++round) {
    std::vector<Party> sleepers;
    for (int i = 0; i < 3; ++i) sleepers.emplace_back([&event] { return event->wait(); });
    wait_for_sleepers(*event, sleepers, 3);
    event->set();
    event->clear();
    for (Party& sleeper : sleepers) ASSERT_EQ(sleeper.leave(), 1);
    ASSERT_FALSE(event->is_set());
  }
}

TEST(CAROM_SUITE(Event), any_party_may_set_it) {
  const auto event = make();
  Party setter([&event] { event->set(); });
  EXPECT_TRUE(event->wait());
  EXPECT_EQ(setter.leave(), 0);
}

namespace {
std::atomic<Event*> event_to_set{nullptr};
void set_it(int) {
  event_to_set.load()->set();
}
}  // namespace

TEST(CAROM_SUITE(Event), a_handler_may_set_what_its_own_thread_waits_for) {
  const auto event = make();
  event_to_set = event.get();
  struct sigaction action {};
  action.sa_handler = set_it;
  struct sigaction before {};
  sigaction(SIGUSR1, &action, &before);
  for (int round = 0; round < 20; ++round) {
    event->clear();
    Party sleeper([&event] { return event->wait(); });
    wait_for_sleeper(*event, sleeper);
    sleeper.signal(SIGUSR1);
    EXPECT_EQ(sleeper.leave(), 1);
  }
  sigaction(SIGUSR1, &before, nullptr);
}

#ifndef CAROM_PARTIES_ARE_THREADS
TEST(CAROM_SUITE(Event), a_killed_waiter_is_in_nobodys_way) {
  const auto event = make();
  std::vector<Party> sleepers;
  for (int i = 0; i < 2; ++i) sleepers.emplace_back([&event] { return event->wait(); });
  wait_for_sleepers(*event, sleepers, 2);
  sleepers[0].die();
  EXPECT_EQ(event->waiters(), 1u);
  event->set();
  EXPECT_TRUE(event->is_set());
  EXPECT_TRUE(event->wait(1s));
  EXPECT_EQ(sleepers[1].leave(), 1);
}

TEST(CAROM_SUITE(Event), a_killed_setter_is_in_nobodys_way) {
  const auto event = make();
  for (int round = 0; round < 30; ++round) {
    Party setter([&event] {
      for (;;) {
        event->set();
        event->clear();
      }
    });
    EXPECT_TRUE(event->wait());
    setter.die();
    event->clear();
    EXPECT_FALSE(event->is_set());
  }
}

TEST(CAROM_SUITE(EventDescriptor), in_a_forked_child_the_copy_breaks_nothing) {
  const auto event = make();
  auto descriptor = std::make_unique<EventDescriptor>(*event);
  Party child([&event, &descriptor] {
    descriptor.reset();
    EventDescriptor own(*event);
    event->set();
    return readable(own.fd(), kLong);
  });
  EXPECT_EQ(child.leave(), 1);
  EXPECT_TRUE(readable(descriptor->fd(), kLong));
  EXPECT_TRUE(descriptor->acknowledge());
  EXPECT_FALSE(readable(descriptor->fd(), 0));
}
#endif

TEST(CAROM_SUITE(EventDescriptor), is_unreadable_until_the_event_is_set) {
  const auto event = make();
  EventDescriptor descriptor(*event);
  EXPECT_FALSE(readable(descriptor.fd(), 20));
  EXPECT_FALSE(descriptor.acknowledge());
  Party setter([&event] { event->set(); });
  EXPECT_TRUE(readable(descriptor.fd(), kLong));
  EXPECT_TRUE(readable(descriptor.fd(), 0));
  EXPECT_EQ(setter.leave(), 0);
}

TEST(CAROM_SUITE(EventDescriptor), acknowledged_it_is_unreadable_until_the_event_is_set_again) {
  const auto event = make();
  EventDescriptor descriptor(*event);
  for (int round = 0; round < 10; ++round) {
    event->set();
    ASSERT_TRUE(readable(descriptor.fd(), kLong));
    EXPECT_TRUE(descriptor.acknowledge());
    EXPECT_FALSE(readable(descriptor.fd(), 0));
    EXPECT_FALSE(descriptor.acknowledge());
    event->clear();
  }
}

TEST(CAROM_SUITE(EventDescriptor), tells_of_an_event_that_was_cleared_at_once) {
  const auto event = make();
  EventDescriptor descriptor(*event);
  for (int round = 0; round < 50; ++round) {
    event->set();
    event->clear();
    ASSERT_TRUE(readable(descriptor.fd(), kLong));
    EXPECT_TRUE(descriptor.acknowledge());
  }
}

TEST(CAROM_SUITE(EventDescriptor), is_readable_from_the_first_if_the_event_is_set) {
  const auto event = make(true);
  const EventDescriptor descriptor(*event);
  EXPECT_TRUE(readable(descriptor.fd(), 0));
}

TEST(CAROM_SUITE(EventDescriptor), may_go_while_it_waits_and_move) {
  const auto event = make();
  for (int round = 0; round < 50; ++round) EventDescriptor{*event};
  EventDescriptor first(*event);
  EventDescriptor second(std::move(first));
  event->set();
  EXPECT_TRUE(readable(second.fd(), kLong));
}

TEST(CAROM_SUITE(SleepingDescriptor), goes_without_its_event_being_set) {
  const auto event = make();
  for (int round = 0; round < 10; ++round) {
    const EventDescriptor descriptor(*event);
    support::wait_until([&] {
      const std::vector<carom::Participant> waiting = event->waiting();
      return waiting.size() == 1 && support::sleeps(static_cast<pid_t>(waiting[0].tid));
    });
  }
  EXPECT_EQ(event->waiters(), 0u);
}

TEST(CAROM_SUITE(EventDescriptor), several_tell_of_the_same_event) {
  const auto event = make();
  EventDescriptor one(*event);
  EventDescriptor other(*event);
  event->set();
  EXPECT_TRUE(readable(one.fd(), kLong) && readable(other.fd(), kLong));
  EXPECT_TRUE(one.acknowledge());
  EXPECT_TRUE(readable(other.fd(), 0));
}
