// The SharedLock. Its writers do to the table's number what owners do to those of the locks; its readers see that
// nobody does while they read.
#include <chrono>
#include <string>

#include "stress/player.hpp"

namespace storm {

void Player::share() {
  const Doing doing(book(), Kind::shared_lock);
  if (dice_.one_in(3)) {
    if (!write(some_way())) return;
    if (!dice_.one_in(8)) {
      actor_.first_half(kTable);
      descend(kPools);
      actor_.second_half(kTable);
    }
    return end_writing();
  }
  const bool breaks_in = actor_.broken() == Break::reader && dice_.one_in(4);
  if (breaks_in) {
    check_before_reading(false);
  } else if (!read(some_way())) {
    return;
  }
  const bool again = !breaks_in && dice_.one_in(8);
  if (again && !wares_.table.acquire_shared()) {
    fault(Wrong::other, Kind::shared_lock, "a reader could not acquire it again");
  }
  const Halves& halves = arena_.halves[kTable];
  const std::uint64_t a = halves.a;
  const std::uint64_t b = halves.b;
  const std::uint32_t inside = ledger_.spots[kTable].inside;
  descend(kPools);
  if (halves.a != a || halves.b != b || ledger_.spots[kTable].inside != inside) {
    fault(Wrong::two_inside, Kind::shared_lock, "somebody wrote while it was being read");
  }
  for (int levels = breaks_in ? 0 : again ? 2 : 1; levels > 0; --levels) {
    if (wares_.table.release_shared() != carom::Release::released) {
      fault(Wrong::two_inside, Kind::shared_lock, "no longer its own to read");
    }
  }
}

bool Player::write(How how) {
  carom::SharedLock& table = wares_.table;
  std::atomic<Hold>& hold = actor_.desk().hold[kTable];
  note(hold, Hold::acquiring);
  const std::int64_t start = carom::Deadline::now_ns();
  const carom::Acquisition outcome = how == How::try_once ? table.acquire(false)
                                     : how == How::timed  ? table.acquire(some_time())
                                                          : table.acquire();
  if (!outcome) {
    note(hold, Hold::no);
    if (outcome != carom::Acquisition::timed_out || how == How::block || how == How::block_as_std) {
      fault(Wrong::other, Kind::shared_lock, "acquire ended with outcome " + std::to_string(outcome.kind()));
    }
    return false;
  }
  const bool told = outcome.owner_died();
  if (table.inherited() != told || !table.owned()) {
    fault(Wrong::other, Kind::shared_lock, "inherited() or owned() and the outcome disagree");
  }
  note(hold, Hold::yes);
  actor_.note_wait(Kind::shared_lock, start);
  actor_.go_inside(kTable, told);
  return true;
}

void Player::end_writing() {
  actor_.go_outside(kTable);
  note(actor_.desk().hold[kTable], Hold::releasing);
  const carom::Release outcome = wares_.table.release();
  note(actor_.desk().hold[kTable], Hold::no);
  if (outcome != carom::Release::released) {
    fault(Wrong::two_inside, Kind::shared_lock,
          "release ended with outcome " + std::to_string(static_cast<unsigned>(outcome)));
  }
}

bool Player::read(How how) {
  carom::SharedLock& table = wares_.table;
  const std::int64_t start = carom::Deadline::now_ns();
  const carom::Acquisition outcome = how == How::try_once ? table.acquire_shared(false)
                                     : how == How::timed  ? table.acquire_shared(some_time())
                                                          : table.acquire_shared();
  if (!outcome) {
    if (outcome != carom::Acquisition::timed_out || how == How::block || how == How::block_as_std) {
      fault(Wrong::other, Kind::shared_lock,
            "acquire_shared ended with outcome " + std::to_string(outcome.kind()));
    }
    return false;
  }
  actor_.note_wait(Kind::shared_lock, start);
  check_before_reading(outcome.owner_died());
  return true;
}

void Player::check_before_reading(bool told) {
  if (told) return;
  const Halves& halves = arena_.halves[kTable];
  const Spot& spot = ledger_.spots[kTable];
  const std::uint64_t a = halves.a;
  if (spot.inside != 0 || halves.b != a || spot.intent != a) {
    fault(Wrong::lost_notice, Kind::shared_lock,
          "in good order, it was told to read; " + std::to_string(spot.inside) + " (desk + 1) is inside");
  }
}

}  // namespace storm
