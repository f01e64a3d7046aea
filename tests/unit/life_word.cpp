// The death notice: claimed by one, marked by the kernel, passed on.
#include "platform/life_word.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "support/party.hpp"
#include "support/printing.hpp"

using carom::Deadline;
using carom::platform::LifeWord;
using support::Plain;
using support::ProcessParty;
using support::ThreadParty;
using support::wait_until;

namespace {

class LifeWordTest : public testing::Test {
 protected:
  LifeWordTest() { life_->prepare(); }

  /// Sleeps as those do who wait for the claimant's end.
  int sleep_until_it_ends() {
    while (const auto armed = life_->arm()) {
      carom::platform::wait({&life_->word(), *armed}, Deadline::never());
    }
    life_->pass_on();
    return 1;
  }

  Plain<LifeWord> life_;
};

}  // namespace

TEST_F(LifeWordTest, a_new_one_is_vacant) {
  EXPECT_FALSE(life_->claimant_lives());
  EXPECT_EQ(life_->arm(), std::nullopt);
}

TEST_F(LifeWordTest, claimed_it_is_busy_for_everybody) {
  EXPECT_TRUE(life_->try_claim());
  EXPECT_TRUE(life_->claimant_lives());
  EXPECT_FALSE(life_->try_claim());
  EXPECT_EQ(ThreadParty([this] { return life_->try_claim(); }).leave(), 0);
  EXPECT_EQ(ProcessParty([this] { return life_->try_claim(); }).leave(), 0);
  life_->give_up();
}

TEST_F(LifeWordTest, given_up_it_can_be_claimed_again) {
  ASSERT_TRUE(life_->try_claim());
  life_->give_up();
  EXPECT_FALSE(life_->claimant_lives());
  EXPECT_EQ(ProcessParty([this] { return life_->try_claim(); }).leave(), 1);
}

TEST_F(LifeWordTest, it_is_vacant_once_the_claiming_process_is_killed) {
  for (int i = 0; i < 3; ++i) {
    ProcessParty claimant([this] { return life_->try_claim(); });
    EXPECT_EQ(claimant.result(), 1);
    EXPECT_TRUE(life_->claimant_lives());
    claimant.die();
    EXPECT_FALSE(life_->claimant_lives());
  }
  EXPECT_TRUE(life_->try_claim());
  EXPECT_TRUE(life_->claimant_lives());
  life_->give_up();
}

TEST_F(LifeWordTest, it_is_vacant_once_the_claiming_thread_has_ended) {
  ThreadParty claimant([this] { return life_->try_claim(); });
  EXPECT_EQ(claimant.leave(), 1);
  wait_until([this] { return !life_->claimant_lives(); });
  EXPECT_TRUE(life_->try_claim());
  life_->give_up();
}

TEST_F(LifeWordTest, who_armed_it_is_woken_by_the_claimants_death) {
  ProcessParty claimant([this] { return life_->try_claim(); });
  ASSERT_EQ(claimant.result(), 1);
  ProcessParty sleeper([this] { return sleep_until_it_ends(); });
  wait_until([&] { return sleeper.sleeps(); });
  claimant.die();
  EXPECT_EQ(sleeper.leave(), 1);
}

TEST_F(LifeWordTest, the_kernel_wakes_one_and_each_wakes_the_next) {
  ProcessParty claimant([this] { return life_->try_claim(); });
  ASSERT_EQ(claimant.result(), 1);
  std::vector<ProcessParty> sleepers;
  for (int i = 0; i < 5; ++i) sleepers.emplace_back([this] { return sleep_until_it_ends(); });
  for (const ProcessParty& sleeper : sleepers) wait_until([&] { return sleeper.sleeps(); });
  claimant.die();
  for (ProcessParty& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), 1);
}

TEST_F(LifeWordTest, sent_away_they_come_back_though_the_claimant_lives) {
  ASSERT_TRUE(life_->try_claim());
  ProcessParty sleeper([this] {
    const auto armed = life_->arm();
    if (!armed) return 2;
    carom::platform::wait({&life_->word(), *armed}, Deadline::never());
    return 1;
  });
  wait_until([&] { return sleeper.sleeps(); });
  life_->send_away();
  EXPECT_EQ(sleeper.leave(), 1);
  EXPECT_TRUE(life_->claimant_lives());
  life_->give_up();
}

TEST_F(LifeWordTest, who_armed_it_before_they_were_sent_away_does_not_fall_asleep) {
  ASSERT_TRUE(life_->try_claim());
  const auto armed = life_->arm();
  ASSERT_TRUE(armed.has_value());
  life_->send_away();
  EXPECT_EQ(carom::platform::wait({&life_->word(), *armed}, Deadline::never()),
            carom::platform::Wait::changed);
  life_->give_up();
}

TEST_F(LifeWordTest, a_process_behind_the_c_librarys_back_cannot_claim_it) {
  const auto child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (child == 0) {
    const auto code = support::code_of([this] { return life_->try_claim(); });
    _exit(code == carom::Errc::unknown_thread ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(life_->claimant_lives());
  EXPECT_TRUE(life_->try_claim());
  life_->give_up();
}

TEST_F(LifeWordTest, many_claimed_by_one_victim_are_all_vacated) {
  struct Lives {
    LifeWord lives[1024];
  };
  const Plain<Lives> many;
  for (LifeWord& life : many->lives) life.prepare();
  ProcessParty claimant([&many] {
    int claimed = 0;
    for (LifeWord& life : many->lives) claimed += life.try_claim() ? 1 : 0;
    return claimed;
  });
  EXPECT_EQ(claimant.result(), 1024);
  claimant.die();
  for (const LifeWord& life : many->lives) EXPECT_FALSE(life.claimant_lives());
}
