// Semaphore and BoundedSemaphore; built once for each, as CAROM_FUZZED.
#include <type_traits>

#include "fuzz/arena.hpp"

namespace {

using S = carom::CAROM_FUZZED;

template <class T>
T& make_second(fuzz::Arena& arena) {
  if constexpr (std::is_same_v<T, carom::BoundedSemaphore>)
    return arena.make<T>(2);
  else
    return arena.make<T>(2, carom::Holders::tracked);
}

struct Objects : fuzz::Arena {
  Objects()
      : Arena(std::is_same_v<S, carom::Semaphore> ? carom::memory::ObjectKind::semaphore
                                                  : carom::memory::ObjectKind::bounded_semaphore,
              {fuzz::holding_held, fuzz::held_object, fuzz::held_state, fuzz::id, fuzz::life,
               fuzz::wait_announced}) {}

  S& first = make<S>(1);
  S& second = make_second<S>(*this);
  S& last = make_last<S>(0);
};

template <class T>
void what_only_it_has(fuzz::Input& input, T& semaphore) {
  if constexpr (std::is_same_v<T, carom::Semaphore>)
    fuzz::Run::expect_sound(semaphore.release(input.value<std::uint16_t>()));
  else if (input.choice(2) == 0)
    fuzz::Run::expect_sound(semaphore.acquire(carom::detect_deadlock, input.deadline()));
  else
    semaphore.adopt();
}

void call(fuzz::Input& input, Objects& objects) {
  S* const semaphores[] = {&objects.first, &objects.second, &objects.last};
  S& semaphore = *semaphores[input.choice(3)];
  switch (input.choice(12)) {
    case 0:
    case 1:
      fuzz::Run::expect_sound(semaphore.acquire(input.deadline()));
      break;
    case 2:
      fuzz::Run::expect_sound(semaphore.release());
      break;
    case 3:
      semaphore.try_lock();
      break;
    case 4:
      semaphore.try_lock_for(std::chrono::microseconds(input.byte()));
      break;
    case 5:
      semaphore.unlock();
      break;
    case 6:
      semaphore.get_value();
      semaphore.locked();
      break;
    case 7:
      semaphore.held();
      fuzz::Run::expect_sound(semaphore.holders());
      break;
    case 8:
      fuzz::Run::expect_sound(semaphore.waiting());
      semaphore.waiters();
      break;
    case 9:
      objects.segment().leave();
      break;
    default:
      what_only_it_has(input, semaphore);
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& objects = *new Objects;
  return fuzz::run(objects, data, size, [](fuzz::Input& input) { call(input, objects); });
}
