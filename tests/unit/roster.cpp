// The table of participants: ids that never repeat, slots that are given again, and what is known of whom.
#include "memory/roster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "carom/segment.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"

using carom::Errc;
using carom::Participant;
using carom::memory::kIdBits;
using carom::memory::kNoId;
using carom::memory::Roster;
using carom::memory::SegmentHeader;
using carom::memory::Slot;
using carom::memory::Standing;
using support::code_of;
using support::Plain;
using support::ProcessParty;

namespace {

constexpr std::uint32_t kCapacity = 4;
constexpr std::uint32_t kLastGeneration = (1u << (kIdBits - 2)) - 1;

struct Memory {
  alignas(carom::memory::kHeaderBytes) SegmentHeader header{};
  alignas(carom::memory::kHeaderBytes) Slot slots[kCapacity] = {};
  alignas(4096) std::byte life_page[4096] = {};
};
static_assert(offsetof(Memory, slots) == carom::memory::kHeaderBytes);

class RosterTest : public testing::Test {
 protected:
  /// What a thread has of its own; it stays, for the kernel reads it after the thread's last instruction.
  struct Mine {
    explicit Mine(const carom::memory::LifeArea& area) {
      pages.begin(area, kCapacity);
      chain.begin();
    }
    carom::memory::LifePages pages;
    carom::platform::RobustChain chain;
  };

  RosterTest() { mine_ = new Mine(lives_); }
  ~RosterTest() override {
    for (const std::uint32_t id : ids_) {
      if (roster_.standing(id) == Standing::lives) leave(id);
    }
  }

  Roster::Marking marking() {
    if (!mine_->chain.mine()) mine_ = new Mine(lives_);  // in a child
    return {mine_->pages, mine_->chain};
  }
  std::uint32_t join() {
    ids_.push_back(roster_.join(marking()));
    return ids_.back();
  }
  void leave(std::uint32_t id) { roster_.leave(id, marking()); }

  /// A process that has joined, and its id.
  ProcessParty participant(const std::string& name = {}) {
    ProcessParty party([this] { return join(); }, name);
    party.wait_until_done();
    return party;
  }
  static std::uint32_t id_of(const ProcessParty& party) { return static_cast<std::uint32_t>(party.result()); }
  void set_generations(std::uint32_t generation) {
    for (Slot& slot : memory_->slots) slot.generation = generation;
  }

  Plain<Memory> memory_;
  carom::memory::LifeArea lives_{memory_->life_page, 4096};
  Roster roster_{memory_->header, kCapacity, lives_, 0};
  Mine* mine_ = nullptr;
  std::vector<std::uint32_t> ids_;
};

}  // namespace

TEST_F(RosterTest, nobody_is_in_a_new_one) {
  EXPECT_TRUE(roster_.living().empty());
}

TEST_F(RosterTest, who_joins_lives_until_it_leaves) {
  const std::uint32_t id = join();
  EXPECT_EQ(roster_.standing(id), Standing::lives);
  ASSERT_EQ(roster_.living().size(), 1u);
  EXPECT_EQ(roster_.living()[0].id, id);
  leave(id);
  EXPECT_EQ(roster_.standing(id), Standing::gone);
  EXPECT_TRUE(roster_.living().empty());
}

TEST_F(RosterTest, who_is_killed_is_gone) {
  ProcessParty party = participant();
  EXPECT_EQ(roster_.standing(id_of(party)), Standing::lives);
  party.die();
  EXPECT_EQ(roster_.standing(id_of(party)), Standing::gone);
  EXPECT_TRUE(roster_.living().empty());
}

TEST_F(RosterTest, no_id_is_given_out_twice) {
  std::set<std::uint32_t> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::uint32_t id = join();
    EXPECT_TRUE(ids.insert(id).second) << id;
    EXPECT_LT(id, 1u << kIdBits);
    EXPECT_GT(id, 1u) << "0 and 1 mean nobody";
    leave(id);
  }
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(ids.insert(id_of(participant())).second);
  for (const std::uint32_t id : ids) EXPECT_EQ(roster_.standing(id), Standing::gone) << id;
}

TEST_F(RosterTest, ids_that_were_never_given_out_are_impossible) {
  const std::uint32_t id = join();
  EXPECT_EQ(roster_.standing(id + kCapacity), Standing::impossible) << "a generation to come";
  EXPECT_EQ(roster_.standing(id + 1), Standing::impossible) << "a slot never used";
  EXPECT_EQ(roster_.standing((1u << kIdBits) - 1), Standing::impossible);
  for (std::uint32_t none = 0; none < kCapacity; ++none) {
    EXPECT_EQ(roster_.standing(none), Standing::impossible) << "generation 0, slot " << none;
  }
  leave(id);
  for (std::uint32_t none = 0; none < kCapacity; ++none) {
    EXPECT_EQ(roster_.standing(none), Standing::impossible) << "generation 0, vacant slot " << none;
  }
}

