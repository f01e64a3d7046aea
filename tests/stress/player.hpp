// What an actor does with everything but the numbered locks: each operation with its notes around it, and the checks
// that it can make itself.
#pragma once

#include <cstdint>
#include <functional>

#include "stress/actor.hpp"
#include "stress/wares.hpp"

namespace storm {

class Player {
 public:
  /// `inner` is what may be done while something is held: it must come back, and hold nothing then.
  Player(Actor& actor, Arena& arena, Ledger& ledger, std::function<void()> inner)
      : actor_(actor),
        arena_(arena),
        wares_(arena.wares),
        ledger_(ledger),
        dice_(actor.dice()),
        inner_(std::move(inner)) {}

  /// One operation on that kind of thing.
  void play(Kind kind);

  /// Takes a permit or a place at the table, and keeps it for good.
  void keep_one();

  /// Brings about, once, whatever anybody waits for; nobody undoes it in this round.
  void close();

  /// When all is quiet: everything once more, which nobody keeps from anybody now.
  void once_more();

 private:
  /// While it lasts, the actor is noted to be in an operation.
  class Doing;
  /// While it lasts, the actor is noted to wait for what may rightly not come before the round is closed.
  class Stuck;

  void use_pool(int pool);
  bool take_permit(int pool, int which, How how);
  void give_permit(int pool, int which);
  void enter_cell(int pool);
  void leave_cell(int pool);
  bool lives(std::uint32_t desk) const;
  void check_dead(Kind kind, std::uint32_t id);

  void share();
  bool write(How how);
  bool read(How how);
  void check_before_reading(bool told);
  void end_writing();
  void descend(int order);

  void signal();
  void send(std::uint32_t n);
  void receive();
  void happen();
  void set_witnessed();
  void await();

  void trade();
  void enter_shop();
  void leave_shop();
  void produce(std::uint32_t n);
  void consume();

  void meet(int number);
  void count_down(int latch);
  void count(int latch, std::uint32_t n);
  void await_latch(int latch, bool for_ever);

  bool raging() const noexcept { return actor_.phase() == Phase::storm; }
  Book& book() noexcept { return actor_.book(); }
  How some_way();
  carom::Deadline some_time();
  void dawdle();
  void linger();
  void fault(Wrong wrong, Kind kind, const std::string& text) {
    actor_.fault(wrong, -1, std::string(to_string(kind)) + ": " + text);
  }

  Actor& actor_;
  Arena& arena_;
  Wares& wares_;
  Ledger& ledger_;
  Dice& dice_;
  std::function<void()> inner_;
};

class Player::Doing {
 public:
  Doing(Book& book, Kind kind) : at_(book.at[index_of(kind)]) {
    count_one(book.operations[index_of(kind)]);
    note(at_, true);
  }
  Doing(const Doing&) = delete;
  Doing& operator=(const Doing&) = delete;
  ~Doing() { note(at_, false); }

 private:
  std::atomic<bool>& at_;
};

class Player::Stuck {
 public:
  Stuck(Book& book, Kind kind, bool is) : stuck_(book.stuck) {
    if (is) note(stuck_, static_cast<std::uint8_t>(1 + index_of(kind)));
  }
  Stuck(const Stuck&) = delete;
  Stuck& operator=(const Stuck&) = delete;
  ~Stuck() { note(stuck_, std::uint8_t{0}); }

 private:
  std::atomic<std::uint8_t>& stuck_;
};

}  // namespace storm
