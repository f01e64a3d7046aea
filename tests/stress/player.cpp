#include "stress/player.hpp"

#include <chrono>
#include <thread>

namespace storm {

using std::chrono::microseconds;

void Player::play(Kind kind) {
  if (kind == Kind::latch && !ledger_.common.latches_open) return;
  switch (kind) {
    case Kind::lock:
    case Kind::rlock:
    case Kind::fifo_lock:
      return inner_();
    case Kind::shared_lock:
      return share();
    case Kind::scoped:
      return use_pool(0);
    case Kind::tracked:
      return use_pool(1);
    case Kind::bounded:
      return use_pool(2);
    case Kind::signal:
      return signal();
    case Kind::event:
      return happen();
    case Kind::condition:
      return trade();
    case Kind::barrier:
      return meet(dice_.below(kBarriers));
    case Kind::latch:
      return count_down(dice_.below(kLatches));
  }
}

// In ascending order always, so that nobody waits in a circle: the pools, the table, the locks.
void Player::descend(int order) {
  if (!dice_.one_in(4)) return linger();
  const int next = order + 1 + dice_.below(2);
  if (next < kPools) return use_pool(next);
  if (order < kPools && dice_.one_in(2)) return share();
  inner_();
}

void Player::keep_one() {
  const int which = dice_.below(kPools + 2);
  if (which < kPools) {
    if (take_permit(which, 0, How::block) && dice_.one_in(2)) take_permit(which, 1, How::try_once);
  } else if (which == kPools) {
    (void)read(How::block);
  } else if (write(How::block) && dice_.one_in(2)) {
    actor_.first_half(kTable);
  }
}

void Player::close() {
  enter_shop();
  wares_.closed = 1;
  if (actor_.broken() != Break::notify) wares_.shop.notify_all();
  leave_shop();
  wares_.event.set();
  std::uint32_t waiting = 0;
  for (std::uint32_t i = 0; i < ledger_.desk_count(); ++i) {
    if (ledger_.books[i].stuck == 1 + index_of(Kind::signal)) ++waiting;  // of the dead too: no harm
  }
  if (waiting != 0) send(waiting);
  for (int i = 0; i < kBarriers; ++i) wares_.barrier(i).abort();
  for (int i = 0; i < kLatches; ++i) {
    if (const std::uint32_t left = wares_.latches[i].left(); left != 0) count(i, left);
  }
}

void Player::once_more() {
  for (int pool = 0; pool < kPools; ++pool) {
    if (take_permit(pool, 0, How::block)) give_permit(pool, 0);
  }
  if (write(How::block)) end_writing();
  // A writer has released since the last of them died.
  const carom::Acquisition outcome = wares_.table.acquire_shared();
  if (outcome != carom::Acquisition::acquired) {
    fault(Wrong::invented_notice, Kind::shared_lock, "told of a death after a writer released");
  }
  if (wares_.table.release_shared() != carom::Release::released) {
    fault(Wrong::two_inside, Kind::shared_lock, "no longer its own to read");
  }
}

How Player::some_way() {
  constexpr How kWays[] = {How::block, How::block, How::block_as_std, How::try_once, How::timed};
  return kWays[dice_.below(5)];
}

carom::Deadline Player::some_time() {
  return microseconds(dice_.below(3000));
}

// Long enough for others to come.
void Player::linger() {
  if (dice_.one_in(3)) std::this_thread::sleep_for(microseconds(dice_.below(500)));
  dawdle();
}

void Player::dawdle() {
  switch (dice_.below(6)) {
    case 0:
      return std::this_thread::yield();
    case 1:
      return std::this_thread::sleep_for(microseconds(dice_.below(300)));
    case 2:
      for (int i = dice_.below(20'000); i > 0; --i) std::atomic_signal_fence(std::memory_order_seq_cst);
      break;
    default:
      break;
  }
}

}  // namespace storm
