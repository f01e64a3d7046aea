#include "fuzz/arena.hpp"

namespace {

struct Objects : fuzz::Arena {
  Objects()
      : Arena(carom::memory::ObjectKind::latch,
              {fuzz::holding_held, fuzz::held_state, fuzz::id, fuzz::life}) {}

  carom::Latch& first = make<carom::Latch>(2);
  carom::Latch& last = make_last<carom::Latch>(1);
};

void call(fuzz::Input& input, Objects& objects) {
  carom::Latch& latch = input.choice(2) == 0 ? objects.first : objects.last;
  switch (input.choice(7)) {
    case 0:
    case 1:
      fuzz::expect(latch.wait(input.deadline()).kind() <= carom::LatchWait::forsaken,
                   "an outcome is one of three");
      break;
    case 2:
      latch.promise(input.choice(2) == 0 ? 1 : input.value<std::uint32_t>());
      break;
    case 3:
      latch.count_down(input.byte());
      break;
    case 4:
      latch.try_wait();
      latch.left();
      break;
    case 5:
      fuzz::Run::expect_sound(latch.promised());
      fuzz::Run::expect_sound(latch.waiting());
      latch.waiters();
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
