#include "carom/condition.hpp"

#include <optional>

#include "carom/detail/seat.hpp"
#include "carom/detail/step.hpp"
#include "memory/settlement.hpp"
#include "memory/turn_word.hpp"
#include "memory/waiting.hpp"
#include "platform/cancellation.hpp"
#include "sync/placed.hpp"
#include "sync/spin.hpp"

namespace carom {

using memory::ConditionWord;
using memory::MappedSegment;
using memory::Roster;
using memory::Slot;
using memory::TurnWord;

namespace {

using State = TurnWord::State;

MappedSegment& mapped(const void* object, const void* base) {
  return sync::mapped(object, base, "condition");
}

std::uint32_t distance(const void* from, const void* to) {
  const MappedSegment* const segment = MappedSegment::containing(from);
  const MappedSegment* const other = MappedSegment::containing(to);
  const std::ptrdiff_t bytes = static_cast<const std::byte*>(to) - static_cast<const std::byte*>(from);
  const std::ptrdiff_t words = bytes / 4;
  if (segment == nullptr || segment != other || words != static_cast<std::int32_t>(words)) {
    throw Error(Errc::outside_segment, "condition",
                "its lock does not lie in the same segment, or more than 8 GiB from it");
  }
  return static_cast<std::uint32_t>(words);
}

/// Ends the wait with that ticket. False if it was notified before.
bool give_up_turn(MappedSegment& segment, std::uint64_t condition, Slot& slot,
                  std::uint32_t ticket) noexcept {
  std::uint64_t expected = TurnWord::waiting(ticket).bits();
  if (!slot.turn.compare_exchange_strong(expected, 0, std::memory_order_seq_cst))
    return TurnWord(expected).state() == State::none;
  // What a dead one's turn was granted to this one goes to the next.
  memory::pass_on_turns(segment, condition);
  return true;
}

/// One thread's turn, from when it is seen to wait until it has its lock again.
class Turn {
 public:
  Turn(MappedSegment& segment, std::uint64_t condition, std::uint32_t self, std::uint32_t ticket)
      : segment_(segment),
        condition_(condition),
        index_(segment.roster().index_of(self)),
        ticket_(ticket),
        slot_(segment.roster().slot(self)) {
    segment.roster().look(self);
    slot_.parked_at.store(condition, std::memory_order_release);
    slot_.turn.store(TurnWord::waiting(ticket).bits(), std::memory_order_seq_cst);  // [T1]
    CAROM_STEP(turn_waiting);
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    slot_.turn.store(0, std::memory_order_seq_cst);
    slot_.parked_at.store(0, std::memory_order_release);
    CAROM_STEP(turn_left);
  }

  TurnWord word() const noexcept { return TurnWord(slot_.turn.load(std::memory_order_seq_cst)); }  // [T2]
  const platform::Word& to_sleep_on() const noexcept { return platform::low_half(slot_.turn); }
  std::uint32_t while_waiting() const noexcept { return TurnWord::waiting(ticket_).low_half(); }

  /// Waits no more. False if it was notified before.
  bool give_up() noexcept { return give_up_turn(segment_, condition_, slot_, ticket_); }

  /// Sees to the turns of the dead, and takes the one that was granted to this thread, if one was.
  void look_at_the_dead(memory::Witness witness) {
    segment_.roster().each_slot([&](Slot& slot, std::uint32_t index) {
      if (slot.parked_at.load(std::memory_order_acquire) != condition_) return;
      memory::pass_on_turn_if_dead(segment_, index, witness);
      std::uint64_t bits = slot.turn.load(std::memory_order_seq_cst);
      const TurnWord turn(bits);
      if (!turn.granted_to(index_, ticket_) || slot.parked_at.load(std::memory_order_acquire) != condition_)
        return;
      std::uint64_t expected = TurnWord::waiting(ticket_).bits();
      if (!slot_.turn.compare_exchange_strong(expected, TurnWord::adopted(turn.limit(), index).bits(),
                                              std::memory_order_seq_cst)) {
        memory::pass_on_turn(segment_, index);
        return;
      }
      CAROM_STEP(turn_adopted);
      slot.turn.compare_exchange_strong(bits, 0, std::memory_order_seq_cst);
    });
  }

