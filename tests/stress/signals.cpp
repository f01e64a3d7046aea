// What wakes without being held: the bare Semaphore, whose signals are counted, and the Event.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "stress/player.hpp"

namespace storm {
namespace {

std::int64_t now_us() {
  return carom::Deadline::now_ns() / 1000;
}

}  // namespace

void Player::signal() {
  const Doing doing(book(), Kind::signal);
  if (dice_.one_in(4)) return send(static_cast<std::uint32_t>(dice_.between(1, 3)));
  receive();
}

void Player::send(std::uint32_t n) {
  Account& released = book().released;
  note(released.perhaps, n);
  const carom::Release outcome = wares_.signals.release(n);
  note(released.done, released.done.load() + n);
  note(released.perhaps, 0u);
  if (outcome != carom::Release::released) {
    fault(Wrong::other, Kind::signal,
          "release ended with outcome " + std::to_string(static_cast<unsigned>(outcome)));
  }
}

void Player::receive() {
  Account& acquired = book().acquired;
  const How how = dice_.one_in(4) ? How::block : dice_.one_in(2) ? How::timed : How::try_once;
  const Stuck stuck(book(), Kind::signal, how == How::block);
  note(acquired.perhaps, 1u);
  const std::int64_t start = carom::Deadline::now_ns();
  const carom::Acquisition outcome = how == How::block   ? wares_.signals.acquire()
                                     : how == How::timed ? wares_.signals.acquire(some_time())
                                                         : wares_.signals.acquire(false);
  if (outcome && !(actor_.broken() == Break::signal && dice_.one_in(10))) {
    note(acquired.done, acquired.done.load() + 1);
  }
  note(acquired.perhaps, 0u);
  if (how == How::block) actor_.note_wait(Kind::signal, start);
  const bool in_time = outcome == carom::Acquisition::timed_out && how != How::block;
  if (outcome != carom::Acquisition::acquired && !in_time) {
    fault(Wrong::other, Kind::signal, "acquire ended with outcome " + std::to_string(outcome.kind()));
  }
}

void Player::happen() {
  const Doing doing(book(), Kind::event);
  switch (dice_.below(6)) {
    case 0:
      return wares_.event.set();
    case 1:
      return set_witnessed();
    case 2:
    case 3:
      // Cleared once the round is closed, it would keep those asleep who come then.
      if (raging()) wares_.event.clear();
      return;
    default:
      return await();
  }
}

// Whoever was seen asleep in one and the same wait before and after the look was in it when the event was set,
// unless its deadline passed before.
void Player::set_witnessed() {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> waits;
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const std::uint32_t wait = ledger_.books[i].waits;
    if (wait % 2 != 0) waits.emplace_back(i, wait);
  }
  const std::vector<carom::Participant> asleep = wares_.event.waiting();
  std::erase_if(waits, [&](const auto& entry) {
    const auto [desk, wait] = entry;
    const bool listed = std::any_of(asleep.begin(), asleep.end(), [&, desk = desk](const auto& sleeper) {
      return sleeper.id == ledger_.desks[desk].id;
    });
    return !listed || ledger_.books[desk].waits != wait;
  });
  wares_.event.set();
  const std::int64_t at_us = now_us() + 1;
  for (const auto& [desk, wait] : waits) note(ledger_.books[desk].debt, Debt{wait, at_us}.pack());
}

void Player::await() {
  const bool for_ever = dice_.one_in(3);
  const Stuck stuck(book(), Kind::event, for_ever);
  count_one(book().waits);
  const std::int64_t start = carom::Deadline::now_ns();
  const int timeout_us = dice_.below(3000);
  const std::int64_t until_us = start / 1000 + timeout_us;
  const bool was_set =
      for_ever ? wares_.event.wait() : wares_.event.wait(std::chrono::microseconds(timeout_us));
  const std::uint32_t wait = book().waits;
  count_one(book().waits);
  if (for_ever) actor_.note_wait(Kind::event, start);
  if (was_set) return;
  const Debt debt = Debt::unpack(book().debt);
  constexpr std::uint32_t kNumber = 0xff'ffff;
  if (for_ever) fault(Wrong::other, Kind::event, "gave up though it had no deadline");
  if (debt.wait == (wait & kNumber) && debt.at_us < (until_us & ((std::int64_t{1} << 40) - 1))) {
    fault(Wrong::lost_update, Kind::event, "slept when it was set, and was told that it was not");
  }
}

}  // namespace storm
