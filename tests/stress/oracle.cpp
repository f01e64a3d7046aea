#include "stress/oracle.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>
#include <string>

namespace storm {
namespace {

std::uint64_t key(std::uint32_t desk, int lock) {
  return std::uint64_t{desk} * kAll + static_cast<std::uint64_t>(lock);
}

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

const char* to_string(Hold hold) {
  constexpr const char* kNames[] = {"does not hold", "acquires", "holds", "releases"};
  return kNames[static_cast<int>(hold)];
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

void Oracle::judge_quiet(const Flock& flock) {
  count_kills(flock);
  vigil_.forget();
  for (LockAccount& account : accounts_) account = {};
  notices_ = 0;
  desk_of_.clear();
  noticed_.clear();
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    if (ledger_.desks[i].id != 0) desk_of_[ledger_.desks[i].id] = i;
    tally_.longest_wait_ns = std::max(tally_.longest_wait_ns, ledger_.desks[i].longest_wait_ns.load());
  }
  read_notices();
  count_deaths();
  site_.look([&](const carom::Segment& segment, Arena& arena) {
    for (int lock = 0; lock < kAll; ++lock) {
      if (!arena.word(lock).free()) ledger_.fault(Wrong::two_inside, lock, kDesks, "not free in the end");
      judge_account(lock);
      judge_number(lock, arena.halves[lock]);
    }
    judge_number(kTable, arena.halves[kTable]);
    judge_takeovers(segment.takeovers());
    judge_roster(segment.participants());
  });
  inspector_.judge_quiet(flock);
}

void Oracle::count_kills(const Flock& flock) {
  std::set<std::uint32_t> holding;
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const Desk& desk = ledger_.desks[i];
    for (const std::atomic<Hold>& hold : desk.hold) {
      if (hold != Hold::yes) continue;
      if (!desk.ended) {
        holding.insert(desk.post);
      } else {
        ++tally_.ended;
      }
    }
  }
  for (const Worker& worker : flock.workers()) {
    if (!worker.killed) continue;
    ++tally_.kills;
    if (worker.stopped_first) ++tally_.stopped;
    if (holding.contains(worker.post)) ++tally_.holding;
  }
}

void Oracle::watch_idle(std::int64_t now_ns, const Flock& flock) {
  vigil_.begin(now_ns);
  site_.look([&](const carom::Segment&, Arena& arena) {
    for (int lock = 0; lock < kAll; ++lock) {
      const bool idle = arena.with(lock, [](auto& l) {
        if (l.waiters() == 0) return false;
        const auto owner = l.owner();
        return owner ? !owner->alive : !l.locked();
      });
      vigil_.look(lock, idle, now_ns, tally_.idleness);
    }
  });
  inspector_.watch_idle(now_ns, flock);
}

void Oracle::read_notices() {
  for (std::uint32_t i = 0; i < ledger_.notice_count(); ++i) {
    const std::uint64_t bits = ledger_.notices[i];
    if (bits == 0) continue;
    ++notices_;
    const auto [dead, lock, by] = Notice::unpack(bits);
    const auto found = desk_of_.find(dead);
    if (found == desk_of_.end()) {
      ledger_.fault(Wrong::invented_notice, lock, by, "of a participant " + number(dead) + " nobody knows");
      continue;
    }
    const Desk& desk = ledger_.desks[found->second];
    const Hold hold = desk.hold[lock];
    if (desk.parked || hold == Hold::no) {
      ledger_.fault(Wrong::invented_notice, lock, by,
                    "of desk " + number(found->second) + ", which " +
                        (desk.parked ? "lives" : "had released the lock in order"));
      continue;
    }
    const auto [earlier, first] = noticed_.emplace(key(found->second, lock), by);
    if (!first) {
      ledger_.fault(Wrong::doubled_notice, lock, by,
                    "of desk " + number(found->second) + ", which desk " + number(earlier->second) +
                        " was told of too");
    }
    if (hold == Hold::acquiring) ++accounts_[lock].noticed_acquiring;
  }
}

void Oracle::count_deaths() {
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const Desk& desk = ledger_.desks[i];
    if (desk.parked) continue;
    for (int lock = 0; lock < kAll; ++lock) {
      LockAccount& account = accounts_[lock];
      if (desk.hold[lock] == Hold::acquiring) ++account.died_acquiring;
      if (desk.hold[lock] != Hold::yes) continue;
      ++account.died_holding;
      if (!noticed_.contains(key(i, lock))) ++account.unnoticed;
    }
  }
}