TEST_F(RosterTest, the_living_and_the_late_are_known_by_pid_tid_and_name) {
  ProcessParty party = participant("eight-ball");
  for (const bool alive : {true, false}) {
    const Participant about = roster_.about(id_of(party));
    EXPECT_EQ(about.id, id_of(party));
    EXPECT_EQ(about.pid, static_cast<std::uint32_t>(party.pid()));
    EXPECT_EQ(about.tid, static_cast<std::uint32_t>(party.tid()));
    EXPECT_EQ(about.name(), "eight-ball");
    EXPECT_NE(about.pid_namespace, 0u);
    EXPECT_NE(about.start_time, 0u);
    EXPECT_EQ(about.alive, alive);
    if (alive) party.die();
  }
}

TEST_F(RosterTest, of_one_whose_slot_another_has_nothing_but_its_end_is_known) {
  const std::uint32_t first = join();
  leave(first);
  std::vector<ProcessParty> others;
  for (std::uint32_t i = 0; i < kCapacity; ++i) others.push_back(participant());
  const Participant about = roster_.about(first);
  EXPECT_EQ(about.id, first);
  EXPECT_EQ(about.pid, 0u);
  EXPECT_EQ(about.name(), "");
  EXPECT_FALSE(about.alive);
}

TEST_F(RosterTest, as_many_as_there_are_slots_may_be_in_it) {
  std::vector<ProcessParty> parties;
  std::set<std::uint32_t> ids;
  for (std::uint32_t i = 0; i < kCapacity; ++i) {
    parties.push_back(participant());
    ids.insert(id_of(parties.back()));
  }
  EXPECT_EQ(ids.size(), kCapacity);
  EXPECT_EQ(roster_.living().size(), kCapacity);
  EXPECT_EQ(code_of([this] { return join(); }), Errc::roster_full);
  parties.back().die();
  EXPECT_EQ(code_of([this] { return join(); }), std::nullopt);
}

TEST_F(RosterTest, a_slot_gives_its_last_generation_and_is_retired) {
  set_generations(kLastGeneration - 1);
  std::set<std::uint32_t> ids;
  for (std::uint32_t i = 0; i < kCapacity; ++i) {
    const std::uint32_t id = join();
    EXPECT_LT(id, 1u << kIdBits);
    EXPECT_TRUE(ids.insert(id).second);
    leave(id);
    EXPECT_EQ(roster_.standing(id), Standing::gone);
  }
  EXPECT_EQ(code_of([this] { return join(); }), Errc::roster_exhausted);
}

TEST_F(RosterTest, retired_slots_are_passed_over_while_others_are_left) {
  set_generations(kLastGeneration);
  memory_->slots[2].generation = 5;
  const std::uint32_t id = join();
  EXPECT_EQ(id & (kCapacity - 1), 2u);
  EXPECT_EQ(id / kCapacity, 6u);
  EXPECT_EQ(ProcessParty([this] { return code_of([this] { return join(); }) == Errc::roster_full; }).leave(),
            1);
}

TEST_F(RosterTest, an_overwritten_generation_gives_no_id_beyond_the_last) {
  set_generations(~0u);
  EXPECT_EQ(code_of([this] { return join(); }), Errc::roster_exhausted);
}

TEST_F(RosterTest, an_overwritten_high_water_mark_is_not_followed_outside) {
  const std::uint32_t id = join();
  memory_->header.high_water = ~0u;
  ASSERT_EQ(roster_.living().size(), 1u);
  EXPECT_EQ(roster_.living()[0].id, id);
}

TEST_F(RosterTest, the_living_who_wait_for_something_can_be_found) {
  const std::uint32_t id = join();
  EXPECT_EQ(roster_.count_waiting_on(4096), 0u);
  roster_.set_waiting_on(id, 4096);
  EXPECT_EQ(roster_.count_waiting_on(4096), 1u);
  EXPECT_EQ(roster_.count_waiting_on(4097), 0u);
  ASSERT_EQ(roster_.waiting_on(4096).size(), 1u);
  EXPECT_EQ(roster_.waiting_on(4096)[0].id, id);
  roster_.set_waiting_on(id, 0);
  EXPECT_EQ(roster_.count_waiting_on(4096), 0u);
  ProcessParty party([this] {
    const std::uint32_t own = join();
    roster_.set_waiting_on(own, 64);
  });
  party.wait_until_done();
  EXPECT_EQ(roster_.count_waiting_on(64), 1u);
  party.die();
  EXPECT_EQ(roster_.count_waiting_on(64), 0u) << "the dead wait for nothing";
}

TEST_F(RosterTest, takeovers_are_counted) {
  roster_.count_takeover();
  roster_.count_takeover();
  EXPECT_EQ(memory_->header.takeovers, 2u);
}
