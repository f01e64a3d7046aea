#include "stress/worker.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <thread>

#include "stress/opening.hpp"
#include "stress/player.hpp"

namespace storm {
namespace {

using std::chrono::microseconds;

constexpr int kOneInHandOver = 8;
constexpr int kOneInVisitor = 150;
constexpr int kOneInResignation = 150;
constexpr int kOneInEnd = 1500;

class Thread {
 public:
  Thread(Site& site, Ledger& ledger, const Orders& orders, int number)
      : site_(site), ledger_(ledger), orders_(orders), number_(number), dice_(orders.seed, number) {}

  /// Until killed.
  void run() {
    try {
      sit_down();
      while (actor_->phase() == Phase::storm) one_operation();
      ledger_.posts[orders_.post].finished.fetch_add(1);
      while (actor_->phase() == Phase::calm) std::this_thread::sleep_for(microseconds(200));
      if (orders_.closes && number_ == 1) player_->close();
      while (actor_->phase() == Phase::close) std::this_thread::sleep_for(microseconds(200));
      once_more();
      if (orders_.broken == Break::seat) site_.segment().leave();
      note(actor_->desk().parked, true);
      ledger_.posts[orders_.post].parked.fetch_add(1);
    } catch (const std::exception& e) {
      ledger_.fault(Wrong::other, -1, kDesks, std::string("a worker threw: ") + e.what());
    }
    for (;;) pause();
  }

  /// Of another thread: acquires a lock and ends as it is.
  void visit() {
    try {
      sit_down();
      const int lock = some_lock();
      if (dice_.one_in(2)) {
        player_->keep_one();
      } else if (actor_->acquire(lock, some_way())) {
        stay_partly(lock);
      }
      note(actor_->desk().ended, true);
    } catch (const std::exception& e) {
      ledger_.fault(Wrong::other, -1, kDesks, std::string("a visiting thread threw: ") + e.what());
    }
  }

 private:
  void sit_down() {
    player_.reset();
    actor_ = std::make_unique<Actor>(site_, ledger_, orders_.post, orders_.broken, dice_);
    player_ = std::make_unique<Player>(*actor_, site_.arena(), ledger_, [this] {
      const int lock = some_lock();
      if (!actor_->acquire(lock, some_way())) return;
      stay(lock, 0);
      give_back(lock);
    });
  }

  Kind some_kind() {
    if (orders_.favourite < kKinds && !dice_.one_in(4)) return static_cast<Kind>(orders_.favourite);
    return static_cast<Kind>(dice_.below(kKinds));
  }

  int some_lock() { return (kFirst[orders_.active_locks & 1] + dice_.below(orders_.active_locks)) % kAll; }

  How some_way() {
    constexpr How kWays[] = {How::block,        How::block,    How::block, How::block_as_std,
                             How::block_as_std, How::try_once, How::timed, How::timed};
    return kWays[dice_.below(8)];
  }

  bool desks_left() const { return ledger_.desk_count() < kDesks - kSpareDesks; }

  void one_operation() {
    actor_->release_for_others();
    if (dice_.one_in(kOneInVisitor) && desks_left()) {
      Thread visitor(site_, ledger_, orders_, static_cast<int>(dice_.next() >> 40));
      std::thread([&] { visitor.visit(); }).join();
    }
    if (dice_.one_in(kOneInResignation) && desks_left()) {
      player_->keep_one();
      note(actor_->desk().ended, true);
      site_.segment().leave();
      return sit_down();
    }
    if (dice_.one_in(2)) return player_->play(some_kind());
    const int lock = some_lock();
    if (!actor_->acquire(lock, some_way())) return;
    if (dice_.one_in(kOneInResignation) && desks_left()) {
      stay_partly(lock);
      note(actor_->desk().ended, true);
      site_.segment().leave();
      return sit_down();
    }
    if (dice_.one_in(kOneInEnd)) {
      stay_partly(lock);
      note(actor_->desk().ended, true);
      note(ledger_.posts[orders_.post].ended, true);
      _exit(0);
    }
    stay(lock, 0);
    give_back(lock);
  }

  /// A critical section: sometimes nothing, mostly two halves with something between them.
  void stay(int lock, int nesting) {
    if (dice_.one_in(8)) return dawdle();
    actor_->first_half(lock);
    if (dice_.one_in(8)) actor_->compare(lock);
    if (is_rlock(lock) && dice_.one_in(2)) actor_->deeper(lock);
    dawdle();
    // In ascending order always, so that nobody waits in a circle.
    const int above = kAll - 1 - lock;
    if (nesting < 3 && above > 0 && dice_.one_in(4)) {
      const int other = lock + 1 + dice_.below(above);
      if (actor_->acquire(other, some_way())) {
        stay(other, nesting + 1);
        give_back(other);
      }
    }
    actor_->second_half(lock);
    if (dice_.one_in(8)) dawdle();
  }

  /// As much of one as there is time for before the end.
  void stay_partly(int lock) {
    if (is_rlock(lock) && dice_.one_in(2)) (void)site_.arena().rlocks[lock - kLocks].acquire();
    if (dice_.one_in(3)) return;
    actor_->first_half(lock);
    if (dice_.one_in(2)) actor_->second_half(lock);
  }

  void give_back(int lock) {
    if (lock < kLocks && dice_.one_in(kOneInHandOver)) return actor_->hand_over(lock);
    actor_->release(lock);
  }

  void dawdle() {
    switch (dice_.below(orders_.leisurely ? 5 : 8)) {
      case 0:
        std::this_thread::yield();
        break;
      case 1:
        std::this_thread::sleep_for(microseconds(dice_.below(300)));
        break;
      case 2:
        for (int i = dice_.below(20'000); i > 0; --i) std::atomic_signal_fence(std::memory_order_seq_cst);
        break;
      default:
        break;
    }
  }

  void once_more() {
    const int start = dice_.below(kAll);
    for (int i = 0; i < kAll; ++i) {
      const int lock = (start + i) % kAll;
      actor_->acquire(lock, dice_.one_in(2) ? How::block : How::block_as_std);
      actor_->first_half(lock);
      actor_->second_half(lock);
      actor_->release(lock);
    }
    player_->once_more();
  }

  static constexpr int kFirst[2] = {0, kLocks};  // so that crowded rounds are not always on the same ones

  Site& site_;
  Ledger& ledger_;
  const Orders& orders_;
  const int number_;
  Dice dice_;
  std::unique_ptr<Actor> actor_;
  std::unique_ptr<Player> player_;
};

}  // namespace

int work(Site& site, Ledger& ledger, const Orders& orders) {
  try {
    Dice dice(orders.seed);
    site.enter(dice);
    if (orders.opens) open_round(site.arena().wares, ledger, dice);
    Thread first(site, ledger, orders, 1);
    if (orders.threads > 1) {
      std::thread([&] { Thread(site, ledger, orders, 2).run(); }).detach();
    }
    first.run();
  } catch (const std::exception& e) {
    ledger.fault(Wrong::other, -1, kDesks, std::string("a worker could not begin: ") + e.what());
  }
  return 1;
}

}  // namespace storm
