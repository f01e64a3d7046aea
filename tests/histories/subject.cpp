#include "histories/subject.hpp"

#include <chrono>
#include <new>

#include "carom/carom.hpp"

namespace histories {

namespace {

using carom::Deadline;

Deadline in_us(int microseconds) {
  return std::chrono::microseconds(microseconds);
}

int some_us(Dice& dice) {
  constexpr int kTimes[] = {0, 0, 20, 100, 500, 2000};
  return kTimes[dice.below(6)];
}

constexpr int kLong = 3000;

template <class T>
class Of : public Subject {
 public:
  explicit Of(void* place) : object_(static_cast<T*>(place)) { static_assert(sizeof(T) <= kSubjectBytes); }

 protected:
  T& object() { return *object_; }
  template <class... Arguments>
  void make_it(Arguments... arguments) {
    new (object_) T(arguments...);
  }

 private:
  T* object_;
};

template <class T>
class LockSubject : public Of<T> {
 public:
  using Of<T>::Of;
  void make(int) override { this->make_it(); }

  Choice choose(Dice& dice, bool) override {
    switch (dice.below(10)) {
      case 0:
        return {What::inherited};
      case 1:
        return {What::locked};
      case 2:
        if constexpr (!std::is_same_v<T, carom::RLock>) return {What::hand_over};
        [[fallthrough]];
      case 3:
      case 4:
      case 5:
        return {What::release};
      default:
        return {What::acquire, some_us(dice)};
    }
  }

  int call(const Choice& choice) override {
    switch (choice.what) {
      case What::inherited:
        return this->object().inherited() ? 1 : 0;
      case What::locked:
        return this->object().locked() ? 1 : 0;
      case What::release:
        return static_cast<int>(this->object().release());
      case What::hand_over:
        if constexpr (!std::is_same_v<T, carom::RLock>) return this->object().hand_over() ? 1 : 0;
        [[fallthrough]];
      default:
        return this->object().acquire(in_us(choice.argument)).kind();
    }
  }

  std::vector<Choice> looks() override {
    return {{What::locked}, {What::acquire, kLong}, {What::inherited}, {What::release}, {What::locked}};
  }
};

class SharedLockSubject : public Of<carom::SharedLock> {
 public:
  using Of::Of;
  void make(int) override { make_it(); }

  Choice choose(Dice& dice, bool) override {
    constexpr What kReleases[] = {What::release, What::release_shared};
    switch (dice.below(10)) {
      case 0:
        return {What::inherited};
      case 1:
      case 2:
      case 3:
        return {What::acquire_shared, some_us(dice)};
      case 4:
      case 5:
      case 6:
        return {What::acquire, some_us(dice)};
      default:
        return {kReleases[dice.below(2)]};
    }
  }

  int call(const Choice& choice) override {
    switch (choice.what) {
      case What::inherited:
        return object().inherited() ? 1 : 0;
      case What::release:
        return static_cast<int>(object().release());
      case What::release_shared:
        return static_cast<int>(object().release_shared());
      case What::acquire_shared:
        return object().acquire_shared(in_us(choice.argument)).kind();
      default:
        return object().acquire(in_us(choice.argument)).kind();
    }
  }

  std::vector<Choice> looks() override {
    return {{What::inherited},      {What::acquire_shared, kLong},
            {What::release_shared}, {What::acquire, kLong},
            {What::release},        {What::inherited}};
  }
};

class SemaphoreSubject : public Of<carom::Semaphore> {
 public:
  SemaphoreSubject(void* place, bool scoped) : Of(place), scoped_(scoped) {}
  void make(int size) override { make_it(size); }

  Choice choose(Dice& dice, bool) override {
    switch (dice.below(scoped_ ? 12 : 6)) {
      case 0:
        return {What::value};
      case 1:
      case 2:
        return {What::release, dice.between(1, 2)};
      case 3:
      case 4:
      case 5:
        return {What::acquire, some_us(dice)};
      case 6:
      case 7:
        return {What::unlock};
      default:
        return {What::lock, some_us(dice)};
    }
  }

