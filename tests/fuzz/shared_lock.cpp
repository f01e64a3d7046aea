#include "fuzz/arena.hpp"

namespace {

struct Objects : fuzz::Arena {
  Objects()
      : Arena(carom::memory::ObjectKind::shared_lock, {fuzz::holding_held, fuzz::held_state, fuzz::id,
                                                       fuzz::generation, fuzz::life, fuzz::wait_announced}) {}

  carom::SharedLock& first = make<carom::SharedLock>();
  carom::SharedLock& last = make_last<carom::SharedLock>();
};

void call(fuzz::Input& input, Objects& objects) {
  carom::SharedLock& lock = input.choice(2) == 0 ? objects.first : objects.last;
  switch (input.choice(14)) {
    case 0:
    case 1:
      fuzz::Run::expect_sound(lock.acquire(input.deadline()));
      break;
    case 2:
    case 3:
      fuzz::Run::expect_sound(lock.acquire_shared(input.deadline()));
      break;
    case 4:
      fuzz::Run::expect_sound(lock.acquire(carom::detect_deadlock, input.deadline()));
      break;
    case 5:
      fuzz::Run::expect_sound(lock.acquire_shared(carom::detect_deadlock, input.deadline()));
      break;
    case 6:
      fuzz::Run::expect_sound(lock.release());
      break;
    case 7:
      fuzz::Run::expect_sound(lock.release_shared());
      break;
    case 8:
      lock.try_lock_shared();
      break;
    case 9:
      lock.unlock();
      break;
    case 10:
      lock.locked();
      lock.owned();
      lock.inherited();
      if (const auto owner = lock.owner()) fuzz::Run::expect_sound({*owner});
      break;
    case 11:
      fuzz::Run::expect_sound(lock.readers());
      lock.reader_count();
      break;
    case 12:
      fuzz::Run::expect_sound(lock.waiting());
      lock.waiters();
      break;
    default:
      objects.segment().leave();
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& objects = *new Objects;
  return fuzz::run(objects, data, size, [](fuzz::Input& input) { call(input, objects); });
}
