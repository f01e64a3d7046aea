#include "crash/lifecycle.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "carom/carom.hpp"
#include "crash/route.hpp"
#include "crash/tracee.hpp"
#include "support/plain.hpp"

namespace crash {
namespace {

constexpr std::size_t kSeats = 4;

struct Board {
  carom::Lock lock;
};
using Shared = carom::Shared<Board>;

const char* const kSubject = "Segment";

std::string segment_name() {
  return "crash-" + std::to_string(getpid());
}

Shared make(const std::string& name) {
  return Shared::open_or_create(name, {.participants = kSeats});
}

/// How the checker of one kill ends.
enum Finding : int { kSound = 0, kLost = 10, kDoubled = 11 };

struct Operation {
  std::string name;
  std::function<void()> prepare;             ///< in this process, before each victim
  std::function<void()> before_begin;        ///< in the victim, not counted
  std::function<void()> body;                ///< in the victim, counted
  std::function<int(int victim_was)> check;  ///< in a process of its own, after the kill; a Finding
  std::function<void()> tidy;
};

class Lifecycle {
 public:
  Lifecycle(Ledger& ledger, const Limits& limits) : ledger_(ledger), limits_(limits) {}

  void sweep(const Operation& operation) {
    Route route([this] { return *phase_ == kAfter; }, true);
    operation.prepare();
    route.record(*start(operation));
    operation.tidy();
    for (std::size_t point = 0; point < route.points();
         point += static_cast<std::size_t>(limits_.stride(route.points()))) {
      operation.prepare();
      auto victim = start(operation);
      if (route.reach(*victim, point) == Route::Arrival::missed) {
        victim = start(operation);
        if (route.walk(*victim, point) == Route::Arrival::over) {
          operation.tidy();
          continue;
        }
      }
      Entry entry{kSubject, operation.name,        operation.name, static_cast<int>(point),
                  -1,       victim->instruction(), *phase_};
      victim->kill();
      const auto since = std::chrono::steady_clock::now();
      entry.verdict = check(operation, entry.phase);
      entry.wait_ms =
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - since).count();
      ledger_.add(entry);
      operation.tidy();
    }
    ledger_.print_scenario(kSubject, operation.name);
  }

  support::Plain<std::atomic<int>>& phase() { return phase_; }

 private:
  std::unique_ptr<Tracee> start(const Operation& operation) {
    *phase_ = kBefore;
    return std::make_unique<Tracee>([&] {
      operation.before_begin();
      CRASH_BEGIN();
      operation.body();
      *phase_ = kAfter;
      _exit(0);
    });
  }

  Verdict check(const Operation& operation, int victim_was) {
    support::Forked checker([&] {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      signal(SIGALRM, SIG_DFL);
      alarm(static_cast<unsigned>(limits_.confirm_ms / 1000));
      int finding = kLost;
      try {
        finding = operation.check(victim_was);
      } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", operation.name.c_str(), e.what());
      }
      std::fflush(nullptr);
      _exit(finding);
    });
    switch (checker.wait()) {
      case kSound:
        return Verdict::fine;
      case kDoubled:
        return Verdict::doubled;
      case -SIGALRM:
        return Verdict::hung;
      default:
        return Verdict::lost;
    }
  }

  Ledger& ledger_;
  Limits limits_;
  support::Plain<std::atomic<int>> phase_;
};

/// The lock works, the death is told when it must be, and once.
int check_lock(const Shared& board, int victim_was) {
  const carom::Acquisition first = board->lock.acquire();
  if (!first || (victim_was == kHolding && !first.owner_died())) return kLost;
  if (victim_was != kHolding && victim_was != kAcquiring && victim_was != kReleasing && first.owner_died()) {
    return kDoubled;
  }
  if (board->lock.release() != carom::Release::released) return kLost;
  const carom::Acquisition second = board->lock.acquire();
  if (!second) return kLost;
  if (second.owner_died()) return kDoubled;
  return board->lock.release() == carom::Release::released ? kSound : kLost;
}

