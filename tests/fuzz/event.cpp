#include "fuzz/arena.hpp"

namespace {

struct Objects : fuzz::Arena {
  Objects() : Arena(carom::memory::ObjectKind::event, {fuzz::wait_announced, fuzz::id, fuzz::life}) {}

  carom::Event& first = make<carom::Event>();
  carom::Event& last = make_last<carom::Event>(true);
};

void call(fuzz::Input& input, Objects& objects) {
  carom::Event& event = input.choice(2) == 0 ? objects.first : objects.last;
  switch (input.choice(6)) {
    case 0:
      event.wait(input.deadline());
      break;
    case 1:
      event.set();
      break;
    case 2:
      event.clear();
      break;
    case 3:
      event.is_set();
      break;
    case 4:
      fuzz::Run::expect_sound(event.waiting());
      event.waiters();
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
