#include "stress/actor.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>

namespace storm {
namespace {

constexpr int kLongestTimeoutUs = 3000;

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

}  // namespace

Actor::Actor(Site& site, Ledger& ledger, std::uint32_t post, Break broken, Dice& dice)
    : arena_(site.arena()),
      ledger_(ledger),
      broken_(broken),
      dice_(dice),
      desk_(ledger.used_desks.fetch_add(1)) {
  if (desk_ >= kDesks) throw std::length_error("the storm has run out of desks");
  note(desk().post, post);
  note(desk().tid, static_cast<std::uint32_t>(gettid()));
  note(desk().id, site.segment().join().id);
}

carom::Acquisition Actor::ask(int lock, How how, std::int64_t timeout_us) {
  return arena_.with(lock, [&](auto& l) -> carom::Acquisition {
    switch (how) {
      case How::block:
        return l.acquire();
      case How::try_once:
        return l.acquire(false);
      case How::timed:
        return l.acquire(std::chrono::microseconds(timeout_us));
      case How::block_as_std:
        break;
    }
    l.lock();
    return l.inherited() ? carom::Acquisition::acquired_owner_died : carom::Acquisition::acquired;
  });
}

bool Actor::acquire(int lock, How how) {
  std::atomic<Hold>& hold = desk().hold[lock];
  const std::int64_t timeout_us = how == How::timed ? dice_.below(kLongestTimeoutUs) : 0;
  if (broken_ == Break::exclusion && dice_.one_in(50)) {
    go_inside(lock, false);
    return true;
  }
  count_one(book().operations[index_of(kind_of_lock(lock))]);
  note(hold, Hold::acquiring);
  const std::int64_t start = carom::Deadline::now_ns();
  const carom::Acquisition outcome = ask(lock, how, timeout_us);
  if (!outcome) {
    note(hold, Hold::no);
    if (outcome != carom::Acquisition::timed_out || how == How::block) {
      fault(Wrong::other, lock, "acquire ended with outcome " + number(outcome.kind()));
    } else if (carom::Deadline::now_ns() - start < timeout_us * 1000) {
      fault(Wrong::other, lock, "gave up before its " + std::to_string(timeout_us) + " us had passed");
    }
    return false;
  }
  bool told = outcome.owner_died();
  if (arena_.with(lock, [](auto& l) { return l.inherited(); }) != told) {
    fault(Wrong::other, lock, "inherited() and the outcome disagree");
  }
  if (broken_ == Break::notice) told = false;
  if (told) {
    note_notice(lock);
  } else if (broken_ == Break::invention && dice_.one_in(50)) {
    ledger_.notices[ledger_.used_notices.fetch_add(1)] = Notice{desk().id, lock, desk_}.pack();
  }
  note(hold, Hold::yes);
  note_wait(kind_of_lock(lock), start);
  go_inside(lock, told);
  return true;
}

// What nobody was bound to bring about before the round was closed counts from then.
void Actor::note_wait(Kind kind, std::int64_t since_ns) {
  if (phase() == Phase::storm) return;
  const bool stuck = book().stuck != 0;
  const std::int64_t closed = ledger_.common.closed_since_ns;
  if (stuck && closed == 0) return;
  const std::int64_t from = std::max(since_ns, stuck ? closed : ledger_.calm_since_ns.load());
  const std::int64_t waited = carom::Deadline::now_ns() - from;
  if (waited > desk().longest_wait_ns.load()) note(desk().longest_wait_ns, waited);
  std::atomic<std::int64_t>& of_kind = book().longest_wait_ns[index_of(kind)];
  if (waited > of_kind.load()) note(of_kind, waited);
}

void Actor::note_notice(int lock) {
  const std::optional<carom::Takeover> takeover = carom::last_takeover();
  const bool this_lock =
      takeover && takeover->object == arena_.with(lock, [](auto& l) -> const void* { return &l; });
  if (!this_lock) return fault(Wrong::other, lock, "told, but last_takeover() says nothing of this lock");
  if (takeover->from.alive) fault(Wrong::other, lock, "taken over from somebody that is said to be alive");
  const std::uint32_t index = ledger_.used_notices.fetch_add(1);
  if (index < kNotices) note(ledger_.notices[index], Notice{takeover->from.id, lock, desk_}.pack());
}

void Actor::go_inside(int lock, bool told) {
  Spot& spot = ledger_.spots[lock];
  Halves& halves = arena_.halves[lock];
  std::uint32_t before = spot.inside.load();
  if (before != 0 && !told) {
    fault(Wrong::lost_notice, lock, "in good order, it was told; desk " + number(before - 1) + " is inside");
  }
  // Should the one we push out be alive, it finds out when it leaves.
  if (!spot.inside.compare_exchange_strong(before, desk_ + 1)) {
    fault(Wrong::two_inside, lock, "went in together with desk " + number(before - 1));
    note(spot.inside, desk_ + 1);
  }
  const std::uint64_t a = halves.a;
  const std::uint64_t b = halves.b;
  const std::uint64_t intent = spot.intent.load();
  const std::string seen = number(a) + ", " + number(b) + ", meant " + number(intent);
  if (!told) {
    if (a != b || a != intent) fault(Wrong::lost_notice, lock, "in good order, it was told; found " + seen);
  } else if ((a != b && (a != b + 1 || intent != a)) || (intent != a && intent != a + 1)) {
    fault(Wrong::two_inside, lock, "no single death leaves " + seen);
  }
  if (broken_ == Break::repair) return;
  if (a != b) halves.b = a;
  note(spot.intent, a);
}

void Actor::go_outside(int lock) {
  std::uint32_t expected = desk_ + 1;
  if (!ledger_.spots[lock].inside.compare_exchange_strong(expected, 0)) {
    fault(Wrong::two_inside, lock,
          "somebody else came in while it was inside: " + number(expected) + " (desk + 1)");
  }
}

void Actor::first_half(int lock) {
  Halves& halves = arena_.halves[lock];
  const std::uint64_t next = halves.a + 1;
  note(desk().began[lock], desk().began[lock].load(std::memory_order_relaxed) + 1);
  if (broken_ == Break::count && dice_.one_in(50)) return;
  note(ledger_.spots[lock].intent, next);
  halves.a = next;
}

void Actor::second_half(int lock) {
  Halves& halves = arena_.halves[lock];
  const std::uint64_t a = halves.a;
  const std::uint64_t b = halves.b;
  if (a != b + 1 && broken_ != Break::count) {
    fault(Wrong::two_inside, lock,
          "its first half was changed while it was inside: " + number(a) + ", " + number(b));
  }
  halves.b = a;
  note(desk().completed[lock], desk().completed[lock].load(std::memory_order_relaxed) + 1);
}

void Actor::deeper(int lock) {
  carom::RLock& rlock = arena_.rlocks[lock - kLocks];
  const int levels = dice_.between(1, 3);
  for (int i = 0; i < levels; ++i) {
    if (rlock.acquire(dice_.one_in(2)) != carom::Acquisition::acquired) {
      fault(Wrong::other, lock, "its owner could not acquire it again");
    }
  }
  const auto expected = static_cast<std::uint32_t>(1 + levels);
  if (rlock.depth() != expected) {
    fault(Wrong::other, lock, "depth is " + number(rlock.depth()) + ", not " + number(expected));
  }
  for (int i = 0; i < levels; ++i) {
    if (rlock.release() != carom::Release::released) fault(Wrong::two_inside, lock, "no longer its own");
  }
}

void Actor::release(int lock) {
  go_outside(lock);
  std::atomic<Hold>& hold = desk().hold[lock];
  if (hold.load(std::memory_order_relaxed) == Hold::no) return;  // it broke in
  note(hold, Hold::releasing);
  const carom::Release outcome = arena_.with(lock, [](auto& l) { return l.release(); });
  note(hold, Hold::no);
  if (outcome != carom::Release::released) {
    fault(Wrong::two_inside, lock, "release ended with outcome " + number(static_cast<unsigned>(outcome)));
  }
}

void Actor::hand_over(int lock) {
  std::atomic<std::uint32_t>& baton = ledger_.spots[lock].baton;
  const std::uint32_t giving = Baton{Baton::giving, desk_}.pack();
  std::uint32_t expected = 0;
  if (desk().hold[lock] != Hold::yes || !baton.compare_exchange_strong(expected, giving)) {
    return release(lock);
  }
  go_outside(lock);
  note(desk().hold[lock], Hold::releasing);
  const bool handed = arena_.locks[lock].hand_over();
  note(desk().hold[lock], Hold::no);
  if (!handed) fault(Wrong::two_inside, lock, "hand_over() says that it is not the owner's");
  if (broken_ != Break::wake) note(baton, Baton{Baton::ready, 0}.pack());
}

void Actor::release_for_others() {
  for (int lock = 0; lock < kLocks; ++lock) {
    std::atomic<std::uint32_t>& baton = ledger_.spots[lock].baton;
    std::uint32_t ready = Baton{Baton::ready, 0}.pack();
    if (baton.load() != ready || dice_.one_in(4)) continue;
    if (!baton.compare_exchange_strong(ready, Baton{Baton::taking, desk_}.pack())) continue;
    if (arena_.locks[lock].release() != carom::Release::released) {
      fault(Wrong::two_inside, lock, "what was handed over is no longer held");
    }
    note(baton, std::uint32_t{0});
  }
}

void Actor::compare(int lock) {
  arena_.with(lock, [&](auto& l) {
    const auto owner = l.owner();
    if (!l.owned() || !l.locked() || !owner || owner->id != desk().id || !owner->alive) {
      fault(Wrong::two_inside, lock, "the lock does not say that this thread owns it");
    }
    for (const carom::Participant& waiter : l.waiting()) {
      if (waiter.id == desk().id) fault(Wrong::other, lock, "its owner is listed as waiting for it");
    }
  });
}

}  // namespace storm
