// An object that is made where another lay is a new one: whatever threads have of the old one, dead or alive, is not its
// business. And one that is made where no object can lie is refused.
#include <gtest/gtest.h>

#include <functional>
#include <list>
#include <new>

#include "carom/carom.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"

using namespace carom;
using namespace std::chrono_literals;
using support::code_of;
using support::Forked;
using support::ProcessParty;

namespace {

/// Room for one object at a time.
template <class T>
class Room {
 public:
  template <class... Args>
  T& make(Args&&... args) {
    return *new (segment_.data()) T(std::forward<Args>(args)...);
  }

 private:
  Segment segment_ = Segment::anonymous(sizeof(T));
};

/// What a thread does to an object and then has, dead or alive.
enum class End { dies, stays };

class ReusedMemory : public testing::TestWithParam<End> {
 protected:
  template <class Body>
  void by_another(Body body) {
    parties_.emplace_back(body).wait_until_done();
    if (GetParam() == End::dies) parties_.back().die();
  }
  bool by_a_third(const std::function<bool()>& body) {
    return ProcessParty([&] { return body() ? 1 : 0; }).leave() == 1;
  }

  std::list<ProcessParty> parties_;
};
INSTANTIATE_TEST_SUITE_P(After, ReusedMemory, testing::Values(End::dies, End::stays),
                         [](const auto& one) { return one.param == End::dies ? "a_death" : "a_use"; });

constexpr Deadline kNow = Deadline::passed();

}  // namespace

TEST_P(ReusedMemory, a_bounded_semaphore_has_its_permits_and_no_more) {
  Room<BoundedSemaphore> room;
  BoundedSemaphore& old = room.make(3);
  by_another([&] { return old.acquire() && old.acquire(); });
  BoundedSemaphore& made = room.make(2);
  EXPECT_EQ(made.get_value(), 2u);
  EXPECT_TRUE(made.holders().empty());
  EXPECT_EQ(made.acquire(kNow), Acquisition::acquired);
  EXPECT_EQ(made.acquire(kNow), Acquisition::acquired);
  EXPECT_EQ(made.acquire(100ms), Acquisition::timed_out);
  EXPECT_EQ(made.release(), Release::released);
  EXPECT_EQ(made.release(), Release::released);
  EXPECT_EQ(made.release(), Release::too_many);
}

TEST_P(ReusedMemory, a_semaphore_has_its_permits_and_no_more) {
  Room<Semaphore> room;
  Semaphore& old = room.make(3);
  by_another([&] { old.lock(); });
  Semaphore& made = room.make(1);
  EXPECT_TRUE(made.holders().empty());
  EXPECT_TRUE(made.try_lock());
  EXPECT_FALSE(made.try_lock_for(100ms));
  made.unlock();
  EXPECT_EQ(made.get_value(), 1u);
}

TEST_P(ReusedMemory, what_one_holds_of_the_old_one_cannot_be_given_to_the_new_one) {
  Room<BoundedSemaphore> room;
  BoundedSemaphore& old = room.make(2);
  ASSERT_TRUE(old.acquire());
  BoundedSemaphore& made = room.make(2);
  EXPECT_EQ(made.release(), Release::too_many);
  ASSERT_TRUE(made.acquire());
  EXPECT_EQ(made.release(), Release::released);
  EXPECT_EQ(made.get_value(), 2u);
}

TEST_P(ReusedMemory, a_latch_expects_those_who_have_promised_it) {
  Room<Latch> room;
  Latch& old = room.make(2);
  by_another([&] { old.promise(); });
  Latch& made = room.make(1);
  EXPECT_TRUE(made.promised().empty());
  EXPECT_EQ(made.wait(100ms), LatchWait::timed_out) << "nobody has broken a promise";
  made.count_down();
  EXPECT_EQ(made.wait(), LatchWait::open);
}

TEST_P(ReusedMemory, a_barrier_has_the_parties_that_come_to_it) {
  Room<Barrier> room;
  Barrier& old = room.make(2);
  by_another([&] { old.enrol(); });
  Barrier& made = room.make(2);
  EXPECT_TRUE(made.enrolled().empty());
  EXPECT_FALSE(made.broken());
  ProcessParty second([&] { return made.wait(); });
  made.wait();
  EXPECT_GE(second.leave(), 0);
}

TEST_P(ReusedMemory, a_barrier_is_not_broken_by_who_waits_at_the_old_one) {
  Room<Barrier> room;
  Barrier& old = room.make(3);
  ProcessParty waiter([&] { return old.wait(); });
  support::wait_until([&] { return old.n_waiting() == 1 && waiter.sleeps(); });
  Barrier& made = room.make(2);
  waiter.die();
  ProcessParty second([&] { return made.wait(); });
  made.wait();
  EXPECT_GE(second.leave(), 0);
  EXPECT_FALSE(made.broken());
}

TEST_P(ReusedMemory, a_shared_lock_keeps_no_readers) {
  Room<SharedLock> room;
  SharedLock& old = room.make();
  by_another([&] { return static_cast<bool>(old.acquire_shared()); });
  SharedLock& made = room.make();
  EXPECT_EQ(made.reader_count(), 0u);
  EXPECT_EQ(made.acquire(1s), Acquisition::acquired);
  EXPECT_EQ(made.release(), Release::released);
}

