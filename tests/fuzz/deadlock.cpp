// Pictures of who waits for whom that make no sense.
#include "fuzz/arena.hpp"

namespace {

struct Objects : fuzz::Arena {
  Objects()
      : Arena(carom::memory::ObjectKind::bounded_semaphore,
              {fuzz::wait_announced, fuzz::waits, fuzz::first, fuzz::holding_held, fuzz::held_state,
               fuzz::id}) {}

  carom::Lock& lock = make<carom::Lock>();
  carom::RLock& rlock = make<carom::RLock>();
  carom::FifoLock& fifo = make<carom::FifoLock>();
  carom::SharedLock& shared = make<carom::SharedLock>();
  carom::BoundedSemaphore& bounded = make<carom::BoundedSemaphore>(2);
  carom::BoundedSemaphore& last = make_last<carom::BoundedSemaphore>(1);
};

void call(fuzz::Input& input, Objects& objects) {
  switch (input.choice(10)) {
    case 0:
      fuzz::Run::expect_sound(objects.lock.acquire(carom::detect_deadlock, input.deadline()));
      break;
    case 1:
      fuzz::Run::expect_sound(objects.rlock.acquire(carom::detect_deadlock, input.deadline()));
      break;
    case 2:
      fuzz::Run::expect_sound(objects.fifo.acquire(carom::detect_deadlock, input.deadline()));
      break;
    case 3:
      fuzz::Run::expect_sound(objects.shared.acquire(carom::detect_deadlock, input.deadline()));
      break;
    case 4:
      fuzz::Run::expect_sound(objects.shared.acquire_shared(carom::detect_deadlock, input.deadline()));
      break;
    case 5:
      fuzz::Run::expect_sound(objects.bounded.acquire(carom::detect_deadlock, input.deadline()));
      break;
    case 6:
      fuzz::Run::expect_sound(objects.last.acquire(carom::detect_deadlock, input.deadline()));
      break;
    case 7:
      carom::to_string(carom::last_deadlock());
      break;
    default: {
      const std::vector<carom::Blocked> cycle = carom::find_deadlock(objects.segment());
      for (const carom::Blocked& blocked : cycle) fuzz::Run::expect_sound({blocked.who});
      carom::to_string(cycle);
      break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& objects = *new Objects;
  return fuzz::run(objects, data, size, [](fuzz::Input& input) { call(input, objects); });
}
