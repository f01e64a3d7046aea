#include "sync/spin.hpp"

#include <algorithm>
#include <atomic>

#include "platform/process_identity.hpp"

namespace carom::sync {
namespace {

constexpr int kUnknown = -1;
constexpr int kMost = 100;  // about what a sleep and its end cost
constexpr int kLeast = 10;  // a look now and then, to learn that it helps again

std::atomic<int> chosen{kUnknown};

// How many rounds it took of late, in eighths; none while there is one processor only.
constexpr int kSmoothing = 8;
constinit thread_local int average = kUnknown;
constinit thread_local bool alone = false;

// A thread may be bound to one processor, and set free again, at any time; asking costs a good part of what a sleep does.
constexpr unsigned kAskEvery = 64;
constinit thread_local unsigned waits = 0;

}  // namespace

void Spin::set_rounds(int rounds) noexcept {
  chosen.store(rounds, std::memory_order_relaxed);
}

int Spin::limit() noexcept {
  if (const int rounds = chosen.load(std::memory_order_relaxed); rounds != kUnknown) return rounds;
  if (average == kUnknown || (alone && ++waits % kAskEvery == 0)) alone = platform::usable_processors() == 1;
  if (average == kUnknown) average = kMost * kSmoothing / 2;
  return alone ? 0 : std::min(kMost, 2 * average / kSmoothing + kLeast);
}

void Spin::learn(int rounds) noexcept {
  average += rounds - average / kSmoothing;
}

void Spin::learn_that_it_failed() noexcept {
  average -= average / kSmoothing;
  // A sleep comes next, beside which this costs little: the thread may have been bound to a processor meanwhile.
  alone = platform::usable_processors() == 1;
}

}  // namespace carom::sync