  int call(const Choice& choice) override {
    switch (choice.what) {
      case What::value:
        return static_cast<int>(object().get_value());
      case What::release:
        return static_cast<int>(object().release(static_cast<std::uint32_t>(choice.argument)));
      case What::unlock:
        return unlock();
      case What::lock:
        return object().try_lock_for(std::chrono::microseconds(choice.argument)) ? 1 : 0;
      default:
        return object().acquire(in_us(choice.argument)).kind();
    }
  }

  std::vector<Choice> looks() override { return {{What::value}, {What::acquire, 0}, {What::value}}; }

 private:
  int unlock() {
    try {
      object().unlock();
      return static_cast<int>(carom::Release::released);
    } catch (const carom::Error&) {
      return static_cast<int>(carom::Release::not_held);
    }
  }

  bool scoped_;
};

/// Where somebody dies each gives back its own permits alone: after a stranger's release it is not certain whose came back.
class BoundedSubject : public Of<carom::BoundedSemaphore> {
 public:
  using Of::Of;
  void make(int size) override { make_it(size); }

  Choice choose(Dice& dice, bool with_deaths) override {
    if (dice.one_in(8)) return {What::value};
    if (dice.one_in(2) && (holds_ > 0 || !with_deaths)) return {What::release, 1};
    return {What::acquire, some_us(dice)};
  }

  int call(const Choice& choice) override {
    if (choice.what == What::value) return static_cast<int>(object().get_value());
    if (choice.what == What::release) {
      --holds_;
      return static_cast<int>(object().release());
    }
    const carom::Acquisition outcome = object().acquire(in_us(choice.argument));
    if (outcome) ++holds_;
    return outcome.kind();
  }

  std::vector<Choice> looks() override { return {{What::value}, {What::acquire, 0}, {What::value}}; }

 private:
  int holds_ = 0;
};

class EventSubject : public Of<carom::Event> {
 public:
  using Of::Of;
  void make(int) override { make_it(); }

  Choice choose(Dice& dice, bool) override {
    constexpr What kCalls[] = {What::set, What::clear, What::is_set, What::wait, What::wait};
    const What what = kCalls[dice.below(5)];
    return {what, what == What::wait ? some_us(dice) : 0};
  }

  int call(const Choice& choice) override {
    switch (choice.what) {
      case What::set:
        object().set();
        return 0;
      case What::clear:
        object().clear();
        return 0;
      case What::is_set:
        return object().is_set() ? 1 : 0;
      default:
        return object().wait(in_us(choice.argument)) ? 1 : 0;
    }
  }

  std::vector<Choice> looks() override { return {{What::is_set}, {What::wait, 0}}; }
};

/// Each calls only what its lock allows, and notifies under the lock, where nobody is on its way to wait.
class ConditionSubject : public Of<carom::Condition> {
 public:
  using Of::Of;
  void make(int) override { make_it(); }

  Choice choose(Dice& dice, bool) override {
    if (!holds_) return {What::acquire, some_us(dice)};
    switch (dice.below(6)) {
      case 0:
        return {What::release};
      case 1:
        return {What::notify, dice.between(1, 2)};
      case 2:
        return {What::notify, kEverybody};
      default:
        return {What::wait, some_us(dice)};
    }
  }

  int call(const Choice& choice) override {
    switch (choice.what) {
      case What::release:
        holds_ = false;
        return static_cast<int>(object().release());
      case What::notify:
        object().notify(static_cast<std::uint32_t>(choice.argument));
        return 0;
      case What::wait:
        return object().wait(in_us(choice.argument)) ? 1 : 0;
      default: {
        const carom::Acquisition outcome = object().acquire(in_us(choice.argument));
        holds_ = static_cast<bool>(outcome);
        return outcome.kind();
      }
    }
  }

