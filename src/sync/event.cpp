#include "carom/event.hpp"

#include "carom/detail/seat.hpp"
#include "carom/detail/step.hpp"
#include "carom/detail/watched.hpp"
#include "memory/waiting.hpp"
#include "sync/placed.hpp"
#include "sync/spin.hpp"

namespace carom {

using detail::EventWord;
using memory::MappedSegment;

namespace {

std::uint64_t object_of(const MappedSegment& segment, const Event& event) noexcept {
  return memory::object_ref(memory::ObjectKind::event, segment.offset_of(&event));
}

}  // namespace

void Event::set() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  detail::releasing(&word_);
  // A set that changes nothing releases all the same: what its caller did is to be seen. [E1]
  while (!word_.compare_exchange_weak(seen, EventWord(seen).set().bits(), std::memory_order_release,
                                      std::memory_order_relaxed)) {
  }
  CAROM_STEP(event_set);
  if (!EventWord(seen).is_set() && EventWord(seen).contended()) platform::wake(word_, platform::kEverybody);
}

void Event::clear() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  while (EventWord(seen).is_set() &&
         !word_.compare_exchange_weak(seen, EventWord(seen).clear().bits(), std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
  }
  CAROM_STEP(event_cleared);
}

bool Event::wait(Deadline deadline) {
  const EventWord now(word_.load(std::memory_order_acquire));  // [E2]
  if (now.is_set()) {
    detail::acquired(&word_);
    return true;
  }
  return wait_past(now, deadline, nullptr);
}

// True once the event is set, or has been since it was `since`. `stop` ends the wait when somebody has set it and woken
// the word.
bool Event::wait_past(EventWord since, Deadline deadline, const std::atomic<bool>* stop) {
  const void* const base = home_.segment_of(this);
  MappedSegment& segment = sync::mapped(this, base, "event");
  memory::Roster roster = segment.roster();
  memory::Waiting waiting(roster, detail::seat_in(base), object_of(segment, *this),
                          memory::Cancellation::point);
  sync::Spin spin(sync::Awaited::signal);
  for (;;) {
    std::uint32_t bits = word_.load(std::memory_order_acquire);  // [E2]
    const EventWord seen(bits);
    if (seen.times_set() != since.times_set()) {
      detail::acquired(&word_);
      return true;
    }
    if (stop != nullptr && stop->load(std::memory_order_acquire)) return false;
    if (deadline.expired()) return false;
    if (!waiting.has_slept() && stop == nullptr && spin.again()) continue;
    if (!seen.contended()) {
      if (!word_.compare_exchange_strong(bits, seen.with_contended().bits(), std::memory_order_relaxed))
        continue;
      CAROM_STEP(event_marked);
    }
    waiting.sleep(word_, seen.with_contended().bits(), {.fellows = false}, deadline);
  }
}

std::vector<Participant> Event::waiting() const {
  const MappedSegment& segment = sync::mapped(this, home_.segment_of(this), "event");
  return segment.roster().waiting_on(object_of(segment, *this));
}

std::size_t Event::waiters() const {
  const MappedSegment& segment = sync::mapped(this, home_.segment_of(this), "event");
  return segment.roster().count_waiting_on(object_of(segment, *this));
}

}  // namespace carom
