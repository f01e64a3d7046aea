// What SharedLock promises: many readers or one writer, whoever dies.
#include <array>
#include <cmath>
#include <mutex>
#include <shared_mutex>

#include "conformance/primitives.hpp"

using namespace std::chrono_literals;
using carom::Acquisition;
using carom::Errc;
using carom::Release;
using carom::SharedLock;
using support::code_of;

namespace {

struct Table {
  SharedLock lock;
  long one = 0;  ///< both under the lock, and the same
  long other = 0;
  std::atomic<int> torn{0};
  std::atomic<int> inside{0};
  std::atomic<bool> stop{false};
};
using SharedTable = carom::Shared<Table>;

Party party_that_reads(SharedLock& lock) {
  Party party([&lock] { lock.lock_shared(); });
  party.wait_until_done();
  return party;
}

}  // namespace

TEST(CAROM_SUITE(SharedLock), a_writer_is_alone) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
  EXPECT_TRUE(lock.owned() && lock.locked());
  Party other([&lock] {
    return !lock.acquire(false) && !lock.acquire_shared(false) && !lock.acquire(1ms) &&
           !lock.acquire_shared(1ms) && !lock.owned() && lock.release() == Release::not_owner;
  });
  EXPECT_EQ(other.leave(), 1);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(lock.owner().has_value());
}

TEST(CAROM_SUITE(SharedLock), readers_are_together) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  std::vector<Party> readers;
  for (int i = 0; i < 5; ++i) readers.push_back(party_that_reads(lock));
  EXPECT_EQ(lock.acquire_shared(), Acquisition::acquired);
  EXPECT_EQ(lock.reader_count(), 6u);
  EXPECT_EQ(lock.readers().size(), 6u);
  EXPECT_FALSE(lock.locked());
  EXPECT_EQ(lock.release_shared(), Release::released);
  EXPECT_EQ(lock.acquire(false), Acquisition::timed_out);
  EXPECT_EQ(lock.acquire(5ms), Acquisition::timed_out);
}

TEST(CAROM_SUITE(SharedLock), readers_never_see_half_of_what_writers_do) {
  const SharedTable table;
  std::vector<Party> parties;
  for (int i = 0; i < 4; ++i) {
    parties.emplace_back([&table, i] {
      for (int round = 0; round < 2000; ++round) {
        if ((round + i) % 4 == 0) {
          const std::scoped_lock writing(table->lock);
          if (table->one != table->other) ++table->torn;
          ++table->one;
          ++table->other;
        } else {
          const std::shared_lock reading(table->lock);
          if (table->one != table->other) ++table->torn;
        }
      }
    });
  }
  for (Party& party : parties) EXPECT_EQ(party.leave(), 0);
  EXPECT_EQ(table->one, 2000);
  EXPECT_EQ(table->other, 2000);
  EXPECT_EQ(table->torn, 0);
}

TEST(CAROM_SUITE(SharedLock), only_who_has_it_releases_it) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  EXPECT_EQ(lock.release(), Release::not_owner);
  EXPECT_EQ(lock.release_shared(), Release::not_owner);
  EXPECT_EQ(code_of([&] { lock.unlock(); }), Errc::not_owner);
  EXPECT_EQ(code_of([&] { lock.unlock_shared(); }), Errc::not_owner);
  const Party reader = party_that_reads(lock);
  EXPECT_EQ(lock.release_shared(), Release::not_owner);
  EXPECT_EQ(lock.reader_count(), 1u);
  EXPECT_EQ(code_of([] { static_cast<void>(SharedLock().locked()); }), Errc::outside_segment);
}

TEST(CAROM_SUITE(SharedLock), a_reader_may_read_again_even_past_a_writer_that_waits) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  ASSERT_EQ(lock.acquire_shared(), Acquisition::acquired);
  Party writer([&lock] { return lock.acquire().kind(); });
  support::wait_until([&] { return writer.sleeps() && lock.locked(); });
  EXPECT_EQ(lock.acquire_shared(), Acquisition::acquired);
  EXPECT_EQ(lock.release_shared(), Release::released);
  EXPECT_FALSE(writer.done());
  EXPECT_EQ(lock.release_shared(), Release::released);
  EXPECT_EQ(writer.leave(), Acquisition::acquired);
}

