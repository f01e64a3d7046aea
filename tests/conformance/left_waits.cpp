// Waits that are left before their time: by pthread_cancel, and by a jump out of a signal handler. Nothing is lost with
// those who leave, and nobody waits for them.
#include <gtest/gtest.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include <functional>
#include <mutex>

#include "carom/carom.hpp"
#include "support/party.hpp"
#include "support/plain.hpp"
#include "support/printing.hpp"

using namespace carom;
using namespace std::chrono_literals;
using support::Forked;
using support::ProcessParty;

namespace {

struct Board {
  Lock lock;
  RLock rlock;
  FifoLock fifo;
  SharedLock shared;
  Semaphore permits{0};
  BoundedSemaphore bounded{1};
  Event event;
  Condition condition{lock};
  Condition deep{rlock};
  Barrier barrier{2};
  Latch latch{1};
  std::atomic<int> phase{0};
  std::atomic<int> ended{0};  ///< threads that unwound
};

/// Counts, when it goes, that its thread unwound.
struct Unwound {
  explicit Unwound(Board& all) : board(all) {}
  Unwound(const Unwound&) = delete;
  Unwound& operator=(const Unwound&) = delete;
  ~Unwound() { ++board.ended; }
  Board& board;
};

struct Call {
  const char* name;
  std::function<void(Board&)> wait;
  std::function<std::size_t(const Board&)> waiters;
};
void PrintTo(const Call& call, std::ostream* out) {
  *out << call.name;
}

/// A thread of this process in such a wait.
class Thread {
 public:
  Thread(Board& board, const Call& call, bool cancelled_before, int type = PTHREAD_CANCEL_DEFERRED)
      : board_(board), call_(call), before_(cancelled_before), type_(type) {
    pthread_create(&thread_, nullptr, &run, this);
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  void cancel() const { pthread_cancel(thread_); }
  bool was_cancelled() const {
    void* result = nullptr;
    pthread_join(thread_, &result);
    return result == PTHREAD_CANCELED;
  }
  bool sleeps() const { return tid_ != 0 && support::sleeps(tid_) && call_.waiters(board_) == 1; }

 private:
  static void* run(void* self) {
    auto& me = *static_cast<Thread*>(self);
    int old;
    pthread_setcanceltype(me.type_, &old);
    if (me.before_) pthread_cancel(pthread_self());
    me.tid_ = static_cast<pid_t>(gettid());
    const Unwound unwound(me.board_);
    me.call_.wait(me.board_);
    return nullptr;
  }

  Board& board_;
  const Call& call_;
  bool before_;
  int type_;
  std::atomic<pid_t> tid_{0};
  pthread_t thread_;
};

class CancellationPoint : public testing::TestWithParam<Call> {
 protected:
  /// In a program of its own, for a cancelled thread's unwinding is the program's own affair.
  int in_a_program(const std::function<bool(Board&)>& body) {
    const Shared<Board> board;
    return Forked([&] { _exit(body(*board) ? 0 : 1); }).wait();
  }
};

const Call kPoints[] = {
    {"Event_wait", [](Board& b) { b.event.wait(); }, [](const Board& b) { return b.event.waiters(); }},
    {"Event_wait_for", [](Board& b) { b.event.wait_for(1h); },
     [](const Board& b) { return b.event.waiters(); }},
    {"Semaphore_acquire", [](Board& b) { static_cast<void>(b.permits.acquire()); },
     [](const Board& b) { return b.permits.waiters(); }},
    {"Semaphore_lock", [](Board& b) { b.permits.lock(); },
     [](const Board& b) { return b.permits.waiters(); }},
    {"BoundedSemaphore_acquire", [](Board& b) { static_cast<void>(b.bounded.acquire()); },
     [](const Board& b) { return b.bounded.waiters(); }},
    {"Condition_wait",
     [](Board& b) {
       std::unique_lock hold(b.lock);
       b.condition.wait(hold);
     },
     [](const Board& b) { return b.condition.waiters(); }},
    {"Condition_wait_deep",
     [](Board& b) {
       const std::scoped_lock once(b.rlock);
       const std::scoped_lock twice(b.rlock);
       static_cast<void>(b.deep.wait());
     },
     [](const Board& b) { return b.deep.waiters(); }},
    {"Barrier_wait", [](Board& b) { static_cast<void>(b.barrier.wait()); },
     [](const Board& b) { return b.barrier.waiters(); }},
    {"Latch_wait", [](Board& b) { static_cast<void>(b.latch.wait()); },
     [](const Board& b) { return b.latch.waiters(); }},
};
INSTANTIATE_TEST_SUITE_P(Every, CancellationPoint, testing::ValuesIn(kPoints),
                         [](const auto& one) { return std::string(one.param.name); });

/// Whether everything can be used afterwards as if nobody had been there.
bool in_order(Board& b) {
  if (b.lock.locked() || b.rlock.locked() || b.shared.locked()) return false;
  if (b.event.waiters() + b.permits.waiters() + b.bounded.waiters() + b.condition.waiters() +
          b.deep.waiters() + b.barrier.waiters() + b.latch.waiters() !=
      0)
    return false;
  return b.permits.get_value() == 0 && b.ended == 1;
}

}  // namespace

TEST_P(CancellationPoint, ends_a_thread_that_sleeps) {
  EXPECT_EQ(in_a_program([&](Board& b) {
              const bool taken = static_cast<bool>(b.bounded.acquire());
              const Thread thread(b, GetParam(), false);
              support::wait_until([&] { return thread.sleeps(); });
              thread.cancel();
              return taken && thread.was_cancelled() && in_order(b);
            }),
            0);
}

TEST_P(CancellationPoint, ends_a_thread_that_was_cancelled_before) {
  EXPECT_EQ(in_a_program([&](Board& b) {
              const bool taken = static_cast<bool>(b.bounded.acquire());
              const Thread thread(b, GetParam(), true);
              return taken && thread.was_cancelled() && in_order(b);
            }),
            0);
}

TEST_P(CancellationPoint, ends_a_thread_that_may_be_cancelled_at_any_time) {
  EXPECT_EQ(in_a_program([&](Board& b) {
              const bool taken = static_cast<bool>(b.bounded.acquire());
              const Thread thread(b, GetParam(), false, PTHREAD_CANCEL_ASYNCHRONOUS);
              support::wait_until([&] { return thread.sleeps(); });
              thread.cancel();
              return taken && thread.was_cancelled() && in_order(b);
            }),
            0);
}

namespace {

using NoCancellationPoint = CancellationPoint;
const Call kLocks[] = {
    {"Lock", [](Board& b) { b.lock.lock(); }, [](const Board& b) { return b.lock.waiters(); }},
    {"RLock", [](Board& b) { b.rlock.lock(); }, [](const Board& b) { return b.rlock.waiters(); }},
    {"FifoLock", [](Board& b) { b.fifo.lock(); }, [](const Board& b) { return b.fifo.waiters(); }},
    {"SharedLock", [](Board& b) { b.shared.lock(); }, [](const Board& b) { return b.shared.waiters(); }},
    {"SharedLock_shared", [](Board& b) { b.shared.lock_shared(); },
     [](const Board& b) { return b.shared.waiters(); }},
};
INSTANTIATE_TEST_SUITE_P(Every, NoCancellationPoint, testing::ValuesIn(kLocks),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace

TEST_P(NoCancellationPoint, takes_the_lock_and_ends_at_the_next_point) {
  EXPECT_EQ(in_a_program([&](Board& b) {
              b.lock.lock();
              b.rlock.lock();
              b.fifo.lock();
              b.shared.lock();
              const Call through{"",
                                 [&](Board& board) {
                                   GetParam().wait(board);
                                   board.phase = 1;
                                   pthread_testcancel();
                                   board.phase = 2;
                                 },
                                 GetParam().waiters};
              const Thread thread(b, through, false);
              support::wait_until([&] { return thread.sleeps(); });
              thread.cancel();
              b.lock.unlock();
              b.rlock.unlock();
              b.fifo.unlock();
              b.shared.unlock();
              return thread.was_cancelled() && b.phase == 1;
            }),
            0);
}

TEST(CancelledWaiter, passes_a_notification_on_that_came_to_it) {
  // Of two waiters one is notified and cancelled at about the same time. Either it was woken first, and goes on with
  // the notification; or it ends, and the other has it.
  for (int round = 0; round < 200; ++round) {
    const Shared<Board> board;
    Forked program([&] {
      Board& b = *board;
      const Call wait{"",
                      [](Board& all) {
                        std::unique_lock hold(all.lock);
                        all.condition.wait(hold);
                        ++all.phase;
                      },
                      [](const Board&) { return std::size_t{1}; }};
      const Thread first(b, wait, false);
      support::wait_until([&] { return b.condition.waiters() == 1; });
      const Thread second(b, wait, false);
      support::wait_until([&] { return b.condition.waiters() == 2; });
      std::thread canceller([&] { first.cancel(); });
      b.condition.notify_one();
      canceller.join();
      const bool cancelled = first.was_cancelled();
      support::wait_until([&] { return b.phase == 1; });
      if (cancelled) {
        _exit(second.was_cancelled() ? 1 : 0);
      }
      _exit(b.condition.waiters() == 1 ? 0 : 2);
    });
    ASSERT_EQ(program.wait(), 0) << round;
  }
}

TEST(CancelledWaiter, breaks_the_barrier_that_it_had_arrived_at) {
  const Shared<Board> board;
  Forked program([&] {
    const Thread thread(*board, kPoints[7], false);
    support::wait_until([&] { return thread.sleeps(); });
    thread.cancel();
    _exit(thread.was_cancelled() ? 0 : 1);
  });
  EXPECT_EQ(program.wait(), 0);
  try {
    board->barrier.wait();
    FAIL() << "one has left";
  } catch (const BrokenBarrierError& e) {
    EXPECT_EQ(e.why(), BarrierBreak::aborted);
  }
}

namespace {

sigjmp_buf beyond;

/// Leaves the call by a jump once it sleeps, and lives on.
ProcessParty jumper(Board& board, const Call& call) {
  return ProcessParty([&board, &call] {
    signal(SIGUSR1, [](int) { siglongjmp(beyond, 1); });
    if (sigsetjmp(beyond, 1) != 0) return 1;
    call.wait(board);
    return 0;
  });
}

class JumpedOut : public testing::TestWithParam<Call> {
 protected:
  /// Somebody has left the call by a jump, and is busy elsewhere.
  void SetUp() override {
    jumper_.emplace(jumper(*board_, GetParam()));
    support::wait_until([&] { return jumper_->sleeps() && GetParam().waiters(*board_) == 1; });
    jumper_->signal(SIGUSR1);
    jumper_->wait_until_done();
    EXPECT_EQ(jumper_->result(), 1);
  }
  bool another(const std::function<bool(Board&)>& body) {
    return ProcessParty([&] { return body(*board_) ? 1 : 0; }).leave() == 1;
  }

  Shared<Board> board_;
  std::optional<ProcessParty> jumper_;
};

class JumpedOutOfLock : public JumpedOut {
 protected:
  void SetUp() override {
    board_->lock.lock();
    board_->rlock.lock();
    board_->fifo.lock();
    board_->shared.lock();
    EXPECT_TRUE(board_->bounded.acquire());
    JumpedOut::SetUp();
    board_->lock.unlock();
    board_->rlock.unlock();
    board_->fifo.unlock();
    board_->shared.unlock();
    EXPECT_EQ(board_->bounded.release(), Release::released);
  }
};
INSTANTIATE_TEST_SUITE_P(Every, JumpedOutOfLock,
                         testing::Values(kLocks[0], kLocks[1], kLocks[2], kLocks[3], kLocks[4], kPoints[4]),
                         [](const auto& one) { return std::string(one.param.name); });

const Call kMeeting[] = {kPoints[7]};
using JumpedOutOfBarrier = JumpedOut;
INSTANTIATE_TEST_SUITE_P(Every, JumpedOutOfBarrier, testing::ValuesIn(kMeeting),
                         [](const auto& one) { return std::string(one.param.name); });

using JumpedOutOfCondition = JumpedOut;
INSTANTIATE_TEST_SUITE_P(Every, JumpedOutOfCondition, testing::Values(kPoints[5]),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace

TEST_P(JumpedOutOfLock, others_get_it) {
  EXPECT_TRUE(another([](Board& b) {
    return b.lock.acquire() && b.rlock.acquire() && b.fifo.acquire() && b.shared.acquire() &&
           b.bounded.acquire();
  }));
}

TEST_P(JumpedOutOfLock, it_can_be_used_again_by_who_left) {
  jumper_->die();
  ProcessParty again([&] {
    signal(SIGUSR1, [](int) { siglongjmp(beyond, 1); });
    if (sigsetjmp(beyond, 1) == 0) {
      board_->fifo.lock();
      raise(SIGUSR1);
    }
    board_->fifo.unlock();
    return board_->fifo.acquire() ? 1 : 0;
  });
  EXPECT_EQ(again.leave(), 1);
}

// A writer that waits for readers keeps new readers out.
TEST(JumpedOutOfSharedLock, a_writer_that_waited_for_readers_keeps_nobody_out) {
  const Shared<Board> board;
  board->shared.lock_shared();
  ProcessParty jumper([&] {
    signal(SIGUSR1, [](int) { siglongjmp(beyond, 1); });
    if (sigsetjmp(beyond, 1) == 0) {
      board->shared.lock();
      return 0;
    }
    // It is not its, and cannot be released.
    if (board->shared.owned() || board->shared.release() != Release::not_owner) return 2;
    // It waits elsewhere meanwhile.
    static_cast<void>(board->event.wait(400ms));
    board->phase = 1;
    support::wait_until([&] { return board->phase == 2; });
    return board->shared.acquire() == Acquisition::acquired ? 1 : 3;
  });
  support::wait_until([&] { return jumper.sleeps() && board->shared.locked(); });
  jumper.signal(SIGUSR1);
  EXPECT_EQ(
      ProcessParty([&] { return board->shared.acquire_shared() == Acquisition::acquired ? 1 : 0; }).leave(),
      1)
      << "beside another reader";
  board->shared.unlock_shared();
  support::wait_until([&] { return board->phase == 1; });
  EXPECT_EQ(ProcessParty([&] {
              return board->shared.acquire() == Acquisition::acquired &&
                             board->shared.release() == Release::released
                         ? 1
                         : 0;
            }).leave(),
            1);
  board->phase = 2;
  EXPECT_EQ(jumper.leave(), 1);
}

TEST(JumpedOutOfLocks, who_left_waits_in_no_cycle) {
  const Shared<Board> board;
  board->lock.lock();
  ProcessParty jumper([&] {
    board->rlock.lock();
    signal(SIGUSR1, [](int) { siglongjmp(beyond, 1); });
    if (sigsetjmp(beyond, 1) == 0) {
      board->lock.lock();
      return 0;
    }
    board->phase = 1;
    support::wait_until([&] { return board->phase == 2; });
    usleep(200'000);
    board->rlock.unlock();
    return 1;
  });
  support::wait_until([&] { return jumper.sleeps() && board->lock.waiters() == 1; });
  jumper.signal(SIGUSR1);
  support::wait_until([&] { return board->phase == 1; });
  EXPECT_TRUE(find_deadlock(board.segment()).empty());
  board->phase = 2;
  EXPECT_EQ(board->rlock.acquire(detect_deadlock), Acquisition::acquired);
  EXPECT_EQ(jumper.leave(), 1);
}

TEST_P(JumpedOutOfCondition, others_are_notified) {
  ProcessParty waiter([&] {
    std::unique_lock hold(board_->lock);
    board_->condition.wait(hold);
  });
  support::wait_until([&] { return waiter.sleeps(); });
  board_->condition.notify_all();
  waiter.wait_until_done();
  EXPECT_EQ(waiter.leave(), 0);
}

TEST_P(JumpedOutOfCondition, one_notification_goes_to_who_is_there) {
  ProcessParty waiter([&] {
    std::unique_lock hold(board_->lock);
    board_->condition.wait(hold);
  });
  support::wait_until([&] { return waiter.sleeps(); });
  usleep(300'000);  // until the one that left has not looked for longer than any waiter goes without
  board_->condition.notify_one();
  EXPECT_EQ(waiter.leave(), 0);
}

TEST_P(JumpedOutOfBarrier, its_arrival_counts_until_it_comes_again) {
  EXPECT_EQ(board_->barrier.n_waiting(), 1u) << "whoever has arrived has arrived, wherever it is now";
  EXPECT_TRUE(another([](Board& b) { return b.barrier.wait() >= 0; }));
}
