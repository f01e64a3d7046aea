// What a waiter of high priority gets when the owner has a low one and something between them keeps the processor busy.
#include <fmt/format.h>
#include <sched.h>

#include <vector>

#include "children.hpp"
#include "peers/carom.hpp"
#include "peers/pthread.hpp"
#include "row.hpp"
#include "rows.hpp"

namespace bench {
namespace {

constexpr std::int64_t kInsideNs = 2'000'000;  // of work that the owner has left
constexpr std::int64_t kBusyNs = 20'000'000;   // that the process between them computes
constexpr std::int64_t kApartNs = 300'000;     // for the waiter to fall asleep
constexpr int kBetween = 10;
constexpr int kHigh = 20;

bool set_priority(int priority) {
  const sched_param parameters{priority};
  return sched_setscheduler(0, SCHED_FIFO, &parameters) == 0;
}

void compute(clockid_t clock, std::int64_t ns) {
  const auto now = [clock] {
    timespec time;
    clock_gettime(clock, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  };
  for (const std::int64_t end = now() + ns; now() < end;) {
  }
}

template <class Lock>
struct Table {
  Lock lock;
  Gate held;
  Gate wait;
  Gate busy;
  double waited_us = 0;
};

template <class Lock>
double waited_us() {
  const carom::Shared<Table<Lock>> table;
  Child owner([&] {
    pin_to(0);
    table->lock.lock();
    table->held.open();
    compute(CLOCK_THREAD_CPUTIME_ID, kInsideNs);
    table->lock.unlock();
  });
  table->held.pass();
  Child waiter([&] {
    pin_to(0);
    if (!set_priority(kHigh)) unexpected("sched_setscheduler", errno);
    const std::int64_t from = now_ns();
    table->lock.lock();
    table->waited_us = static_cast<double>(now_ns() - from) / 1000;
    table->lock.unlock();
  });
  Child between([&] {
    pin_to(0);
    if (!set_priority(kBetween)) unexpected("sched_setscheduler", errno);
    sleep_ns(kApartNs);
    compute(CLOCK_MONOTONIC, kBusyNs);
  });
  for (Child* const child : {&between, &owner, &waiter}) {
    if (!child->ends_well_within(kPatienceNs)) unexpected("a child");
  }
  return table->waited_us;
}

template <class Lock>
void enter(Row& row) {
  row.add(Lock::kName, [] { return std::vector{waited_us<Lock>()}; });
}

bool may_set_priorities() {
  return in_child([] { return set_priority(kHigh) ? 1.0 : 0.0; }) != 0;
}

}  // namespace

void run_priority(Report& report, bool quick) {
  if (!may_set_priorities()) {
    report.add_note("priority: skipped, this user may not set real-time priorities");
    return;
  }
  const std::size_t rounds = quick ? 3 : 21;
  report.line();
  report.line(fmt::format(
      "Priorities, one processor: the owner has 2 ms of work left, SCHED_OTHER; another computes 20 ms, "
      "SCHED_FIFO {}; how long one of SCHED_FIFO {} waits; {} rounds",
      kBetween, kHigh, rounds));
  Row row("priority", "behind an owner of low priority", "", {{"wait", "us"}});
  enter<CaromLock>(row);
  enter<CaromFifoLock>(row);
  enter<PthreadRobust>(row);
  enter<PthreadPi>(row);
  row.run(report, rounds);
  const auto judge = [&](const char* peer) {
    row.judge(report, row.find(CaromLock::kName), row.find(peer), 0, std::nullopt);
  };
  judge(PthreadRobust::kName);
  judge(PthreadPi::kName);
}

}  // namespace bench
