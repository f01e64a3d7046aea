#include "carom/latch.hpp"

#include <algorithm>
#include <string>

#include "carom/detail/seat.hpp"
#include "carom/detail/step.hpp"
#include "carom/detail/watched.hpp"
#include "memory/settlement.hpp"
#include "memory/waiting.hpp"
#include "sync/holders.hpp"
#include "sync/placed.hpp"
#include "sync/spin.hpp"

namespace carom {

using detail::LatchWord;
using memory::Holding;
using memory::MappedSegment;

std::uint64_t Latch::object_in(const MappedSegment& segment) const noexcept {
  return memory::object_ref(memory::ObjectKind::latch, segment.offset_of(this), serial_);
}

std::uint32_t Latch::checked(std::ptrdiff_t expected) {
  if (expected < 0 || expected > max()) {
    throw Error(Errc::bad_value, "latch",
                "cannot be counted down " + std::to_string(expected) + " times; from 0 to " +
                    std::to_string(max()) + " are possible");
  }
  return static_cast<std::uint32_t>(expected);
}

void Latch::promise(std::uint32_t n) {
  const void* const base = home_.segment_of(this);
  const Holding holding = memory::make_holding(base, object_in(sync::mapped(this, base, "latch")));
  if (n > detail::LatchWord::kMax - std::min(holding.count(), detail::LatchWord::kMax)) {
    throw Error(Errc::bad_value, "latch",
                "cannot be promised more than " + std::to_string(max()) + " times by one thread");
  }
  holding.set_count(holding.count() + n);
  CAROM_STEP(latch_promised);
}

void Latch::count_down(std::ptrdiff_t n) {
  if (n < 0 || n > max())
    throw Error(Errc::bad_value, "latch", "cannot be counted down " + std::to_string(n) + " times");
  const auto count = static_cast<std::uint32_t>(n);
  detail::releasing(&word_);
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  while (!word_.compare_exchange_weak(seen, LatchWord(seen).less(count).bits(),
                                      std::memory_order_acq_rel,  // [C1]
                                      std::memory_order_relaxed)) {
  }
  const LatchWord before(seen);
  if (before.open()) {
    // Nothing to count, but a promise is kept all the same.
  } else if (before.less(count).open()) {
    CAROM_STEP(latch_opened);
    if (before.contended()) platform::wake(word_, platform::kEverybody);
  } else {
    CAROM_STEP(latch_counted);
  }
  const void* const base = home_.segment_of(this);
  const MappedSegment& segment = sync::mapped(this, base, "latch");
  const Holding promised = memory::find_own_holding(base, object_in(segment));
  if (promised && promised.count() != 0)
    promised.set_count(promised.count() > count ? promised.count() - count : 0);
}

LatchWait Latch::wait(Deadline deadline) {
  if (try_wait()) {
    detail::acquired(&word_);
    return LatchWait::open;
  }
  const void* const base = home_.segment_of(this);
  MappedSegment& segment = sync::mapped(this, base, "latch");
  const std::uint64_t object = object_in(segment);
  memory::Roster roster = segment.roster();
  memory::Waiting waiting(roster, detail::seat_in(base), object, memory::Cancellation::point);
  sync::Spin spin(sync::Awaited::signal);
  for (;;) {
    std::uint32_t bits = word_.load(std::memory_order_acquire);  // [C2]
    const LatchWord seen(bits);
    if (seen.open()) {
      detail::acquired(&word_);
      return LatchWait::open;
    }
    if (seen.forsaken()) return LatchWait::forsaken;
    if (!waiting.has_slept() && !deadline.expired() && spin.again()) continue;
    const bool last_look = deadline.expired();
    memory::settle_object(segment, object, last_look ? memory::Witness::identity : waiting.witness());
    if (word_.load(std::memory_order_relaxed) != bits) continue;
    if (last_look) return LatchWait::timed_out;
    if (!seen.contended()) {
      if (!word_.compare_exchange_strong(bits, seen.with_contended().bits(), std::memory_order_relaxed))
        continue;
      CAROM_STEP(latch_marked);
    }
    std::uint32_t ids[memory::kWatchedHolders];
    waiting.sleep(word_, seen.with_contended().bits(),
                  {.holders = sync::some_holders(roster, object, ids), .fellows = false}, deadline);
  }
}

std::vector<Participant> Latch::promised() const {
  const MappedSegment& segment = sync::mapped(this, home_.segment_of(this), "latch");
  return sync::holders_of(segment, object_in(segment));
}

std::vector<Participant> Latch::waiting() const {
  const MappedSegment& segment = sync::mapped(this, home_.segment_of(this), "latch");
  return segment.roster().waiting_on(object_in(segment));
}

std::size_t Latch::waiters() const {
  const MappedSegment& segment = sync::mapped(this, home_.segment_of(this), "latch");
  return segment.roster().count_waiting_on(object_in(segment));
}

}  // namespace carom