TEST(CAROM_SUITE(SharedLock), who_has_it_already_waits_like_everybody_else) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  ASSERT_TRUE(lock.acquire_shared());
  EXPECT_FALSE(lock.try_lock());
  EXPECT_EQ(lock.acquire(30ms), Acquisition::timed_out);
  EXPECT_FALSE(lock.locked());
  EXPECT_EQ(lock.reader_count(), 1u);
  EXPECT_EQ(lock.release_shared(), Release::released);
  ASSERT_TRUE(lock.acquire());
  EXPECT_FALSE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock_shared());
  EXPECT_EQ(lock.acquire(30ms), Acquisition::timed_out);
  EXPECT_EQ(lock.acquire_shared(30ms), Acquisition::timed_out);
  EXPECT_TRUE(lock.owned());
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_TRUE(lock.acquire(false));
}

TEST(CAROM_SUITE(SharedLock), who_has_it_already_is_a_cycle_of_one_where_that_is_asked_for) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  const auto expect_cycle_of_one = [&lock] {
    const std::vector<carom::Blocked> cycle = carom::last_deadlock();
    ASSERT_EQ(cycle.size(), 1u);
    EXPECT_EQ(cycle[0].object, &lock);
    EXPECT_EQ(cycle[0].who.tid, static_cast<std::uint32_t>(gettid()));
  };
  ASSERT_TRUE(lock.acquire_shared());
  EXPECT_EQ(lock.acquire(carom::detect_deadlock), Acquisition::deadlocked);
  expect_cycle_of_one();
  EXPECT_FALSE(lock.locked());
  EXPECT_EQ(lock.acquire_shared(carom::detect_deadlock), Acquisition::acquired);
  EXPECT_EQ(lock.release_shared(), Release::released);
  EXPECT_EQ(lock.release_shared(), Release::released);
  ASSERT_TRUE(lock.acquire());
  EXPECT_EQ(lock.acquire(carom::detect_deadlock), Acquisition::deadlocked);
  expect_cycle_of_one();
  EXPECT_EQ(lock.acquire_shared(carom::detect_deadlock), Acquisition::deadlocked);
  expect_cycle_of_one();
  EXPECT_EQ(lock.release(), Release::released);
}

TEST(CAROM_SUITE(SharedLock), a_dead_reader_stops_counting) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  party_that_reads(lock).die();
  EXPECT_EQ(lock.reader_count(), 0u);
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
  EXPECT_EQ(lock.release(), Release::released);
  Party reader = party_that_reads(lock);
  Party writer([&lock] { return lock.acquire().kind(); });
  support::wait_until([&] { return writer.sleeps() && lock.locked(); });
  reader.die();
  EXPECT_EQ(writer.leave(), Acquisition::acquired);
}

TEST(CAROM_SUITE(SharedLock), of_a_dead_writer_every_reader_is_told_and_then_the_next_writer) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  Party owner = party_that_holds(lock);
  EXPECT_EQ(lock.owner()->tid, static_cast<std::uint32_t>(owner.tid()));
  owner.die();
  for (int i = 0; i < 3; ++i) {
    Party reader([&lock] { return lock.acquire_shared().kind(); });
    EXPECT_EQ(reader.leave(), Acquisition::acquired_owner_died);
  }
  EXPECT_TRUE(lock.inherited());
  EXPECT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(lock.release(), Release::released);
  EXPECT_FALSE(lock.inherited());
  EXPECT_EQ(lock.acquire_shared(), Acquisition::acquired);
  EXPECT_EQ(lock.release_shared(), Release::released);
  EXPECT_EQ(lock.acquire(), Acquisition::acquired);
}

TEST(CAROM_SUITE(SharedLock), the_death_of_a_writer_wakes_all_who_sleep) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  Party owner = party_that_holds(lock);
  std::vector<Party> readers;
  for (int i = 0; i < 4; ++i) readers.emplace_back([&lock] { return lock.acquire_shared().kind(); });
  wait_for_sleepers(lock, readers, 4);
  EXPECT_EQ(lock.waiting().size(), 4u);
  owner.die();
  for (Party& reader : readers) EXPECT_EQ(reader.result(), Acquisition::acquired_owner_died);
  EXPECT_EQ(lock.reader_count(), 4u);
}

TEST(CAROM_SUITE(SharedLock), one_release_lets_in_all_readers_that_sleep) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  ASSERT_TRUE(lock.acquire());
  std::vector<Party> readers;
  for (int i = 0; i < 4; ++i) readers.emplace_back([&lock] { return lock.acquire_shared().kind(); });
  wait_for_sleepers(lock, readers, 4);
  EXPECT_EQ(lock.release(), Release::released);
  for (Party& reader : readers) EXPECT_EQ(reader.result(), Acquisition::acquired);
  EXPECT_EQ(lock.reader_count(), 4u);
}

