// What it costs to wake many processes at once.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <climits>
#include <memory>
#include <string>
#include <vector>

#include "children.hpp"
#include "peers/carom.hpp"
#include "peers/futex.hpp"
#include "peers/pthread.hpp"
#include "row.hpp"
#include "rows.hpp"

namespace bench {
namespace {

constexpr int kMaxSleepers = 1000;
constexpr std::size_t kSeats = 2048;
constexpr int kWakerCpu = 0;

/// Processes that fall asleep for each round, and are woken together. They are bound to the processors in turn: with few
/// of them, where the scheduler has put them decides more than who wakes them. The first is not on the waker's.
template <class Call>
class Dormitory {
 public:
  explicit Dormitory(int count) : count_(count) {
    children_.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i)
      children_.emplace_back([&] {
        pin_to((i + kWakerCpu + 1) % static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
        sleep_each_round(static_cast<std::size_t>(i));
      });
  }

  /// us that the call took; until the last of them ran, for each of them.
  std::vector<double> wake() {
    ++round_;
    board_->round.store(round_, std::memory_order_release);
    futex_wake(board_->round, INT_MAX);
    wait_until_asleep();

    Call& call = *board_->call;
    call.prepare(round_);
    const std::int64_t begin = now_ns();
    call.wake_all();
    const std::int64_t end = now_ns();
    call.after();
    if (!board_->all_ran.pass_within(kPatienceNs))
      unexpected((std::string("waking all by ") + Call::kName).c_str());
    const std::int64_t last = *std::max_element(board_->ran_ns.begin(), board_->ran_ns.begin() + count_);
    return {static_cast<double>(end - begin) / 1000, static_cast<double>(last - begin) / 1000 / count_};
  }

 private:
  struct Board {
    Placed<Call> call;
    alignas(64) std::atomic<std::uint32_t> round{0};
    alignas(64) std::atomic<int> arriving{0};
    alignas(64) std::atomic<int> ran{0};
    Gate all_ran;
    std::array<std::int64_t, kMaxSleepers> ran_ns{};
  };

  void sleep_each_round(std::size_t index) {
    for (std::uint32_t round = 1;; ++round) {
      for (std::uint32_t seen = board_->round; seen < round; seen = board_->round)
        futex_wait(board_->round, seen);
      ++board_->arriving;
      board_->call->wait(round);
      board_->ran_ns[index] = now_ns();
      if (++board_->ran == count_) board_->all_ran.open();
    }
  }

  void wait_until_asleep() {
    const std::int64_t patience_ends = now_ns() + kPatienceNs;
    const auto wait_for = [&](auto condition) {
      while (!condition()) {
        if (now_ns() > patience_ends) unexpected("falling asleep");
        sleep_ns(200'000);
      }
    };
    wait_for([&] { return board_->arriving == count_; });
    for (const Child& child : children_) wait_for([&] { return child.sleeps(); });
    board_->arriving = 0;
    board_->ran = 0;
  }

  int count_;
  carom::Shared<Board> board_ = carom::Shared<Board>::anonymous({.participants = kSeats});
  std::uint32_t round_ = 0;
  std::vector<Child> children_;
};

template <class Call>
void enter(Row& row, int sleepers) {
  row.add(Call::kName,
          [dormitory = std::make_shared<Dormitory<Call>>(sleepers)] { return dormitory->wake(); });
}

}  // namespace

void run_wake_all(Report& report, bool quick) {
  const Pinned waker(kWakerCpu);
  const std::size_t rounds = quick ? 3 : 45;
  const std::size_t rounds_of_most = 15;
  report.line();
  report.line(
      fmt::format("Waking all, processes bound to the CPUs in turn: {} rounds, with {} asleep {}; the call "
                  "itself, and until the last has run, for each",
                  rounds, kMaxSleepers, rounds_of_most));
  for (const int sleepers : {1, 10, 100, kMaxSleepers}) {
    if (quick && sleepers > 100) continue;
    Row row("wake_all", "sleepers", fmt::format("{} asleep", sleepers),
            {{"the call", "us"}, {"per sleeper, until the last ran", "us"}});
    enter<CaromEventCall>(row, sleepers);
    enter<CaromConditionCall>(row, sleepers);
    enter<PthreadBroadcast>(row, sleepers);
    enter<FutexCall>(row, sleepers);
    row.run(report, sleepers == kMaxSleepers ? rounds_of_most : rounds);
    const Contestant& peer = row.find(PthreadBroadcast::kName);
    for (const Contestant& who : row.contestants()) {
      if (!who.is_carom()) continue;
      row.judge(report, who, peer, 0, std::nullopt);
      row.judge(report, who, peer, 1, 1.0);
    }
  }
}

}  // namespace bench