 private:
  MappedSegment& segment_;
  std::uint64_t condition_;
  std::uint32_t index_;
  std::uint32_t ticket_;
  Slot& slot_;
};

}  // namespace

Condition::Condition() : home_(this, "condition", over_own), serial_(home_.new_serial(this)) {}

Condition::Condition(Lock& lock)
    : home_(this, "condition", over_lock), lock_(distance(this, &lock)), serial_(home_.new_serial(this)) {}

Condition::Condition(RLock& lock)
    : home_(this, "condition", over_rlock), lock_(distance(this, &lock)), serial_(home_.new_serial(this)) {}

std::uint64_t Condition::object_in(const MappedSegment& segment) const noexcept {
  return memory::object_ref(memory::ObjectKind::condition, segment.offset_of(this), serial_);
}

template <class L>
L& Condition::lock_there() const {
  const std::ptrdiff_t words = static_cast<std::int32_t>(lock_.load(std::memory_order_relaxed));
  const MappedSegment& segment = mapped(this, home_.segment_of(this));
  // The distance lies in shared memory: a spoiled one is not followed outside.
  const std::uint64_t offset = segment.offset_of(this) + static_cast<std::uint64_t>(words * 4);
  if (!segment.holds_at(offset, sizeof(L)))
    throw Error(Errc::corrupted, "condition", "does not say where its lock is; something wrote over it");
  return *reinterpret_cast<L*>(reinterpret_cast<std::byte*>(&segment.header()) + offset);
}

template <class Visit>
auto Condition::with_lock(Visit visit) const {
  switch (home_.bits()) {
    case over_lock:
      return visit(lock_there<Lock>());
    case over_rlock:
      return visit(lock_there<RLock>());
    default:
      return visit(const_cast<Condition*>(this)->own_);
  }
}

std::uint32_t Condition::draw_ticket() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  while (!word_.compare_exchange_weak(seen, ConditionWord(seen).with_waiter().bits(),
                                      std::memory_order_seq_cst, std::memory_order_relaxed)) {
  }
  return ConditionWord(seen).with_waiter().last_ticket();
}

// The lock is given back, and taken again, at whatever depth it is held.
std::uint32_t Condition::let_go(Lock& lock) noexcept {
  static_cast<void>(lock.release());
  return 1;
}
std::uint32_t Condition::let_go(RLock& lock) {
  return lock.release_all();
}
Acquisition Condition::take_again(Lock& lock, std::uint32_t) {
  return lock.acquire();
}
Acquisition Condition::take_again(RLock& lock, std::uint32_t depth) {
  const Acquisition again = lock.acquire();
  if (again) lock.set_depth(depth);
  return again;
}

template <class L>
ConditionWait Condition::wait_over(L& lock, Deadline deadline, StopRequest* stop) {
  if (!lock.owned()) refuse();
  const void* const base = home_.segment_of(this);
  MappedSegment& segment = mapped(this, base);
  const std::uint64_t object = object_in(segment);
  const std::uint32_t self = detail::seat_in(base);
  Roster roster = segment.roster();

  const std::uint32_t ticket = draw_ticket();
  CAROM_STEP(ticket_drawn);
  Turn turn(segment, object, self, ticket);
  // Another one, for nobody: whoever looked around before this one was seen to wait, and found nobody, finds the word
  // changed, or this changes it back.
  static_cast<void>(draw_ticket());
  const std::uint32_t depth = let_go(lock);
  CAROM_STEP(condition_unlocked);
  try {
    if (stop != nullptr) {
      stop->segment_ = &segment;
      stop->condition_ = object;
      stop->waiter_ = self;
      stop->ticket_ = ticket;
      const auto before = stop->state_.exchange(StopRequest::State::waits, std::memory_order_acq_rel);
      if (before == StopRequest::State::stopped) turn.give_up();
    }
    memory::Waiting waiting(roster, self, object, memory::Cancellation::point);
    sync::Spin spin(sync::Awaited::signal);
    while (turn.word().state() == State::waiting) {
      if (!waiting.has_slept() && !deadline.expired() && spin.again()) continue;
      if (waiting.has_slept()) turn.look_at_the_dead(waiting.witness());
      if (turn.word().state() != State::waiting) break;
      if (deadline.expired()) {
        turn.give_up();
        break;
      }
      waiting.sleep(turn.to_sleep_on(), turn.while_waiting(), {}, deadline, &lock_);
    }
    platform::cancellation_point();
  } catch (...) {                            // a cancellation: it ends the thread once this is done
    if (!turn.give_up()) notify_waiters(1);  // another is notified before this one's turn is gone
    static_cast<void>(take_again(lock, depth));
    throw;
  }
  const TurnWord got = turn.word();
  if (got.state() == State::notified) CAROM_STEP(turn_taken);
  const Acquisition again = take_again(lock, depth);
  if (!again) {
    throw Error(again == Acquisition::corrupted ? Errc::corrupted : Errc::owner_died, "condition",
                "its lock could not be taken again after the wait");
  }
  return {got.state() == State::notified, again.owner_died()};
}

