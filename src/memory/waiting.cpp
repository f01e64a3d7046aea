#include "memory/waiting.hpp"

#include <optional>
#include <thread>

#include "carom/detail/step.hpp"
#include "memory/turn_word.hpp"
#include "platform/cancellation.hpp"

namespace carom::memory {
namespace {

std::atomic<std::int64_t> recheck_ns{std::chrono::nanoseconds(kRecheck).count()};

std::chrono::nanoseconds recheck() noexcept {
  return std::chrono::nanoseconds(recheck_ns.load(std::memory_order_relaxed));
}

/// Until the last of a few instants within the time of the re-check. They are the same for all, so that an idle processor
/// is woken once for many sleepers.
std::chrono::nanoseconds time_to_recheck() noexcept {
  constexpr std::int64_t kInstants = 5;
  const std::int64_t longest = recheck().count();
  const std::int64_t apart = longest / kInstants + 1;
  return std::chrono::nanoseconds(longest - (Deadline::now_ns() + longest) % apart);
}

/// Whoever sees what the thread takes or gives from here on sees what it has noted in its slot before. [D2]
void show_notes() noexcept {
#ifndef __SANITIZE_THREAD__  // which knows no fences
  std::atomic_thread_fence(std::memory_order_release);
#endif
}

/// A thread that waits at a condition waits for nothing else until its turn has come, or it has given it up. One that does has
/// left that wait by a jump.
void forget_turn_left_behind(Slot& slot, std::uint64_t object) noexcept {
  const std::uint64_t condition = slot.parked_at.load(std::memory_order_relaxed);
  if (condition == 0 || condition == object) return;
  std::uint64_t seen = slot.turn.load(std::memory_order_relaxed);
  if (TurnWord(seen) == TurnWord::waiting(TurnWord(seen).ticket()))
    slot.turn.compare_exchange_strong(seen, 0, std::memory_order_seq_cst);
}

/// The words that one sleep watches.
class WatchList {
 public:
  WatchList(Roster& roster, platform::Watch word, const platform::Word* common) noexcept : roster_(roster) {
    // The word after it is looked at when this one has been joined already, so no wake falls in between.
    if (common != nullptr) watches_[count_++] = {common, common->load(std::memory_order_relaxed)};
    watches_[count_++] = word;
    first_life_ = count_;
  }

  /// False if the participant is gone.
  bool add(std::uint32_t id) noexcept {
    platform::LifeWord& life = roster_.life(id);
    const std::optional<std::uint32_t> alive = life.arm();
    // Armed first, asked second: a slot that changes hands in between sends those away who armed it.
    if (!alive || roster_.standing(id) != Standing::lives) return false;
    lives_[count_ - first_life_] = &life;
    watches_[count_++] = {&life.word(), *alive};
    return true;
  }

  platform::Wait wait(Deadline deadline) const {
    if (count_ == 1) return platform::wait(watches_[0], deadline);
    return platform::wait_any({watches_, count_}, deadline, first_life_ - 1);
  }

  /// The kernel wakes one sleeper of a dead thread's life word, and that may have been this one.
  void pass_on_deaths() const noexcept {
    for (std::size_t i = 0; i < count_ - first_life_; ++i) {
      if (!lives_[i]->claimant_lives()) lives_[i]->pass_on();
    }
  }

 private:
  static constexpr std::size_t kMostLives = kWatchedHolders + kWatchedFellows;

  Roster& roster_;
  platform::Watch watches_[2 + kMostLives];
  platform::LifeWord* lives_[kMostLives];
  std::size_t count_ = 0;
  std::size_t first_life_ = 0;  // of the watches; the word itself stands before it
};

}  // namespace

void Waiting::set_recheck(std::chrono::nanoseconds recheck) noexcept {
  recheck_ns.store(recheck.count(), std::memory_order_relaxed);
  Roster::set_absent_after(5 * std::chrono::duration_cast<std::chrono::milliseconds>(recheck));
}

Waiting::~Waiting() {
  withdraw();
}

void Waiting::announce() noexcept {
  if (!announced_) {
    roster_.set_waiting_on(self_, object_);
    forget_turn_left_behind(roster_.slot(self_), object_);
  }
  announced_ = true;
}

void Waiting::withdraw() noexcept {
  if (!announced_) return;
  roster_.set_waiting_on(self_, 0);
  show_notes();
  announced_ = false;
}

void Waiting::rest(Deadline deadline) {
  const Deadline end = deadline.or_after(kRest);
  std::this_thread::yield();  // where others want the processor, that is all of it, and nobody has to end it
  platform::pause_until(end);
}

Waited Waiting::sleep(const platform::Word& word, std::uint32_t expected, const Company& company,
                      Deadline deadline, const platform::Word* common) {
  if (deadline.expired()) return Waited::timed_out;
  if (cancellation_ == Cancellation::point) platform::cancellation_point();
  announce();
  if (!has_slept_) ask_at_ = Deadline::never().or_after(recheck());
  has_slept_ = true;
  roster_.look(self_);
  WatchList list(roster_, {&word, expected}, common);
  int watched = 0;
  for (const std::uint32_t holder : company.holders) {
    if (watched++ == kWatchedHolders) break;
    if (!list.add(holder)) return Waited::look_again;
  }
  if (company.fellows) {
    int fellows = 0;
    roster_.each_fellow(self_, object_, [&](std::uint32_t fellow) {
      if (list.add(fellow)) ++fellows;
      return fellows < kWatchedFellows;
    });
  }
  roster_.set_asleep(self_, true);
  CAROM_STEP(about_to_sleep);
  const platform::Wait result = list.wait(deadline.or_after(time_to_recheck()));
  CAROM_STEP(woken);
  roster_.set_asleep(self_, false);
  show_notes();
  list.pass_on_deaths();
  const bool asks = result == platform::Wait::timed_out || ask_at_.expired();
  witness_ = asks ? Witness::identity : Witness::mark;
  if (asks) {
    ask_at_ = Deadline::never().or_after(recheck());
    watched = 0;
    for (const std::uint32_t holder : company.holders) {
      if (watched++ == kWatchedHolders) break;
      if (roster_.is_dead(holder)) return Waited::look_again;
    }
  }
  if (result == platform::Wait::timed_out && deadline.expired()) return Waited::timed_out;
  return result == platform::Wait::changed ? Waited::refused : Waited::look_again;
}

}  // namespace carom::memory
