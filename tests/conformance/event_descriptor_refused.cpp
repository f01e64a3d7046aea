// EventDescriptor where it cannot have its thread, and in a thread that somebody cancels.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>

#include "carom/carom.hpp"
#include "conformance/cancelled.hpp"

using conformance::run_cancelled;

TEST(EventDescriptorCancelled, it_is_made_asked_and_goes) {
  const carom::Shared<carom::Event> event;
  EXPECT_EQ(run_cancelled([&event] {
              carom::EventDescriptor descriptor(*event);
              if (descriptor.acknowledge()) _exit(2);
            }),
            0);
}

namespace {

/// The Error of an EventDescriptor made by an ordinary user who may have no other thread.
int code_without_threads(int& os_error) {
  const support::Plain<std::atomic<int>> code;
  const support::Plain<std::atomic<int>> number;
  support::Forked program([&] {
    const carom::Shared<carom::Event> event;
    rlimit none{0, 0};
    setrlimit(RLIMIT_NPROC, &none);
    if (setresuid(65'534, 65'534, 65'534) != 0) _exit(90);
    try {
      const carom::EventDescriptor descriptor(*event);
    } catch (const carom::Error& e) {
      *code = 1 + static_cast<int>(e.code());
      *number = e.os_error();
    }
  });
  if (program.wait() != 0) return -1;
  os_error = *number;
  return *code - 1;
}

}  // namespace

TEST(EventDescriptorRefused, without_a_thread_it_is_not_started) {
  int os_error = 0;
  EXPECT_EQ(code_without_threads(os_error), static_cast<int>(carom::Errc::not_started));
  EXPECT_EQ(os_error, EAGAIN);
}

TEST(EventDescriptorRefused, without_a_place_for_its_thread_in_the_segment_it_is_an_error) {
  carom::SegmentOptions options;
  options.participants = 2;
  const carom::Segment segment = carom::Segment::anonymous(4096, options);
  auto& event = *new (segment.data()) carom::Event();
  segment.join();
  support::Forked program([&] {
    segment.join();
    try {
      const carom::EventDescriptor descriptor(event);
    } catch (const carom::Error& e) {
      _exit(e.code() == carom::Errc::roster_full ? 0 : 1);
    }
    _exit(2);
  });
  EXPECT_EQ(program.wait(), 0);
}
