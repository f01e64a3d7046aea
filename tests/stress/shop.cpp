// The Condition: goods are brought to a shop and fetched there, under its Lock.
#include <string>

#include "stress/player.hpp"

namespace storm {

void Player::trade() {
  const Doing doing(book(), Kind::condition);
  if (dice_.one_in(4)) return produce(static_cast<std::uint32_t>(dice_.between(1, 3)));
  consume();
}

// Who died in the shop may have brought goods and notified nobody.
void Player::enter_shop() {
  const carom::Acquisition outcome = wares_.shop_lock.acquire();
  if (!outcome) {
    fault(Wrong::other, Kind::condition, "its lock: outcome " + std::to_string(outcome.kind()));
  }
  if (!outcome.owner_died()) return;
  count_one(book().told);
  wares_.shop.notify_all();
}

void Player::leave_shop() {
  if (wares_.shop_lock.release() != carom::Release::released) {
    fault(Wrong::two_inside, Kind::condition, "its lock is no longer held");
  }
}

// Notified under the lock always: who was killed between would leave goods that nobody is told of.
void Player::produce(std::uint32_t n) {
  Account& produced = book().produced;
  enter_shop();
  const std::uint64_t goods = wares_.goods;
  note(produced.perhaps, n);
  wares_.goods = goods + n;
  note(produced.done, produced.done.load() + n);
  note(produced.perhaps, 0u);
  if (dice_.one_in(4)) dawdle();
  if (dice_.one_in(4)) {
    wares_.shop.notify_all();
  } else if (n == 1) {
    wares_.shop.notify_one();
  } else {
    wares_.shop.notify(n);
  }
  if (wares_.goods != goods + n) fault(Wrong::two_inside, Kind::condition, "somebody else is in the shop");
  leave_shop();
}

void Player::consume() {
  Account& consumed = book().consumed;
  const bool for_ever = dice_.one_in(3);
  const carom::Deadline deadline = for_ever ? carom::Deadline::never() : some_time();
  enter_shop();
  while (wares_.goods == 0 && wares_.closed == 0) {
    const Stuck stuck(book(), Kind::condition, for_ever);
    const std::int64_t start = carom::Deadline::now_ns();
    const carom::ConditionWait outcome = wares_.shop.wait(wares_.shop_lock, deadline);
    if (outcome.owner_died()) {
      count_one(book().told);
      wares_.shop.notify_all();
    }
    if (!wares_.shop_lock.owned()) fault(Wrong::other, Kind::condition, "came back without its lock");
    if (for_ever) actor_.note_wait(Kind::condition, start);
    if (!outcome && for_ever) fault(Wrong::other, Kind::condition, "woke without having been notified");
    if (!outcome) break;
  }
  const std::uint64_t goods = wares_.goods;
  if (goods != 0) {
    note(consumed.perhaps, 1u);
    wares_.goods = goods - 1;
    note(consumed.done, consumed.done.load() + 1);
    note(consumed.perhaps, 0u);
    if (dice_.one_in(8)) dawdle();
    if (wares_.goods != goods - 1) {
      fault(Wrong::two_inside, Kind::condition, "somebody else is in the shop");
    }
  }
  leave_shop();
}

}  // namespace storm