// A death that nobody noted was told to somebody who was killed before the note. Then that one died holding
// the lock in turn, still noted as acquiring it, and so on; the last of them was told to one who lived to
// note it. So without a notice of somebody who died acquiring the lock there is no excuse.
void Oracle::judge_account(int lock) {
  const LockAccount& account = accounts_[lock];
  const long excused = account.noticed_acquiring > 0 ? account.died_acquiring : 0;
  if (account.unnoticed <= excused) return;
  ledger_.fault(Wrong::lost_notice, lock, kDesks,
                number(static_cast<std::uint64_t>(account.unnoticed)) + " of " +
                    number(static_cast<std::uint64_t>(account.died_holding)) +
                    " who died holding it were told to nobody; excused: " +
                    number(static_cast<std::uint64_t>(excused)));
}

void Oracle::judge_number(int lock, const Halves& halves) {
  std::uint64_t began = 0;
  std::uint64_t completed = 0;
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const Desk& desk = ledger_.desks[i];
    began += desk.began[lock];
    completed += desk.completed[lock];
    if (desk.parked && desk.began[lock] != desk.completed[lock]) {
      ledger_.fault(Wrong::other, lock, i, "parked with an increment half done");
    }
  }
  const std::uint64_t made = halves.a - number_before_[lock];
  number_before_[lock] = halves.a;
  if (halves.a != halves.b) ledger_.fault(Wrong::lost_notice, lock, kDesks, "half done in the end");
  if (ledger_.spots[lock].inside != 0) {
    ledger_.fault(Wrong::two_inside, lock, ledger_.spots[lock].inside - 1, "is inside in the end");
  }
  if (made < completed || made > began) {
    ledger_.fault(
        Wrong::lost_update, lock, kDesks,
        number(completed) + " to " + number(began) + " increments noted, " + number(made) + " made");
  }
}

// The library counts before it tells, and the told note after: the difference are those killed in between, who died
// acquiring; and what was taken over of other things than these locks.
void Oracle::judge_takeovers(std::uint64_t takeovers) {
  const auto counted = static_cast<long>(takeovers - takeovers_before_);
  takeovers_before_ = takeovers;
  tally_.takeovers += counted;
  const Inspector::Others others = inspector_.count_takeovers();
  long excused = others.perhaps;
  for (const LockAccount& account : accounts_) {
    if (account.noticed_acquiring > 0) excused += account.died_acquiring;
  }
  const long least = notices_ + others.told;
  if (counted >= least && counted - least <= excused) return;
  ledger_.fault(Wrong::other, -1, kDesks,
                "takeovers() grew by " + std::to_string(counted) + ", notices: " + std::to_string(least) +
                    ", excused: " + std::to_string(excused));
}

void Oracle::judge_roster(const std::vector<carom::Participant>& listed) {
  std::set<std::uint32_t> ids;
  for (const carom::Participant& participant : listed) {
    ids.insert(participant.id);
    const auto found = desk_of_.find(participant.id);
    if (found == desk_of_.end() || !ledger_.desks[found->second].parked) {
      ledger_.fault(Wrong::other, -1, found == desk_of_.end() ? kDesks : found->second,
                    "participant " + number(participant.id) + " is listed, but not among the living");
    }
  }
  for (const auto& [id, desk] : desk_of_) {
    if (ledger_.desks[desk].parked && !ids.contains(id)) {
      ledger_.fault(Wrong::other, -1, desk, "participant " + number(id) + " lives, but is not listed");
    }
  }
}