// A smaller object covers neither the serial nor the home of the old one.
class ReusedPart : public testing::Test {
 protected:
  /// Makes an Old, of which somebody has something, then a Lock and an Event over its first 16 bytes; then whoever had it
  /// dies, and another comes into its place.
  template <class Old, class... Arguments>
  void expect_unharmed(const std::function<void(Old&)>& have, Arguments... arguments) {
    const Segment segment = Segment::anonymous(64);
    auto* const place = static_cast<std::byte*>(segment.data());
    Old& old = *new (place) Old(arguments...);
    ProcessParty holder([&] { have(old); });
    holder.wait_until_done();
    Lock& lock = *new (place) Lock;
    Event& event = *new (place + sizeof(Lock)) Event;
    holder.die();
    EXPECT_EQ(ProcessParty([&] {
                const bool free = lock.acquire(kNow) == Acquisition::acquired;
                return free && lock.release() == Release::released && !event.wait(10ms) && !lock.locked() ? 1
                                                                                                          : 0;
              }).leave(),
              1);
  }
};

TEST_F(ReusedPart, of_a_bounded_semaphore) {
  expect_unharmed<BoundedSemaphore>([](BoundedSemaphore& old) { return static_cast<void>(old.acquire()); },
                                    3);
}

TEST_F(ReusedPart, of_a_semaphore) {
  expect_unharmed<Semaphore>([](Semaphore& old) { old.lock(); }, 3);
}

TEST_F(ReusedPart, of_a_barrier) {
  expect_unharmed<Barrier>([](Barrier& old) { old.enrol(); }, 2);
}

TEST_F(ReusedPart, of_a_latch) {
  expect_unharmed<Latch>([](Latch& old) { old.promise(); }, 2);
}

TEST_F(ReusedPart, beside_a_neighbour_that_is_still_there) {
  const Segment segment = Segment::anonymous(64);
  auto* const place = static_cast<BoundedSemaphore*>(segment.data());
  BoundedSemaphore& neighbour = *new (place) BoundedSemaphore(2);
  new (place + 1) BoundedSemaphore(2);
  BoundedSemaphore& other = *new (place + 2) BoundedSemaphore(2);
  ProcessParty holder([&] { return neighbour.acquire() && other.acquire(); });
  holder.wait_until_done();
  new (place + 1) Event;
  new (place + 1) Event;
  EXPECT_EQ(neighbour.holders().size(), 1u);
  EXPECT_EQ(other.holders().size(), 1u);
  holder.die();
  EXPECT_EQ(neighbour.get_value(), 2u);
  EXPECT_EQ(other.get_value(), 2u);
}

TEST_P(ReusedMemory, a_lock_is_free_and_nobody_has_died_with_it) {
  Room<Lock> room;
  Lock& old = room.make();
  by_another([&] { return static_cast<bool>(old.acquire()); });
  Lock& made = room.make();
  EXPECT_FALSE(made.locked());
  EXPECT_EQ(made.acquire(kNow), Acquisition::acquired);
  EXPECT_EQ(made.release(), Release::released);
}

TEST_P(ReusedMemory, a_fifo_lock_has_no_line) {
  Room<FifoLock> room;
  FifoLock& old = room.make();
  ASSERT_TRUE(old.acquire());
  ProcessParty waiter([&] { return static_cast<bool>(old.acquire()); });
  support::wait_until([&] { return old.waiters() == 1 && waiter.sleeps(); });
  if (GetParam() == End::dies) waiter.die();
  FifoLock& made = room.make();
  EXPECT_TRUE(by_a_third([&] { return made.acquire(1s) == Acquisition::acquired; }));
}

TEST_P(ReusedMemory, a_condition_has_nobody_to_notify) {
  struct Pair {
    Lock lock;
    Condition condition{lock};
    std::atomic<bool> changed{false};
  };
  Room<Pair> room;
  Pair& old = room.make();
  ProcessParty waiter([&] {
    const std::scoped_lock hold(old.lock);
    static_cast<void>(old.condition.wait());
  });
  support::wait_until([&] { return old.condition.waiters() == 1 && waiter.sleeps(); });
  if (GetParam() == End::dies) waiter.die();
  Pair& made = room.make();
  ProcessParty next([&] {
    const std::scoped_lock hold(made.lock);
    return made.condition.wait_for([&] { return made.changed.load(); });
  });
  support::wait_until([&] { return next.sleeps(); });
  made.changed = true;
  support::wait_until([&] {  // one may be asleep still on what lay there before
    const std::scoped_lock hold(made.lock);
    made.condition.notify_one();
    return next.done();
  });
  EXPECT_EQ(next.leave(), 1);
}

namespace {

template <class T>
class Misaligned : public testing::Test {};
using Objects = testing::Types<Lock, RLock, FifoLock, SharedLock, Semaphore, BoundedSemaphore, Event,
                               Condition, Barrier, Latch>;
TYPED_TEST_SUITE(Misaligned, Objects);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

}  // namespace

TYPED_TEST(Misaligned, an_object_is_refused_when_it_is_made) {
  if (kSanitized) GTEST_SKIP() << "the sanitizer ends the program first";
  const Segment segment = Segment::anonymous(sizeof(TypeParam) + alignof(TypeParam));
  auto* const data = static_cast<std::byte*>(segment.data());
  const auto make_at = [&](std::size_t offset) {
    return code_of([&] {
      if constexpr (std::is_same_v<TypeParam, Barrier> || std::is_same_v<TypeParam, Latch>) {
        new (data + offset) TypeParam(1);
      } else {
        new (data + offset) TypeParam;
      }
    });
  };
  EXPECT_EQ(make_at(0), std::nullopt);
  for (std::size_t offset = 1; offset < alignof(TypeParam); ++offset) {
    EXPECT_EQ(make_at(offset), Errc::misaligned) << offset;
  }
}
