// Something has written over the place where an object says that its segment begins, and it names another that is open
// here: the object is refused, in whatever call has to look there, and the other segment stays as it is.
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "carom/carom.hpp"
#include "support/printing.hpp"

using namespace carom;
using namespace std::chrono_literals;
using support::code_of;

namespace {

struct Board {
  Lock lock;
  RLock rlock;
  FifoLock fifo_lock;
  SharedLock shared_lock;
  Semaphore semaphore{0};
  BoundedSemaphore bounded{1};
  Event event;
  Condition condition{lock};
  Barrier barrier{2};
  Latch latch{2};
};

/// One object of the board, where its home lies in it (tests/layout), and calls that have to find its segment.
struct Case {
  const char* name;
  std::size_t home_at;
  void* (*object)(Board&);
  void (*call)(Board&);
};

template <class T>
void* address(T& object) {
  return static_cast<void*>(&object);
}

const Case kCases[] = {
    {"Lock", 4, [](Board& b) { return address(b.lock); },
     [](Board& b) { static_cast<void>(b.lock.acquire(0s)); }},
    {"Lock_waiters", 4, [](Board& b) { return address(b.lock); },
     [](Board& b) { static_cast<void>(b.lock.waiters()); }},
    {"RLock", 4, [](Board& b) { return address(b.rlock); },
     [](Board& b) { static_cast<void>(b.rlock.waiters()); }},
    {"FifoLock", 8, [](Board& b) { return address(b.fifo_lock); },
     [](Board& b) { static_cast<void>(b.fifo_lock.acquire(0s)); }},
    {"SharedLock", 8, [](Board& b) { return address(b.shared_lock); },
     [](Board& b) { static_cast<void>(b.shared_lock.acquire(0s)); }},
    {"Semaphore", 8, [](Board& b) { return address(b.semaphore); },
     [](Board& b) { static_cast<void>(b.semaphore.acquire(0s)); }},
    {"BoundedSemaphore", 8, [](Board& b) { return address(b.bounded); },
     [](Board& b) { static_cast<void>(b.bounded.holders()); }},
    {"Event", 4, [](Board& b) { return address(b.event); }, [](Board& b) { b.event.wait(0s); }},
    {"Condition", 4, [](Board& b) { return address(b.condition); },
     [](Board& b) { static_cast<void>(b.condition.wait(0s)); }},
    {"Barrier", 8, [](Board& b) { return address(b.barrier); }, [](Board& b) { b.barrier.wait(0s); }},
    {"Latch", 4, [](Board& b) { return address(b.latch); },
     [](Board& b) { static_cast<void>(b.latch.wait(0s)); }},
};

class Misplaced : public testing::TestWithParam<Case> {
 protected:
  static std::uintptr_t base_of(const Shared<Board>& board) {
    return reinterpret_cast<std::uintptr_t>(&*board) & ~std::uintptr_t{4095};
  }
};
INSTANTIATE_TEST_SUITE_P(Every, Misplaced, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace

TEST_P(Misplaced, is_refused) {
  const Shared<Board> one;
  const Shared<Board> two;
  // A home says how many pages before the object its segment begins, so it can name the lower of the two.
  Board& board = base_of(one) > base_of(two) ? *one : *two;
  const Shared<Board>& other = base_of(one) > base_of(two) ? two : one;
  // The locks are held, so that no call ends before it has looked.
  static_cast<void>(board.lock.acquire());
  static_cast<void>(board.rlock.acquire());
  static_cast<void>(board.fifo_lock.acquire());
  static_cast<void>(board.shared_lock.acquire());

  auto* const home = static_cast<std::byte*>(GetParam().object(board)) + GetParam().home_at;
  std::uint32_t said;
  std::memcpy(&said, home, sizeof said);
  const std::uint32_t pages = said >> 2;
  const std::uint32_t apart = static_cast<std::uint32_t>(
      (base_of(one) > base_of(two) ? base_of(one) - base_of(two) : base_of(two) - base_of(one)) / 4096);
  const std::uint32_t to = (pages + apart) << 2 | (said & 3);
  std::memcpy(home, &to, sizeof to);

  EXPECT_EQ(code_of([&] { GetParam().call(board); }), Errc::corrupted);
  EXPECT_FALSE(other->lock.locked());
  EXPECT_EQ(other->lock.waiters(), 0u);
  std::memcpy(home, &said, sizeof said);
}

TEST(MisplacedRelease, of_a_condition_or_a_lock_touches_nothing_of_the_other_segment) {
  const Shared<Board> board;
  // A home that names no segment at all.
  const std::uint32_t nowhere = 0xffff'fffc;
  const auto spoil = [&](void* object, std::size_t at) {
    std::memcpy(static_cast<std::byte*>(object) + at, &nowhere, sizeof nowhere);
  };
  static_cast<void>(board->fifo_lock.acquire());
  spoil(&board->condition, 4);
  spoil(&board->fifo_lock, 8);
  board->condition.notify_all();
  EXPECT_EQ(board->fifo_lock.release(), Release::released);
}
