#include "histories/stage.hpp"

#include <sched.h>
#include <sys/prctl.h>

#include "carom/deadline.hpp"

namespace histories {

namespace {

constexpr std::int64_t kHungNs = 20'000'000'000;

std::int64_t now_ns() {
  return carom::Deadline::now_ns();
}

void pause_ns(std::int64_t ns) {
  const std::int64_t until = now_ns() + ns;
  while (now_ns() < until) {
  }
}

}  // namespace

Stage::Stage(const Script& script)
    : script_(script), segment_(carom::Segment::anonymous(kSubjectBytes, {.participants = 64})) {}

Stage::~Stage() = default;

bool Stage::play(std::int64_t number) {
  Dice dice(script_.seed, number);
  begin(dice, number);
  Board& board = *board_;
  if (!wait_for_living([&](std::size_t player) { return board.ready[player] == number; })) return false;
  board.started = number;
  if (board.with_deaths) {
    for (int deaths = dice.between(1, 2); deaths > 0; --deaths) {
      pause_ns(dice.one_in(4) ? dice.below(2'000'000) : dice.below(100'000));
      kill(dice.below(kPlayers));
    }
  }
  if (!wait_for_living([&](std::size_t player) { return board.through[player] == number; })) return false;
  const std::unique_ptr<Subject> subject = subject_of(board.history.kind, segment_.data());
  for (const Choice& look : subject->looks()) perform(kWitness, *subject, look, dice);
  return true;
}

void Stage::begin(Dice& dice, std::int64_t number) {
  History& history = board_->history;
  history.kind = script_.only.value_or(static_cast<Kind>(dice.below(kKinds)));
  history.size = size_of(history.kind, dice);
  for (Player& player : history.players) player.count = 0, player.kill_ns = player.dead_ns = 0;
  board_->with_deaths = dice.one_in(2);
  subject_of(history.kind, segment_.data())->make(history.size);
  for (int player = 0; player < kPlayers; ++player) {
    auto& place = players_[static_cast<std::size_t>(player)];
    if (!place) place.emplace([this, player, number] { be_player(player, number); });
  }
  board_->called = number;
}

template <class Reached>
bool Stage::wait_for_living(Reached reached) {
  const std::int64_t until = now_ns() + kHungNs;
  for (std::size_t player = 0; player < kPlayers; ++player) {
    while (players_[player] && !reached(player)) {
      if (now_ns() > until) return false;
      sched_yield();
    }
  }
  return true;
}

void Stage::kill(int player) {
  auto& place = players_[static_cast<std::size_t>(player)];
  if (!place) return;
  Player& record = board_->history.players[static_cast<std::size_t>(player)];
  record.kill_ns = now_ns();
  place->kill();
  record.dead_ns = now_ns();
  if (script_.broken == Break::death) record.dead_ns = 0;
  place.reset();
  ++kills_;
}

void Stage::be_player(int self, std::int64_t first) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Board& board = *board_;
  const auto me = static_cast<std::size_t>(self);
  for (std::int64_t number = first;; ++number) {
    while (board.called != number) sched_yield();
    Dice dice(script_.seed, number, self + 1);
    const std::unique_ptr<Subject> subject = subject_of(board.history.kind, segment_.data());
    board.ready[me] = number;
    while (board.started != number) sched_yield();
    for (int left = dice.between(2, kMaxCalls - 1); left > 0; --left) {
      perform(self, *subject, subject->choose(dice, board.with_deaths), dice);
      if (dice.one_in(3)) pause_ns(dice.below(dice.one_in(4) ? 100'000 : 3'000));
    }
    for (const Choice& last : subject->last()) perform(self, *subject, last, dice);
    board.through[me] = number;
  }
}

void Stage::perform(int self, Subject& subject, const Choice& choice, Dice& dice) {
  Player& record = board_->history.players[static_cast<std::size_t>(self)];
  Call& call = record.calls[static_cast<std::size_t>(record.count.load())];
  call.what = choice.what;
  call.argument = static_cast<std::int16_t>(choice.argument);
  call.ended_ns = 0;
  call.began_ns = now_ns();
  ++record.count;
  int result = subject.call(choice);
  if (script_.broken == Break::twice && dice.one_in(20)) static_cast<void>(subject.call(choice));
  if (script_.broken == Break::result && dice.one_in(20)) result = result == 0 ? 1 : 0;
  call.result = static_cast<std::int16_t>(result);
  call.ended_ns = now_ns();
}

}  // namespace histories
