// Where histories are played: processes that play one after another, on one object each, and are killed now and then.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "carom/segment.hpp"
#include "histories/history.hpp"
#include "histories/subject.hpp"
#include "support/plain.hpp"

namespace histories {

/// What goes wrong on purpose, to show that the judge sees it.
enum class Break : std::uint8_t {
  nothing,
  result,  // a player says that a call returned something else
  twice,   // a player makes a call twice and tells of one
  death    // nobody tells the judge who died
};

struct Script {
  std::uint64_t seed = 0;
  std::optional<Kind> only;
  Break broken = Break::nothing;
};

class Stage {
 public:
  explicit Stage(const Script& script);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage();

  /// Plays history `number`: the same calls for the same seed, in an order that the machine decides. False: some player did
  /// not get through.
  bool play(std::int64_t number);

  const History& history() const { return board_->history; }
  int kills() const { return kills_; }

 private:
  struct Board {
    History history;
    std::atomic<std::int64_t> called{0};  // the history that is to be played
    std::atomic<std::int64_t> started{0};
    std::array<std::atomic<std::int64_t>, kPlayers> ready{};
    std::array<std::atomic<std::int64_t>, kPlayers> through{};
    bool with_deaths = false;
  };

  void begin(Dice& dice, std::int64_t number);
  void be_player(int self, std::int64_t first);
  void perform(int self, Subject& subject, const Choice& choice, Dice& dice);
  void kill(int player);
  template <class Reached>
  bool wait_for_living(Reached reached);

  Script script_;
  support::Plain<Board> board_;
  carom::Segment segment_;
  std::array<std::optional<support::Forked>, kPlayers> players_;
  int kills_ = 0;
};

}  // namespace histories
