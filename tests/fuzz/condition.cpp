#include "fuzz/arena.hpp"

namespace {

struct Objects : fuzz::Arena {
  Objects()
      : Arena(carom::memory::ObjectKind::condition,
              {fuzz::turn_parked, fuzz::turn, fuzz::parked_at, fuzz::id, fuzz::life}) {}

  carom::Lock& lock = make<carom::Lock>();
  carom::RLock& rlock = make<carom::RLock>();
  carom::Condition& own = make<carom::Condition>();
  carom::Condition& over_lock = make<carom::Condition>(lock);
  carom::Condition& over_rlock = make<carom::Condition>(rlock);
  carom::Condition& last = make_last<carom::Condition>();
};

void call(fuzz::Input& input, Objects& objects) {
  carom::Condition* const conditions[] = {&objects.own, &objects.over_lock, &objects.over_rlock,
                                          &objects.last};
  carom::Condition& condition = *conditions[input.choice(4)];
  switch (input.choice(11)) {
    case 0:
    case 1:
      static_cast<void>(condition.acquire(input.deadline()));
      static_cast<void>(condition.wait(input.deadline()));
      break;
    case 2:
      static_cast<void>(condition.wait(input.deadline()));
      break;
    case 3:
      condition.notify(1 + input.choice(4));
      break;
    case 4:
      condition.notify_all();
      break;
    case 5:
      fuzz::Run::expect_sound(condition.acquire(input.deadline()));
      break;
    case 6:
      fuzz::Run::expect_sound(condition.release());
      break;
    case 7:
      condition.try_lock();
      break;
    case 8:
      condition.owned();
      break;
    case 9:
      fuzz::Run::expect_sound(condition.waiting());
      condition.waiters();
      break;
    default:
      objects.segment().leave();
      break;
  }
}

}  // namespace

// Nothing is spoiled within calls: a wait takes its lock again however long that lasts, so a lock that was spoiled
// meanwhile may keep it for ever.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto& objects = *new Objects;
  return fuzz::run(
      objects, data, size, [](fuzz::Input& input) { call(input, objects); }, false);
}