/// Nobody but the living has a seat: as many threads as there are free ones can join at one time.
int check_seats(const Shared& board, std::size_t taken_by_others) {
  const std::size_t free = kSeats - taken_by_others;
  std::barrier everybody(static_cast<std::ptrdiff_t>(free));
  std::atomic<std::size_t> joined{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < free; ++i) {
    threads.emplace_back([&] {
      try {
        board.segment().join();
        ++joined;
      } catch (const carom::Error&) {
      }
      everybody.arrive_and_wait();
    });
  }
  for (auto& thread : threads) thread.join();
  return joined == free ? kSound : kLost;
}

int check_all(const Shared& board, int victim_was, std::size_t seats_of_others = 0) {
  int finding = check_seats(board, seats_of_others);
  if (finding == kSound) {
    std::thread([&] { finding = check_lock(board, victim_was); }).join();
  }
  return finding;
}

/// The name is free, or names something whole; and either way it can be used from now on.
int check_name(const std::string& name) {
  try {
    const Shared there = Shared::open(name);
    if (const int finding = check_all(there, kBefore); finding != kSound) return finding;
  } catch (const carom::Error& e) {
    if (e.code() != carom::Errc::no_such_segment) return kLost;
  }
  return check_all(make(name), kBefore);
}

}  // namespace

void kill_lifecycle(Ledger& ledger, const Limits& limits) {
  Lifecycle lifecycle(ledger, limits);
  auto& phase = lifecycle.phase();
  const std::string name = segment_name();
  const auto nothing = [] {};
  const auto remove = [&] { carom::Segment::remove(name); };
  std::optional<Shared> shared;
  const auto create_shared = [&] {
    remove();
    shared.emplace(make(name));
  };
  const auto drop_shared = [&] {
    shared.reset();
    remove();
  };
  const auto use = [&](const Shared& board) {
    *phase = kAcquiring;
    static_cast<void>(board->lock.acquire());
    *phase = kHolding;
    *phase = kReleasing;
    static_cast<void>(board->lock.release());
  };

  lifecycle.sweep(
      {"create", remove, nothing, [&] { make(name); }, [&](int) { return check_name(name); }, remove});
  lifecycle.sweep({"open", create_shared, [&] { shared.reset(); }, [&] { Shared::open(name); },
                   [&](int was) { return check_all(*shared, was); }, drop_shared});
  lifecycle.sweep({"attach (first use)", create_shared, nothing, [&] { use(*shared); },
                   [&](int was) { return check_all(*shared, was); }, drop_shared});
  lifecycle.sweep({"leave", create_shared, [&] { use(*shared); },
                   [&] {
                     *phase = kBefore;
                     shared->segment().leave();
                   },
                   [&](int was) { return check_all(*shared, was); }, drop_shared});
  lifecycle.sweep({"leave while holding", create_shared,
                   [&] {
                     static_cast<void>(shared->get()->lock.acquire());
                     *phase = kHolding;
                   },
                   [&] {
                     shared->segment().leave();
                     for (;;) *phase = kAfter;
                   },
                   [&](int was) { return check_all(*shared, was); }, drop_shared});
  lifecycle.sweep({"close", create_shared, [&] { use(*shared); },
                   [&] {
                     *phase = kBefore;
                     shared.reset();
                   },
                   [&](int was) { return check_all(*shared, was); }, drop_shared});
  lifecycle.sweep({"remove", create_shared, nothing, [&] { carom::Segment::remove(name); },
                   [&](int was) {
                     const int finding = check_all(*shared, was);
                     return finding == kSound ? check_name(name) : finding;
                   },
                   drop_shared});
  // The victim is a child forked by a thread that holds the lock: it must come out as somebody else.
  lifecycle.sweep({"fork child",
                   [&] {
                     create_shared();
                     static_cast<void>(shared->get()->lock.acquire());
                   },
                   nothing,
                   [&] {
                     Board& board = **shared;
                     if (board.lock.acquire(false) || board.lock.owned()) _exit(kDoubled);
                   },
                   [&](int) {
                     Board& board =
                         **shared;  // the parent holds it still, and releases it through this checker
                     if (board.lock.acquire(false)) return static_cast<int>(kDoubled);
                     if (board.lock.release() != carom::Release::released) return static_cast<int>(kLost);
                     shared->segment().leave();
                     return check_all(*shared, kBefore, 1);
                   },
                   drop_shared});
}

}  // namespace crash
