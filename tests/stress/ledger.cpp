#include "stress/ledger.hpp"

#include <algorithm>
#include <cstdio>
#include <new>

namespace storm {

const char* to_string(Wrong wrong) noexcept {
  switch (wrong) {
    case Wrong::nothing:
      return "nothing";
    case Wrong::hung:
      return "hung";
    case Wrong::lost_notice:
      return "lost notice";
    case Wrong::lost_update:
      return "lost update";
    case Wrong::two_inside:
      return "two inside";
    case Wrong::invented_notice:
      return "invented notice";
    case Wrong::doubled_notice:
      return "doubled notice";
    case Wrong::other:
      break;
  }
  return "violation";
}

void Ledger::begin_round() noexcept {
  for (std::uint32_t i = 0; i < desk_count(); ++i) {
    Desk& desk = desks[i];
    desk.post = 0;
    desk.id = 0;
    desk.tid = 0;
    desk.parked = false;
    desk.ended = false;
    desk.longest_wait_ns = 0;
    for (int lock = 0; lock < kGuarded; ++lock) {
      desk.hold[lock] = Hold::no;
      desk.began[lock] = 0;
      desk.completed[lock] = 0;
    }
    ::new (&books[i]) Book();
  }
  for (Post& post : posts) {
    post.finished = 0;
    post.parked = 0;
    post.ended = false;
    post.doomed = false;
  }
  for (Spot& spot : spots) {
    spot.inside = 0;
    spot.baton = 0;
  }
  ::new (&common) Common();
  for (std::uint32_t i = 0; i < notice_count(); ++i) notices[i] = 0;
  for (std::uint32_t i = 0; i < fault_count(); ++i) faults[i].wrong = Wrong::nothing;
  used_desks = 0;
  used_notices = 0;
  used_faults = 0;
  phase = Phase::storm;
}

void Ledger::fault(Wrong wrong, int lock, std::uint32_t desk, const std::string& text) noexcept {
  const std::uint32_t index = used_faults.fetch_add(1);
  if (index >= kFaults) return;
  Fault& fault = faults[index];
  fault.lock = lock;
  fault.desk = desk;
  std::snprintf(fault.text, sizeof fault.text, "%s", text.c_str());
  note(fault.wrong, wrong);
}

std::uint32_t Ledger::desk_count() const noexcept {
  return std::min(used_desks.load(), kDesks);
}
std::uint32_t Ledger::notice_count() const noexcept {
  return std::min(used_notices.load(), kNotices);
}
std::uint32_t Ledger::fault_count() const noexcept {
  return std::min(used_faults.load(), kFaults);
}

}  // namespace storm
