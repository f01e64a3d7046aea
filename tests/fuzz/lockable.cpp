// Lock, RLock and FifoLock; built once for each, as CAROM_FUZZED.
#include <type_traits>

#include "fuzz/arena.hpp"

namespace {

using L = carom::CAROM_FUZZED;

struct Objects : fuzz::Arena {
  Objects()
      : Arena(std::is_same_v<L, carom::FifoLock> ? carom::memory::ObjectKind::fifo_lock
                                                 : carom::memory::ObjectKind::lock,
              {fuzz::id, fuzz::generation, fuzz::declared, fuzz::life, fuzz::place, fuzz::looked,
               fuzz::wait_announced}) {}

  L& first = make<L>();
  L& refusing = make<L>(carom::OwnerDeath::refuse);
  L& last = make_last<L>(carom::OwnerDeath::ignore);
};

template <class T>
void what_only_it_has(T& lock) {
  if constexpr (std::is_same_v<T, carom::RLock>)
    lock.depth();
  else
    lock.hand_over();
}

void call(fuzz::Input& input, Objects& objects) {
  L* const locks[] = {&objects.first, &objects.refusing, &objects.last};
  L& lock = *locks[input.choice(3)];
  switch (input.choice(15)) {
    case 0:
    case 1:
      fuzz::Run::expect_sound(lock.acquire(input.deadline()));
      break;
    case 2:
      fuzz::Run::expect_sound(lock.acquire(carom::detect_deadlock, input.deadline()));
      break;
    case 3:
    case 4:
      fuzz::Run::expect_sound(lock.release());
      break;
    case 5:
      lock.try_lock();
      break;
    case 6:
      lock.unlock();
      break;
    case 7:
      lock.owned();
      lock.locked();
      lock.inherited();
      break;
    case 8:
      if (const auto owner = lock.owner()) fuzz::Run::expect_sound({*owner});
      break;
    case 9:
      fuzz::Run::expect_sound(lock.waiting());
      lock.waiters();
      break;
    case 10:
      lock.adopt();
      break;
    case 11:
      lock.make_consistent();
      break;
    case 12:
      carom::last_takeover();
      carom::to_string(carom::last_deadlock());
      break;
    case 13:
      objects.segment().leave();
      break;
    default:
      what_only_it_has(lock);
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& objects = *new Objects;
  return fuzz::run(objects, data, size, [](fuzz::Input& input) { call(input, objects); });
}
