// A user's program, for a tool that watches it: threads count in plain memory, rightly under a primitive, or wrongly
// beside it. Usage: guarded right|stopped|race|leak. Each primitive in turn; the tool is what says whether it saw anything.
#include <carom/carom.hpp>

#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <stop_token>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using std::chrono_literals::operator""ms;

constexpr int threads = 3;
constexpr int turns = 200;

struct Board {
  carom::Lock lock;
  carom::RLock rlock;
  carom::FifoLock fifo_lock;
  carom::SharedLock shared_lock;
  carom::Semaphore semaphore{1};
  carom::BoundedSemaphore bounded{1};
  carom::Event event;
  carom::Condition condition;
  carom::Barrier barrier{threads};
  carom::Latch latch{threads};
};

void together(const std::function<void(int)>& work) {
  std::vector<std::thread> crew;
  for (int number = 0; number < threads; ++number) crew.emplace_back(work, number);
  for (std::thread& thread : crew) thread.join();
}

/// By every form of acquiring.
template <class Lockable>
void count_under(Lockable& lockable, long& count) {
  together([&](int number) {
    for (int turn = 0; turn < turns; ++turn) {
      std::unique_lock hold(lockable, std::defer_lock);
      if (number == 0) {
        hold.lock();
      } else if (number == 1) {
        while (!hold.try_lock_for(50ms)) {
        }
      } else {
        while (!hold.try_lock()) std::this_thread::yield();
      }
      ++count;
    }
  });
}

/// Readers read what writers wrote, and the other way round.
void share(carom::SharedLock& lock, long& count) {
  together([&](int number) {
    long seen = 0;
    for (int turn = 0; turn < turns; ++turn) {
      if (number == 0) {
        const std::lock_guard hold(lock);
        ++count;
      } else {
        const std::shared_lock hold(lock);
        seen += count;
      }
    }
    static_cast<void>(seen);
  });
}

/// What is written before a semaphore's release is read after the acquire.
void signal(carom::Semaphore& full, long& count) {
  static_cast<void>(full.acquire());
  std::thread reader([&] {
    if (full.acquire()) ++count;
    static_cast<void>(full.release());
  });
  ++count;
  static_cast<void>(full.release());
  reader.join();
}

void announce(carom::Event& event, long& count) {
  std::thread waiter([&] {
    event.wait();
    ++count;
  });
  ++count;
  event.set();
  waiter.join();
  event.clear();
  std::thread looker([&] {
    while (!event.is_set()) std::this_thread::yield();
    ++count;
  });
  ++count;
  event.set();
  looker.join();
}

void notify(carom::Condition& condition, long& count) {
  bool ready = false;
  std::thread waiter([&] {
    std::unique_lock hold(condition);
    condition.wait(hold, [&] { return ready; });
    ++count;
  });
  {
    const std::lock_guard hold(condition);
    ready = true;
    ++count;
  }
  condition.notify_one();
  waiter.join();
}

void stop(carom::Condition& condition) {
  std::stop_source source;
  std::thread waiter([&] {
    std::unique_lock hold(condition);
    condition.wait(hold, source.get_token(), [] { return false; });
  });
  std::this_thread::sleep_for(5ms);
  source.request_stop();
  waiter.join();
}

/// The descriptor's thread is the library's own.
void poll_for(carom::Event& event, long& count) {
  event.clear();
  const carom::EventDescriptor descriptor(event);
  std::thread setter([&] {
    ++count;
    event.set();
  });
  pollfd readable{descriptor.fd(), POLLIN, 0};
  if (poll(&readable, 1, -1) != 1) std::abort();
  event.wait();
  ++count;
  setter.join();
}

/// In each round another thread counts.
void meet(carom::Barrier& barrier, long& count) {
  together([&](int number) {
    for (int round = 0; round < threads * 10; ++round) {
      if (round % threads == number) ++count;
      barrier.arrive_and_wait();
    }
  });
}

void count_down(carom::Latch& latch, std::vector<long>& counts) {
  together([&](int number) {
    counts.at(static_cast<std::size_t>(number)) = 1;
    static_cast<void>(latch.arrive_and_wait());
    long sum = 0;
    for (const long count : counts) sum += count;
    if (sum != threads) std::abort();
  });
}

int right(Board& board) {
  long count = 0;
  count_under(board.lock, count);
  count_under(board.rlock, count);
  count_under(board.fifo_lock, count);
  count_under(board.shared_lock, count);
  count_under(board.semaphore, count);
  count_under(board.bounded, count);
  share(board.shared_lock, count);
  signal(board.semaphore, count);
  notify(board.condition, count);
  announce(board.event, count);
  poll_for(board.event, count);
  meet(board.barrier, count);
  std::vector<long> counts(threads);
  count_down(board.latch, counts);
  return 0;
}

int stopped(Board& board) {
  stop(board.condition);
  return 0;
}

/// The lock is taken, but by one of the two only.
int race(Board& board) {
  long count = 0;
  std::thread careless([&] { ++count; });
  {
    const std::lock_guard hold(board.lock);
    ++count;
  }
  careless.join();
  return 0;
}

int leak(Board& board) {
  const std::lock_guard hold(board.lock);
  static char* volatile lost = nullptr;
  lost = new char[100];
  lost = nullptr;
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const std::string_view word = count == 2 ? words[1] : "";
  carom::Shared<Board> board;
  if (word == "right") return right(*board);
  if (word == "stopped") return stopped(*board);
  if (word == "race") return race(*board);
  if (word == "leak") return leak(*board);
  std::fputs("Usage: guarded right|stopped|race|leak\n", stderr);
  return 2;
}
