// A sandbox that refuses a system call, each in turn: what carom does works all the same, or an Error names the cause. No
// signal, no other exception, nobody who waits for ever.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <string>
#include <tuple>

#include "carom/carom.hpp"
#include "support/plain.hpp"
#include "support/refused.hpp"
#include "support/segments.hpp"

using namespace std::chrono_literals;
using support::Forked;
using support::Plain;

namespace {

struct Call {
  const char* name;
  long number;
};
// NOLINTBEGIN(bugprone-macro-parentheses)
#define CALL(name)    \
  Call {              \
#name, SYS_##name \
  }
// NOLINTEND(bugprone-macro-parentheses)

const Call calls[] = {
    CALL(mremap),
    CALL(madvise),
    CALL(munmap),
    CALL(memfd_create),
    CALL(fallocate),
    CALL(ftruncate),
    CALL(newfstatat),
    CALL(fstat),
    CALL(openat),
    CALL(linkat),
    CALL(unlink),
    CALL(fcntl),
    CALL(geteuid),
    CALL(getpid),
    CALL(gettid),
    CALL(sysinfo),
    CALL(sched_getaffinity),
    CALL(sched_yield),
    CALL(clock_gettime),
    CALL(clock_nanosleep),
    CALL(get_robust_list),
    CALL(futex_waitv),
    CALL(pidfd_open),
    CALL(pidfd_send_signal),
    CALL(kill),
    CALL(tkill),
    CALL(tgkill),
    CALL(waitid),
    CALL(ppoll),
    CALL(poll),
    CALL(pipe2),
    CALL(socketpair),
    CALL(eventfd2),
    CALL(prctl),
    CALL(rt_sigprocmask),
    CALL(rt_sigaction),
    CALL(clone3),
    CALL(mprotect),
    CALL(readlink),

};

struct Board {
  carom::Lock lock;
  carom::FifoLock fifo_lock;
  carom::BoundedSemaphore slots{1};
  carom::Event event;
  carom::Condition condition;
  carom::Barrier barrier{2};
  carom::Latch latch{1};
  int ran = 0;
};

/// What the body came to: "works", or the Error's text.
std::string outcome(const std::function<void()>& body) {
  try {
    body();
  } catch (const carom::Error& e) {
    return e.what();
  }
  return "works";
}

void check(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(std::string("that is wrong: ") + what);
}

/// A child of this child. What it has to say against it, it says with its exit code.
Forked in_a_child(const std::function<void()>& body) {
  return Forked([&] {
    try {
      body();
    } catch (const std::exception&) {
      _exit(1);
    }
  });
}

void lives_through_a_death(Board& board) {
  Forked owner = in_a_child([&] {
    check(static_cast<bool>(board.lock.acquire()), "lock");
    check(static_cast<bool>(board.fifo_lock.acquire()), "fifo lock");
    check(static_cast<bool>(board.slots.acquire()), "permit");
    board.latch.promise();
  });
  owner.wait();
  check(board.lock.acquire() == carom::Acquisition::acquired_owner_died, "the lock's next owner is told");
  check(board.fifo_lock.acquire() == carom::Acquisition::acquired_owner_died,
        "the fifo lock's next owner is told");
  check(board.slots.acquire() == carom::Acquisition::acquired_owner_died, "the permit comes back");
  check(board.latch.wait() == carom::LatchWait::forsaken, "the promise is broken");
  check(board.lock.release() == carom::Release::released, "released");
}

void waits(Board& board) {
  check(!board.event.wait(5ms), "the event is not set");
  {
    const std::scoped_lock hold(board.condition);
    check(!board.condition.wait(5ms), "nobody notifies");
  }
  const Forked party = in_a_child([&] { board.barrier.wait(); });
  board.barrier.wait();
  const Forked setter = in_a_child([&] {
    usleep(2000);
    board.event.set();
  });
  check(board.event.wait(), "the event is set");
}

void tells_by_descriptor(Board& board) {
  board.event.clear();
  carom::EventDescriptor descriptor(board.event);
  board.event.set();
}

void runs_a_process(Board& board) {
  carom::Process child([&] { board.ran = 7; });
  child.join();
  check(board.ran == 7, "the child has run");
}

void opens_by_name(const std::string& name) {
  const auto made = carom::Shared<Board>::create(name, {});
  const auto opened = carom::Shared<Board>::open(name);
  check(static_cast<bool>(opened->lock.acquire()), "lock");
  carom::Segment::remove(name);
}

using Refused = std::tuple<Call, int>;

std::string name_of(const testing::TestParamInfo<Refused>& info) {
  return std::string(std::get<0>(info.param).name) +
         (std::get<1>(info.param) == EPERM ? "_EPERM" : "_ENOSYS");
}

class Sandbox : public testing::TestWithParam<Refused> {};

}  // namespace

TEST_P(Sandbox, refuses_a_call_and_it_works_or_the_error_says_so) {
  const auto [call, error] = GetParam();
  const support::Name name;
  struct Text {
    char text[4000];
  };
  const Plain<Text> said;
  Forked child([&, call = call, error = error] {
    std::string words;
    const auto step = [&](const char* what, const std::function<void()>& body) {
      words += std::string(what) + ": " + outcome(body) + "\n";
      words.copy(said->text, sizeof said->text - 1);
    };
    try {
      const carom::Shared<Board> made_before;
      support::refuse(call.number, error);
      step("owner death", [&] { lives_through_a_death(*made_before); });
      step("waiting", [&] { waits(*made_before); });
      step("descriptor", [&] { tells_by_descriptor(*made_before); });
      step("process", [&] { runs_a_process(*made_before); });
      step("anonymous segment", [&] { const carom::Shared<Board> made_after; });
      step("named segment", [&] { opens_by_name(name); });
    } catch (const std::exception& e) {
      words += std::string("an exception that is no Error: ") + e.what();
      words.copy(said->text, sizeof said->text - 1);
      _exit(1);
    }
  });
  EXPECT_EQ(child.wait(), 0) << said->text;
  std::istringstream lines{std::string(said->text)};
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    if (line.ends_with(": works")) continue;
    EXPECT_THAT(line,
                testing::AnyOf(testing::HasSubstr(call.name), testing::HasSubstr(strerrorname_np(error))))
        << "refused is " << call.name;
  }
  EXPECT_EQ(count, 6) << said->text;
}
TEST(SandboxForThreads, whose_end_the_kernel_is_not_to_tell) {
  const carom::Shared<Board> board;
  Forked child([&] {
    support::refuse(SYS_set_robust_list, EPERM);
    Forked owner = in_a_child([&] { check(static_cast<bool>(board->lock.acquire()), "lock"); });
    check(owner.wait() == 0, "a thread of whose end nobody is told holds a lock");
    check(board->lock.acquire() == carom::Acquisition::acquired_owner_died, "its end is found out");
  });
  EXPECT_EQ(child.wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(each, Sandbox,
                         testing::Combine(testing::ValuesIn(calls), testing::Values(EPERM, ENOSYS)), name_of);