void Condition::StopRequest::stop() noexcept {
  if (state_.exchange(State::stopped, std::memory_order_acq_rel) != State::waits) return;
  Slot& slot = segment_->roster().slot(waiter_);
  give_up_turn(*segment_, condition_, slot, ticket_);
  platform::wake(platform::low_half(slot.turn), 1);
}

ConditionWait Condition::wait_stoppable(Lock& lock, Deadline deadline, StopRequest* stop) {
  return wait_over(lock, deadline, stop);
}
ConditionWait Condition::wait_stoppable(RLock& lock, Deadline deadline, StopRequest* stop) {
  return wait_over(lock, deadline, stop);
}
ConditionWait Condition::wait_stoppable(Condition& lock, Deadline deadline, StopRequest* stop) {
  return lock.with_lock([&](auto& its) { return wait_over(its, deadline, stop); });
}

ConditionWait Condition::wait(Lock& lock, Deadline deadline) {
  return wait_over(lock, deadline, nullptr);
}
ConditionWait Condition::wait(RLock& lock, Deadline deadline) {
  return wait_over(lock, deadline, nullptr);
}
ConditionWait Condition::wait(Deadline deadline) {
  return wait_stoppable(*this, deadline, nullptr);
}

void Condition::notify_waiters(std::uint32_t n) noexcept {
  MappedSegment* const segment = sync::find_mapped(this, home_.segment_of(this));
  if (segment == nullptr) return;
  const std::uint64_t object = object_in(*segment);
  const Roster roster = segment->roster();
  std::uint32_t seen = word_.load(std::memory_order_acquire);
  const std::uint32_t limit = ConditionWord(seen).last_ticket();
  std::uint32_t notified = 0;
  const auto notify = [&](const memory::Waiter& waiter) {
    std::uint64_t expected = TurnWord::waiting(waiter.ticket).bits();
    const TurnWord turn = TurnWord::notified(limit, waiter.ticket);
    if (!waiter.slot->turn.compare_exchange_strong(expected, turn.bits(), std::memory_order_seq_cst))
      return;  // [T2]
    CAROM_STEP(turn_notified);
    ++notified;
    if (n != kAll) platform::wake(platform::low_half(waiter.slot->turn), 1);
  };
  if (n == kAll) memory::each_waiter(roster, object, limit, notify);
  while (notified < n) {
    const std::optional<memory::Waiter> next = memory::first_waiter(roster, object, limit);
    if (!next) {
      // If nobody has come since either, nobody needs to look until somebody does.
      word_.compare_exchange_strong(seen, ConditionWord(seen).without_waiters().bits(),
                                    std::memory_order_acq_rel);
      break;
    }
    notify(*next);
  }
  if (n == kAll && notified != 0) platform::wake(lock_, platform::kEverybody);
}

void Condition::refuse() {
  throw Error(Errc::not_owner, "condition", "waited on by a thread that does not hold its lock");
}

Acquisition Condition::acquire(Deadline deadline) {
  return with_lock([&](auto& its) { return its.acquire(deadline); });
}
Release Condition::release() {
  return with_lock([](auto& its) { return its.release(); });
}
void Condition::lock() {
  with_lock([](auto& its) { its.lock(); });
}
bool Condition::try_lock() {
  return with_lock([](auto& its) { return its.try_lock(); });
}
void Condition::unlock() {
  with_lock([](auto& its) { its.unlock(); });
}
bool Condition::owned() const {
  return with_lock([](auto& its) { return its.owned(); });
}

std::vector<Participant> Condition::waiting() const {
  const MappedSegment& segment = mapped(this, home_.segment_of(this));
  return segment.roster().waiting_on(object_in(segment));
}

std::size_t Condition::waiters() const {
  const MappedSegment& segment = mapped(this, home_.segment_of(this));
  return segment.roster().count_waiting_on(object_in(segment));
}

}  // namespace carom
