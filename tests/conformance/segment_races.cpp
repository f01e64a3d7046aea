// Many at once: of those who race to make a segment one makes it, and all get the same.
#include <gtest/gtest.h>

#include <latch>
#include <set>
#include <thread>
#include <vector>

#include "carom/carom.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"
#include "support/segments.hpp"

using carom::Segment;
using carom::Shared;
using support::Name;
using support::Plain;
using support::ProcessParty;

namespace {

constexpr int kRacers = 8;
constexpr int kRaces = 30;

struct Board {
  explicit Board(int maker) : made_by(maker) {}
  carom::Lock lock;
  int made_by;
  int visits = 0;
};

}  // namespace

TEST(SegmentRace, all_who_open_or_create_get_the_one_that_was_made) {
  for (int race = 0; race < kRaces; ++race) {
    const Name name("race");
    const Plain<std::atomic<bool>> go;
    std::vector<ProcessParty> racers;
    for (int me = 1; me <= kRacers; ++me) {
      racers.emplace_back([&name, &go, me] {
        while (!*go) {
        }
        const auto board = Shared<Board>::open_or_create(name, {}, me);
        board->lock.lock();
        ++board->visits;
        board->lock.unlock();
        return board->made_by;
      });
    }
    *go = true;
    std::set<int> makers;
    for (ProcessParty& racer : racers) makers.insert(racer.leave());
    EXPECT_EQ(makers.size(), 1u);
    EXPECT_NE(*makers.begin(), support::kThrew);
    const auto board = Shared<Board>::open(name);
    EXPECT_EQ(board->visits, kRacers);
    EXPECT_EQ(board->made_by, *makers.begin());
  }
}

TEST(SegmentRace, of_all_who_create_one_succeeds) {
  for (int race = 0; race < kRaces; ++race) {
    const Name name("race");
    const Plain<std::atomic<bool>> go;
    std::vector<ProcessParty> racers;
    for (int me = 0; me < kRacers; ++me) {
      racers.emplace_back([&name, &go] {
        while (!*go) {
        }
        const auto code = support::code_of([&] { return Segment::create(name, 100); });
        return code ? static_cast<int>(*code) : -1;
      });
    }
    *go = true;
    int made = 0;
    for (ProcessParty& racer : racers) {
      const int code = racer.leave();
      if (code == -1) {
        ++made;
      } else {
        EXPECT_EQ(code, static_cast<int>(carom::Errc::exists));
      }
    }
    EXPECT_EQ(made, 1);
  }
}

TEST(SegmentRace, threads_of_one_process_that_race_to_open_get_one_mapping) {
  for (int race = 0; race < 300; ++race) {
    const Name name("race");
    support::ProcessParty maker([&name] { return Segment::create(name, 100).size(); });
    ASSERT_EQ(maker.leave(), 100);
    constexpr int kThreads = 4;
    std::latch start(kThreads);
    std::vector<std::optional<Segment>> opened(kThreads);
    std::vector<std::thread> threads;
    for (auto& mine : opened) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        mine = Segment::open(name);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& other : opened) ASSERT_EQ(other->data(), opened[0]->data()) << "in race " << race;
  }
}

TEST(SegmentRace, removing_and_making_while_others_open_confuses_nobody) {
  const Name name("race");
  std::vector<ProcessParty> racers;
  for (int me = 1; me <= 4; ++me) {
    racers.emplace_back([&name, me] {
      int wrong = 0;
      for (int i = 0; i < 200; ++i) {
        const auto board = Shared<Board>::open_or_create(name, {}, me);
        if (board->made_by < 1 || board->made_by > 4) ++wrong;
        if (i % 4 == me % 4) Segment::remove(name);
      }
      return wrong;
    });
  }
  for (ProcessParty& racer : racers) EXPECT_EQ(racer.leave(), 0);
}
