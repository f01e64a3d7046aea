// A forked child's copy of an EventDescriptor may go at any time, whatever else the child has made.
#include <poll.h>

#include <memory>

#include "conformance/primitives.hpp"

TEST(CAROM_SUITE(EventDescriptor), the_end_of_a_forked_copy_does_not_touch_what_the_child_made) {
  const carom::Shared<carom::Event> event;
  auto copy = std::make_unique<carom::EventDescriptor>(*event);
  Party child([&event, &copy] {
    {
      const carom::EventDescriptor own(*event);
      copy.reset();
      event->set();
      pollfd asked{.fd = own.fd(), .events = POLLIN, .revents = 0};
      if (poll(&asked, 1, 20'000) != 1) return 0;
    }
    return 1;
  });
  EXPECT_EQ(child.leave(), 1);
}
