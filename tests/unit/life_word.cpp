// The death notice: claimed by one, marked by the kernel, passed on; and the list that the kernel follows.
#include "platform/robust_list.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "support/party.hpp"
#include "support/printing.hpp"

using carom::Deadline;
using carom::platform::LifePage;
using carom::platform::LifeWord;
using carom::platform::RobustChain;
using support::Plain;
using support::ProcessParty;
using support::ThreadParty;
using support::wait_until;

namespace {

/// A shared page that ends with four life words.
struct Page {
  alignas(4096) std::byte bytes[4096];
};

/// Claims words for the calling thread, whose chain it has.
class Claimant {
 public:
  explicit Claimant(Plain<Page>& page) : page_(page), view_(LifePage::map(&*page)) { chain_.begin(); }
  LifeWord& word(std::size_t which = 0) const { return LifePage::words_of(&*page_)[which]; }
  int claim(std::size_t which = 0) {
    word(which).claim();
    chain_.add(view_->link(which));
    return 1;
  }
  void vacate(std::size_t which = 0) {
    chain_.remove(view_->link(which));
    word(which).vacate();
  }

 private:
  Plain<Page>& page_;
  LifePage* view_;
  RobustChain chain_;
};

class LifeWordTest : public testing::Test {
 protected:
  /// What a thread that ends must leave behind: the kernel reads it after the thread's last instruction.
  int claim_and_stay(std::size_t words = 1) {
    auto* const claimant = new Claimant(page_);
    for (std::size_t i = 0; i < words; ++i) claimant->claim(i);
    return static_cast<int>(words);
  }

  /// Sleeps as those do who wait for the claimant's end.
  int sleep_until_it_ends() {
    while (const auto armed = life_->arm()) {
      carom::platform::wait({&life_->word(), *armed}, Deadline::never());
    }
    life_->pass_on();
    return 1;
  }

  Plain<Page> page_;
  LifeWord* life_ = LifePage::words_of(&*page_);
};

}  // namespace

TEST_F(LifeWordTest, a_new_one_is_vacant) {
  EXPECT_FALSE(life_->claimant_lives());
  EXPECT_EQ(life_->arm(), std::nullopt);
}

TEST_F(LifeWordTest, claimed_it_lives_and_vacated_it_does_not) {
  auto* const claimant = new Claimant(page_);
  claimant->claim();
  EXPECT_TRUE(life_->claimant_lives());
  EXPECT_FALSE(life_->marked());
  claimant->vacate();
  EXPECT_FALSE(life_->claimant_lives());
  EXPECT_FALSE(life_->marked());
}

TEST_F(LifeWordTest, it_is_marked_once_the_claiming_process_is_killed) {
  for (int i = 0; i < 3; ++i) {
    ProcessParty claimant([this] { return claim_and_stay(); });
    EXPECT_EQ(claimant.result(), 1);
    EXPECT_TRUE(life_->claimant_lives());
    claimant.die();
    EXPECT_FALSE(life_->claimant_lives());
    EXPECT_TRUE(life_->marked());
  }
}

TEST_F(LifeWordTest, it_is_marked_once_the_claiming_thread_has_ended) {
  ThreadParty claimant([this] { return claim_and_stay(); });
  EXPECT_EQ(claimant.leave(), 1);
  wait_until([this] { return life_->marked(); });
}

TEST_F(LifeWordTest, vacated_it_is_not_marked_when_the_thread_ends) {
  ProcessParty claimant([this] {
    auto* const mine = new Claimant(page_);
    mine->claim(0);
    mine->claim(1);
    mine->vacate(0);
    return 1;
  });
  EXPECT_EQ(claimant.result(), 1);
  claimant.die();
  EXPECT_FALSE(life_[0].marked());
  EXPECT_TRUE(life_[1].marked());
}

TEST_F(LifeWordTest, robust_mutexes_locked_before_and_after_it_are_none_of_its_business) {
  struct Mutexes {
    pthread_mutex_t before, after;
  };
  const Plain<Mutexes> mutexes;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&mutexes->before, &attributes);
  pthread_mutex_init(&mutexes->after, &attributes);
  ProcessParty claimant([&] {
    pthread_mutex_lock(&mutexes->before);
    auto* const mine = new Claimant(page_);
    mine->claim(0);
    mine->claim(1);
    pthread_mutex_lock(&mutexes->after);
    pthread_mutex_unlock(&mutexes->before);
    mine->vacate(1);
    mine->claim(2);
    return 1;
  });
  EXPECT_EQ(claimant.result(), 1);
  claimant.die();
  EXPECT_TRUE(life_[0].marked());
  EXPECT_FALSE(life_[1].marked());
  EXPECT_TRUE(life_[2].marked());
  EXPECT_EQ(pthread_mutex_trylock(&mutexes->before), 0);
  EXPECT_EQ(pthread_mutex_trylock(&mutexes->after), EOWNERDEAD);
  pthread_mutex_unlock(&mutexes->after);
  pthread_mutex_unlock(&mutexes->before);
}

TEST_F(LifeWordTest, who_armed_it_is_woken_by_the_claimants_death) {
  ProcessParty claimant([this] { return claim_and_stay(); });
  ASSERT_EQ(claimant.result(), 1);
  ProcessParty sleeper([this] { return sleep_until_it_ends(); });
  wait_until([&] { return sleeper.sleeps(); });
  claimant.die();
  EXPECT_EQ(sleeper.leave(), 1);
}

TEST_F(LifeWordTest, the_kernel_wakes_one_and_each_wakes_the_next) {
  ProcessParty claimant([this] { return claim_and_stay(); });
  ASSERT_EQ(claimant.result(), 1);
  std::vector<ProcessParty> sleepers;
  for (int i = 0; i < 5; ++i) sleepers.emplace_back([this] { return sleep_until_it_ends(); });
  for (const ProcessParty& sleeper : sleepers) wait_until([&] { return sleeper.sleeps(); });
  claimant.die();
  for (ProcessParty& sleeper : sleepers) EXPECT_EQ(sleeper.leave(), 1);
}

TEST_F(LifeWordTest, sent_away_they_come_back_though_the_claimant_lives) {
  auto* const claimant = new Claimant(page_);
  claimant->claim();
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
  claimant->vacate();
}

TEST_F(LifeWordTest, who_armed_it_before_they_were_sent_away_does_not_fall_asleep) {
  auto* const claimant = new Claimant(page_);
  claimant->claim();
  const auto armed = life_->arm();
  ASSERT_TRUE(armed.has_value());
  life_->send_away();
  EXPECT_EQ(carom::platform::wait({&life_->word(), *armed}, Deadline::never()),
            carom::platform::Wait::changed);
  claimant->vacate();
}

TEST_F(LifeWordTest, a_process_behind_the_c_librarys_back_has_no_chain) {
  const auto child = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  if (child == 0) {
    const auto code = support::code_of([this] { return claim_and_stay(); });
    _exit(code == carom::Errc::unknown_thread ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(life_->claimant_lives());
}

TEST_F(LifeWordTest, all_of_a_page_claimed_by_one_victim_are_marked) {
  ProcessParty claimant([this] { return claim_and_stay(LifePage::kWords); });
  EXPECT_EQ(claimant.result(), static_cast<int>(LifePage::kWords));
  claimant.die();
  for (std::size_t i = 0; i < LifePage::kWords; ++i) EXPECT_TRUE(life_[i].marked()) << i;
}