  std::vector<Choice> last() override {
    return holds_ ? std::vector<Choice>{{What::release}} : std::vector<Choice>{};
  }
  std::vector<Choice> looks() override {
    return {{What::acquire, kLong}, {What::notify, kEverybody}, {What::release}};
  }

 private:
  bool holds_ = false;
};

class BarrierSubject : public Of<carom::Barrier> {
 public:
  using Of::Of;
  void make(int size) override { make_it(size); }

  Choice choose(Dice& dice, bool) override {
    switch (dice.below(16)) {
      case 0:
        return {What::abort};
      case 1:
      case 2:
      case 3:
        return {What::reset};
      case 4:
        return {What::enrol};
      case 5:
        return {What::leave};
      case 6:
        return {What::broken};
      default:
        return {What::wait, some_us(dice)};
    }
  }

  int call(const Choice& choice) override {
    switch (choice.what) {
      case What::abort:
        object().abort();
        return 0;
      case What::reset:
        object().reset();
        return 0;
      case What::enrol:
        object().enrol();
        return 0;
      case What::leave:
        object().leave();
        return 0;
      case What::broken:
        return object().broken() ? 1 : 0;
      default:
        return wait(in_us(choice.argument));
    }
  }

  std::vector<Choice> looks() override { return {{What::broken}, {What::wait, 0}, {What::broken}}; }

 private:
  int wait(Deadline deadline) {
    try {
      return object().wait(deadline);
    } catch (const carom::BrokenBarrierError& broken) {
      return kBroken + static_cast<int>(broken.why());
    }
  }
};

class LatchSubject : public Of<carom::Latch> {
 public:
  using Of::Of;
  void make(int size) override { make_it(size); }

  Choice choose(Dice& dice, bool) override {
    switch (dice.below(8)) {
      case 0:
        return {What::left};
      case 1:
        return {What::promise, dice.between(1, 2)};
      case 2:
      case 3:
        return {What::count_down, dice.between(1, 2)};
      default:
        return {What::wait, some_us(dice)};
    }
  }

  int call(const Choice& choice) override {
    switch (choice.what) {
      case What::left:
        return static_cast<int>(object().left());
      case What::promise:
        object().promise(static_cast<std::uint32_t>(choice.argument));
        return 0;
      case What::count_down:
        object().count_down(choice.argument);
        return 0;
      default:
        return object().wait(in_us(choice.argument)).kind();
    }
  }

  std::vector<Choice> looks() override { return {{What::left}, {What::wait, 0}}; }
};

}  // namespace

std::unique_ptr<Subject> subject_of(Kind kind, void* place) {
  switch (kind) {
    case Kind::lock:
      return std::make_unique<LockSubject<carom::Lock>>(place);
    case Kind::rlock:
      return std::make_unique<LockSubject<carom::RLock>>(place);
    case Kind::fifo_lock:
      return std::make_unique<LockSubject<carom::FifoLock>>(place);
    case Kind::shared_lock:
      return std::make_unique<SharedLockSubject>(place);
    case Kind::semaphore:
      return std::make_unique<SemaphoreSubject>(place, false);
    case Kind::scoped_semaphore:
      return std::make_unique<SemaphoreSubject>(place, true);
    case Kind::bounded_semaphore:
      return std::make_unique<BoundedSubject>(place);
    case Kind::event:
      return std::make_unique<EventSubject>(place);
    case Kind::condition:
      return std::make_unique<ConditionSubject>(place);
    case Kind::barrier:
      return std::make_unique<BarrierSubject>(place);
    case Kind::latch:
      return std::make_unique<LatchSubject>(place);
  }
  return nullptr;
}

int size_of(Kind kind, Dice& dice) {
  switch (kind) {
    case Kind::semaphore:
    case Kind::scoped_semaphore:
      return dice.between(0, 2);
    case Kind::bounded_semaphore:
      return dice.between(1, 3);
    case Kind::barrier:
      return dice.between(2, 3);
    case Kind::latch:
      return dice.between(1, 6);
    default:
      return 1;
  }
}

}  // namespace histories
