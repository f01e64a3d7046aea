// Barriers and latches: what parties wait for each other at.
#include <chrono>
#include <string>

#include "stress/player.hpp"

namespace storm {

void Player::meet(int number) {
  const Doing doing(book(), Kind::barrier);
  carom::Barrier& barrier = wares_.barrier(number);
  note(book().meeting, static_cast<std::uint8_t>(1 + number));
  const bool enrolled = dice_.one_in(8);
  if (enrolled) {
    barrier.enrol();
    dawdle();
  }
  const bool for_ever = dice_.one_in(4);
  const carom::Deadline deadline = for_ever ? carom::Deadline::never() : some_time();
  bool broken = false;
  try {
    const Stuck stuck(book(), Kind::barrier, for_ever);
    const std::int64_t start = carom::Deadline::now_ns();
    int index = -1;
    try {
      index = dice_.one_in(3) ? barrier.wait(deadline, [this] { dawdle(); }) : barrier.wait(deadline);
    } catch (const carom::BrokenBarrierError& e) {
      broken = true;
      if (e.why() == carom::BarrierBreak::party_died) {
        check_dead(Kind::barrier, e.culprit() ? e.culprit()->id : 0);
      }
    }
    if (for_ever) actor_.note_wait(Kind::barrier, start);
    if (!broken && (index < 0 || index >= kParties[number])) {
      fault(Wrong::other, Kind::barrier, "wait() returned " + std::to_string(index));
    } else if (!broken) {
      count_one(book().met[number][index]);
    }
  } catch (const carom::Error& e) {
    fault(Wrong::other, Kind::barrier, std::string("wait() threw: ") + e.what());
  }
  if (enrolled) barrier.leave();
  // Once the round is closed nobody makes it as new, and so nobody is left there alone.
  if (broken && raging() && dice_.one_in(2)) barrier.reset();
  note(book().meeting, std::uint8_t{0});
}

void Player::count_down(int latch) {
  const Doing doing(book(), Kind::latch);
  switch (dice_.below(5)) {
    case 0:
      return count(latch, 1);
    case 1:
    case 2:
      note(book().promised[latch], true);
      wares_.latches[latch].promise();
      dawdle();
      if (dice_.one_in(4)) await_latch(latch, false);
      count(latch, 1);
      note(book().promised[latch], false);
      if (dice_.one_in(2)) await_latch(latch, dice_.one_in(4));
      return;
    default:
      return await_latch(latch, dice_.one_in(4));
  }
}

void Player::count(int latch, std::uint32_t n) {
  Account& counted = book().counted[latch];
  note(counted.perhaps, n);
  if (actor_.broken() != Break::forsake || !dice_.one_in(5)) {
    wares_.latches[latch].count_down(static_cast<std::ptrdiff_t>(n));
  }
  note(counted.done, counted.done.load() + n);
  note(counted.perhaps, 0u);
}

void Player::await_latch(int latch, bool for_ever) {
  if (actor_.broken() == Break::forsake)
    for_ever = false;  // or the round would hang before its counts are compared
  const Stuck stuck(book(), Kind::latch, for_ever);
  const std::int64_t start = carom::Deadline::now_ns();
  const carom::LatchWait outcome =
      for_ever ? wares_.latches[latch].wait() : wares_.latches[latch].wait(some_time());
  if (for_ever) actor_.note_wait(Kind::latch, start);
  if (outcome && wares_.latches[latch].left() != 0) {
    fault(Wrong::other, Kind::latch, "open, but still to be counted down");
  }
  if (for_ever && outcome == carom::LatchWait::timed_out) {
    fault(Wrong::other, Kind::latch, "gave up though it had no deadline");
  }
}

}  // namespace storm
