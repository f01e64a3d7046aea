// The slots: joining and leaving, holding more than a slot has places for, and being asked about.
#include "fuzz/arena.hpp"

namespace {

constexpr std::uint32_t kMany = 40;

struct Objects : fuzz::Arena {
  Objects()
      : Arena(carom::memory::ObjectKind::shared_lock,
              {fuzz::claim, fuzz::generation, fuzz::id, fuzz::life, fuzz::holding_held, fuzz::turn_parked,
               fuzz::arrived}) {}

  carom::Latch& latch = make<carom::Latch>(3);
  carom::Semaphore& semaphore = make<carom::Semaphore>(4);
  carom::Barrier& barrier = make<carom::Barrier>(2);
  carom::Condition& condition = make<carom::Condition>();
  carom::SharedLock* many = [this] {
    carom::SharedLock* const first = &make<carom::SharedLock>();
    for (std::uint32_t i = 1; i < kMany; ++i) make<carom::SharedLock>();
    return first;
  }();
};

void call(fuzz::Input& input, Objects& objects) {
  carom::Segment& segment = objects.segment();
  switch (input.choice(8)) {
    case 0:
      fuzz::Run::expect_sound({segment.join()});
      break;
    case 1:
      segment.leave();
      break;
    case 2:
      fuzz::Run::expect_sound(segment.participants());
      segment.takeovers();
      break;
    case 3:
    case 4: {
      const std::uint32_t first = input.choice(kMany);
      const std::uint32_t count = input.choice(kMany);
      for (std::uint32_t i = 0; i < count; ++i)
        fuzz::Run::expect_sound(objects.many[(first + i) % kMany].acquire_shared(carom::Deadline::passed()));
      break;
    }
    case 5:
      for (std::uint32_t i = 0; i < kMany; ++i) fuzz::Run::expect_sound(objects.many[i].release_shared());
      break;
    case 6:
      objects.semaphore.try_lock();
      objects.latch.promise();
      objects.barrier.enrol();
      break;
    default:
      objects.barrier.broken();
      objects.semaphore.get_value();
      static_cast<void>(objects.latch.wait(carom::Deadline::passed()));
      fuzz::Run::expect_sound(objects.semaphore.holders());
      fuzz::Run::expect_sound(objects.many[input.choice(kMany)].readers());
      objects.condition.notify_all();
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& objects = *new Objects;
  return fuzz::run(objects, data, size, [](fuzz::Input& input) { call(input, objects); });
}
