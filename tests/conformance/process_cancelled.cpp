// Process and Segment in a thread that somebody cancels (pthread_cancel): no call is a cancellation point, so none is
// left half done.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <stdexcept>

#include "carom/carom.hpp"
#include "conformance/cancelled.hpp"
#include "support/segments.hpp"

using namespace std::chrono_literals;
using carom::Process;
using conformance::run_cancelled;

TEST(ProcessCancelled, it_starts_and_is_joined_and_goes) {
  EXPECT_EQ(run_cancelled([] {
              Process process([] { return 7; });
              process.join();
              if (process.exit_code() != 7 || process.exception()) _exit(2);
            }),
            0);
}

TEST(ProcessCancelled, one_that_runs_is_waited_for_by_its_destructor) {
  EXPECT_EQ(run_cancelled([] { const Process process([] { usleep(20'000); }); }), 0);
}

TEST(ProcessCancelled, a_wait_with_a_deadline_is_not_left) {
  EXPECT_EQ(run_cancelled([] {
              Process process([] { pause(); });
              if (process.join(20ms)) _exit(2);
              process.kill();
            }),
            0);
}

TEST(ProcessCancelled, an_exception_in_the_child_is_reported) {
  EXPECT_EQ(run_cancelled([] {
              Process process([] { throw std::runtime_error("out of chalk"); });
              process.join();
              if (process.exception() != "out of chalk") _exit(2);
            }),
            0);
}

TEST(ProcessCancelled, a_request_to_end_its_starter_does_not_end_the_body) {
  EXPECT_EQ(run_cancelled([] {
              Process process([] {
                usleep(1000);
                return 7;
              });
              process.join();
              if (process.exit_code() != 7) _exit(2);
            }),
            0);
}

TEST(ProcessCancelled, a_body_that_ends_its_thread_ends_the_child_and_says_so) {
  Process process([] { pthread_exit(nullptr); });
  process.join();
  EXPECT_EQ(process.exit_code(), 1);
  EXPECT_TRUE(process.exception().has_value());
}

TEST(SegmentCancelled, it_is_made_and_opened_and_removed_and_leaves_no_descriptor) {
  EXPECT_EQ(run_cancelled([] {
              const support::Name name;
              const int before = dup(0);
              syscall(SYS_close, before);  // close() is a cancellation point
              {
                const carom::Segment nameless = carom::Segment::anonymous(100);
                const carom::Segment made = carom::Segment::create(name, 100);
                const carom::Segment opened = carom::Segment::open(name);
                const carom::Segment again = carom::Segment::open_or_create(name, 100);
                static_cast<void>(again.removed());
                if (!carom::Segment::remove(name)) _exit(2);
              }
              const int after = dup(0);
              if (after != before) _exit(3);
            }),
            0);
}