void Oracle::judge_grave() {
  site_.look([&](const carom::Segment& segment, Arena&) {
    for (const carom::Participant& participant : segment.participants()) {
      ledger_.fault(Wrong::other, -1, kDesks,
                    "participant " + number(participant.id) + " is listed after all have died");
    }
  });
}

void Oracle::dump_hung(const Flock& flock) {
  count_kills(flock);
  inspector_.dump(flock);
  site_.look([&](const carom::Segment& segment, Arena& arena) {
    std::fprintf(stderr, "In the roster: %zu, take-overs: %lu\n", segment.participants().size(),
                 static_cast<unsigned long>(segment.takeovers()));
    for (int lock = 0; lock < kAll; ++lock) {
      const auto owner = arena.with(lock, [](auto& l) { return l.owner(); });
      const auto waiting = arena.with(lock, [](auto& l) { return l.waiting(); });
      const Baton baton = Baton::unpack(ledger_.spots[lock].baton);
      std::fprintf(stderr, "lock %d: word %08x", lock, arena.word(lock).bits());
      if (owner) {
        std::fprintf(stderr, ", owner %u (thread %u, %s)", owner->id, owner->tid,
                     owner->alive ? "alive" : "dead");
      }
      std::fprintf(stderr, ", inside: %u (desk + 1), baton %u of desk %u, waiting:",
                   ledger_.spots[lock].inside.load(), baton.kind, baton.desk);
      for (const carom::Participant& waiter : waiting) std::fprintf(stderr, " %u", waiter.tid);
      std::fprintf(stderr, "\n");
    }
  });
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    const Desk& desk = ledger_.desks[i];
    const Worker& worker = flock.workers().at(desk.post);
    if (desk.parked || worker.state != Worker::runs) continue;
    const std::string task =
        "/proc/" + number(static_cast<std::uint64_t>(worker.pid)) + "/task/" + number(desk.tid);
    const std::string state = first_line(task + "/stat");
    if (state.empty()) continue;  // a thread that has ended
    std::fprintf(stderr, "desk %u: process %d, thread %u, participant %u, in %s:", i, worker.pid,
                 desk.tid.load(), desk.id.load(), first_line(task + "/wchan").c_str());
    for (int lock = 0; lock < kAll; ++lock) {
      if (desk.hold[lock] != Hold::no) std::fprintf(stderr, " %s %d", to_string(desk.hold[lock]), lock);
    }
    std::fprintf(stderr, "\n  %s\n", state.c_str());
  }
}

void Oracle::close_round(std::uint64_t seed) {
  ++tally_.rounds;
  for (std::uint32_t i = 0; i < ledger_.fault_count(); ++i) {
    const Fault& fault = ledger_.faults[i];
    const Wrong wrong = fault.wrong;
    if (wrong == Wrong::nothing) continue;
    switch (wrong) {
      case Wrong::hung:
        ++tally_.hung;
        break;
      case Wrong::lost_notice:
      case Wrong::lost_update:
        ++tally_.lost;
        break;
      case Wrong::two_inside:
      case Wrong::invented_notice:
      case Wrong::doubled_notice:
        ++tally_.doubled;
        break;
      default:
        ++tally_.other;
    }
    if (i >= 20) continue;  // the first ones tell the most
    std::fprintf(stderr, "seed %lu, round %ld: %s", static_cast<unsigned long>(seed), tally_.rounds,
                 storm::to_string(wrong));
    if (fault.lock >= 0) std::fprintf(stderr, " at lock %d", fault.lock);
    if (fault.desk < kDesks) std::fprintf(stderr, ", desk %u", fault.desk);
    std::fprintf(stderr, ": %s\n", fault.text);
  }
}

}  // namespace storm
