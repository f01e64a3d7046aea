// Permits with holders: in scopes, tracked, bounded.
#include <algorithm>
#include <optional>
#include <string>

#include "stress/player.hpp"

namespace storm {
namespace {

/// What a call that only says whether it took a permit would have said. Nobody is told twice of one death at one object.
carom::Acquisition as_acquisition(bool taken, const std::optional<carom::Takeover>& told_before) {
  if (!taken) return carom::Acquisition::timed_out;
  const std::optional<carom::Takeover> told = carom::last_takeover();
  const bool anew =
      told && (!told_before || told->object != told_before->object || told->from.id != told_before->from.id);
  return anew ? carom::Acquisition::acquired_owner_died : carom::Acquisition::acquired;
}

}  // namespace

void Player::use_pool(int pool) {
  const Doing doing(book(), kPoolKinds[pool]);
  if (actor_.broken() == Break::crowd && dice_.one_in(4)) {
    enter_cell(pool);
    linger();
    return leave_cell(pool);
  }
  if (!take_permit(pool, 0, some_way())) return;
  enter_cell(pool);
  const bool both = dice_.one_in(8) && take_permit(pool, 1, How::try_once);
  linger();
  descend(pool);
  leave_cell(pool);
  if (both) give_permit(pool, 1);
  if (actor_.broken() == Break::permit && dice_.one_in(30)) return;
  give_permit(pool, 0);
}

bool Player::take_permit(int pool, int which, How how) {
  std::atomic<Hold>& hold = book().permits[pool][which];
  if (hold != Hold::no) return false;  // kept on purpose
  if (actor_.broken() == Break::permit && how != How::try_once)
    how = How::timed;  // or all would come to hang
  const Kind kind = kPoolKinds[pool];
  note(hold, Hold::acquiring);
  const std::int64_t start = carom::Deadline::now_ns();
  const std::optional<carom::Takeover> told_before = carom::last_takeover();
  const carom::Acquisition outcome = wares_.with_pool(pool, [&](auto& s) -> carom::Acquisition {
    // Bare, a Semaphore in scopes would give what nobody holds.
    const bool in_scope = pool == 0 || how == How::block_as_std;
    switch (how) {
      case How::try_once:
        return in_scope ? as_acquisition(s.try_lock(), told_before) : s.acquire(false);
      case How::timed:
        return in_scope
                   ? as_acquisition(s.try_lock_for(std::chrono::microseconds(dice_.below(3000))), told_before)
                   : s.acquire(some_time());
      default:
        break;
    }
    if (!in_scope) return s.acquire();
    s.lock();
    return as_acquisition(true, told_before);
  });
  if (!outcome) {
    note(hold, Hold::no);
    if (outcome != carom::Acquisition::timed_out || how == How::block) {
      fault(Wrong::other, kind, "acquire ended with outcome " + std::to_string(outcome.kind()));
    }
    return false;
  }
  if (outcome.owner_died()) {
    count_one(book().told);
    const auto takeover = carom::last_takeover();
    const bool of_this = wares_.with_pool(
        pool, [&](const auto& s) { return takeover && takeover->object == static_cast<const void*>(&s); });
    if (!of_this) fault(Wrong::other, kind, "told, but last_takeover() says nothing of it");
    if (of_this) check_dead(kind, takeover->from.id);
  }
  note(hold, Hold::yes);
  actor_.note_wait(kind, start);
  const auto held = wares_.with_pool(pool, [](auto& s) { return s.held(); });
  const auto expected = static_cast<std::uint32_t>(
      std::count(std::begin(book().permits[pool]), std::end(book().permits[pool]), Hold::yes));
  if (held != expected) {
    fault(Wrong::other, kind, "held() is " + std::to_string(held) + ", not " + std::to_string(expected));
  }
  return true;
}

void Player::give_permit(int pool, int which) {
  std::atomic<Hold>& hold = book().permits[pool][which];
  note(hold, Hold::releasing);
  carom::Release outcome = carom::Release::released;
  wares_.with_pool(pool, [&](auto& s) {
    if (pool == 0 || dice_.one_in(2)) return s.unlock();  // throws where release() would say so
    outcome = s.release();
  });
  note(hold, Hold::no);
  if (outcome != carom::Release::released) {
    fault(Wrong::two_inside, kPoolKinds[pool],
          "release ended with outcome " + std::to_string(static_cast<unsigned>(outcome)));
  }
}

// As many cells as permits. What the dead left is found out about only where no other cell is free.
void Player::enter_cell(int pool) {
  const std::uint32_t mine = actor_.index() + 1;
  for (int attempt = 0; attempt < 3; ++attempt) {
    for (int i = 0; i < kPermits[pool]; ++i) {
      std::uint32_t free = 0;
      if (ledger_.common.cells[pool][i].compare_exchange_strong(free, mine)) return;
    }
    for (int i = 0; i < kPermits[pool]; ++i) {
      std::uint32_t other = ledger_.common.cells[pool][i];
      if (other != 0 && lives(other - 1)) continue;
      if (ledger_.common.cells[pool][i].compare_exchange_strong(other, mine)) return;
    }
  }
  fault(Wrong::two_inside, kPoolKinds[pool],
        "more than " + std::to_string(kPermits[pool]) + " of the living have a permit");
}

void Player::leave_cell(int pool) {
  for (int i = 0; i < kPermits[pool]; ++i) {
    std::uint32_t mine = actor_.index() + 1;
    if (ledger_.common.cells[pool][i].compare_exchange_strong(mine, 0)) return;
  }
}

// Judged by the desk: of one whose slot is just being claimed by another the library may still say that it lives.
void Player::check_dead(Kind kind, std::uint32_t id) {
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    if (ledger_.desks[i].id != id) continue;
    if (!lives(i)) return;
    return fault(Wrong::invented_notice, kind,
                 "told of the death of desk " + std::to_string(i) + ", which lives");
  }
  fault(Wrong::invented_notice, kind,
        "told of the death of a participant " + std::to_string(id) + ", nobody");
}

// Unless it, or its process, is noted to end, or to be killed: each before that happens.
bool Player::lives(std::uint32_t desk) const {
  const Desk& other = ledger_.desks[desk];
  const Post& post = ledger_.posts[other.post];
  return !other.ended && !post.ended && !post.doomed;
}

}  // namespace storm
