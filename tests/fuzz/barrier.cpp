#include "fuzz/arena.hpp"

namespace {

struct Objects : fuzz::Arena {
  Objects()
      : Arena(carom::memory::ObjectKind::barrier,
              {fuzz::arrived, fuzz::holding_held, fuzz::id, fuzz::generation, fuzz::life}) {}

  carom::Barrier& first = make<carom::Barrier>(1);
  carom::Barrier& second = make<carom::Barrier>(2);
  carom::Barrier& last = make_last<carom::Barrier>(3);
};

void call(fuzz::Input& input, Objects& objects) {
  carom::Barrier* const barriers[] = {&objects.first, &objects.second, &objects.last};
  carom::Barrier& barrier = *barriers[input.choice(3)];
  switch (input.choice(10)) {
    case 0:
    case 1:
      fuzz::expect(barrier.wait(input.deadline()) >= 0, "an index is one");
      break;
    case 2:
      barrier.wait(input.deadline(), [] {});
      break;
    case 3:
      barrier.wait(input.deadline(), [] { throw carom::Error(carom::Errc::system, "action", "fails"); });
      break;
    case 4:
      barrier.abort();
      break;
    case 5:
      barrier.reset();
      break;
    case 6:
      barrier.enrol();
      break;
    case 7:
      barrier.leave();
      break;
    case 8:
      barrier.broken();
      barrier.n_waiting();
      fuzz::Run::expect_sound(barrier.enrolled());
      fuzz::Run::expect_sound(barrier.waiting());
      barrier.waiters();
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