TEST(CAROM_SUITE(SharedLock), each_release_wakes_the_next_writer_that_sleeps) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  ASSERT_TRUE(lock.acquire());
  std::vector<Party> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&lock] { return lock.acquire() && lock.release() == Release::released; });
  }
  wait_for_sleepers(lock, writers, 4);
  EXPECT_EQ(lock.release(), Release::released);
  for (Party& writer : writers) EXPECT_EQ(writer.result(), 1);  // whose end would wake another
}

TEST(CAROM_SUITE(SharedLock), a_stream_of_readers_does_not_starve_a_writer) {
  const SharedTable table;
  std::vector<Party> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&table] {
      while (!table->stop) {
        const std::shared_lock reading(table->lock);
        ++table->inside;
        support::wait_until([&table] { return table->inside > 1 || table->lock.locked() || table->stop; });
        --table->inside;
      }
    });
  }
  support::wait_until([&table] { return table->inside > 0; });
  for (int i = 0; i < 20; ++i) {
    const std::scoped_lock writing(table->lock);
    EXPECT_EQ(table->inside, 0);
  }
  table->stop = true;
  for (Party& reader : readers) EXPECT_EQ(reader.leave(), 0);
}

TEST(CAROM_SUITE(SharedLock), the_standards_guards_fit) {
  const SharedTable table;
  {
    const std::shared_lock reading(table->lock);
    const std::shared_lock again(table->lock, std::try_to_lock);
    const std::shared_lock timed(table->lock, 1s);
    EXPECT_TRUE(again.owns_lock() && timed.owns_lock());
    EXPECT_EQ(table->lock.reader_count(), 1u);
  }
  {
    const std::unique_lock writing(table->lock, std::chrono::steady_clock::now() + 1h);
    EXPECT_TRUE(writing.owns_lock() && table->lock.owned());
    Party other([&table] {
      return std::shared_lock(table->lock, 2ms).owns_lock() || std::unique_lock(table->lock, 2ms).owns_lock();
    });
    EXPECT_EQ(other.leave(), 0);
  }
  EXPECT_EQ(table->lock.reader_count(), 0u);
  EXPECT_FALSE(table->lock.locked());
}

TEST(CAROM_SUITE(SharedLock), timeouts_leave_nothing_behind) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  {
    Party reader = party_that_reads(lock);
    const std::int64_t start = carom::Deadline::now_ns();
    EXPECT_EQ(lock.acquire(20ms), Acquisition::timed_out);
    EXPECT_EQ(lock.acquire(-1s), Acquisition::timed_out);
    EXPECT_GE(carom::Deadline::now_ns() - start, 20'000'000);
    EXPECT_FALSE(lock.locked());
    EXPECT_EQ(lock.acquire_shared(0s), Acquisition::acquired);
    EXPECT_EQ(lock.release_shared(), Release::released);
    reader.die();
  }
  {
    Party writer = party_that_holds(lock);
    EXPECT_EQ(lock.acquire_shared(20ms), Acquisition::timed_out);
    EXPECT_EQ(lock.acquire(5ms), Acquisition::timed_out);
    EXPECT_EQ(lock.reader_count(), 0u);
    EXPECT_EQ(lock.waiters(), 0u);
  }
  EXPECT_EQ(lock.acquire(), Acquisition::acquired_owner_died);
  EXPECT_EQ(code_of([&] { return lock.acquire_shared(std::chrono::duration<double>(std::nan(""))); }),
            Errc::bad_timeout);
}

TEST(CAROM_SUITE(SharedLock), readers_kept_out_by_a_writer_that_gives_up_come_in) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  Party reader = party_that_reads(lock);
  Party writer([&lock] { return lock.acquire(150ms).kind(); });
  support::wait_until([&] { return lock.locked() || writer.done(); });
  EXPECT_EQ(lock.acquire_shared(20s), Acquisition::acquired);
  EXPECT_EQ(writer.leave(), Acquisition::timed_out);
  EXPECT_EQ(lock.reader_count(), 2u);
}

#ifndef CAROM_PARTIES_ARE_THREADS
TEST(CAROM_SUITE(SharedLock), a_writer_killed_as_it_waits_for_readers_keeps_nobody_out) {
  const SharedTable table;
  SharedLock& lock = table->lock;
  Party reader = party_that_reads(lock);
  Party writer([&lock] { return lock.acquire().kind(); });
  support::wait_until([&] { return writer.sleeps() && lock.locked(); });
  writer.die();
  EXPECT_TRUE(lock.acquire_shared());
  EXPECT_EQ(lock.release_shared(), Release::released);
  EXPECT_EQ(reader.leave(), 0);
  EXPECT_TRUE(lock.acquire());
}
#endif
