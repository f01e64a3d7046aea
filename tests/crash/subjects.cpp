#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <time.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "carom/carom.hpp"
#include "crash/subject.hpp"
#include "memory/mapped_segment.hpp"

namespace crash {
namespace {

constexpr std::size_t kSlots = 16;

carom::Deadline deadline(int timeout_ms) {
  if (timeout_ms < 0) return carom::Deadline::never();
  return std::chrono::milliseconds(timeout_ms);
}

template <class L>
class CaromSubject : public Subject {
 public:
  explicit CaromSubject(std::string name)
      : name_(std::move(name)), shared_(carom::Segment::anonymous(sizeof(L), {.participants = kSlots})) {
    lock_ = new (shared_.data()) L;
    mapped_ = carom::memory::MappedSegment::containing(lock_);
  }

  std::string name() const override { return name_; }
  bool tells() const override { return true; }
  void join() override { shared_.join(); }

  Attempt acquire(int timeout_ms) override {
    const carom::Acquisition outcome = lock_->acquire(deadline(timeout_ms));
    return {static_cast<bool>(outcome), outcome.owner_died(),
            outcome == carom::Acquisition::corrupted || outcome == carom::Acquisition::refused_owner_died};
  }
  void release() override { static_cast<void>(lock_->release()); }

  std::vector<std::byte> save() const override { return {base(), base() + mapped_->facts().mapped_bytes}; }
  void restore(const std::vector<std::byte>& bytes) override {
    std::memcpy(base(), bytes.data(), bytes.size());
  }

  std::vector<std::uint32_t> state() const override {
    std::vector<std::uint32_t> words(sizeof(L) / 4);
    std::memcpy(words.data(), static_cast<const void*>(lock_), sizeof(L));
    const carom::memory::Roster roster = mapped_->roster();
    for (std::uint32_t i = 0; i < kSlots; ++i) {
      const carom::memory::Slot& slot = roster.slot_at(i);
      const carom::platform::LifeWord& life = roster.life(i);
      words.push_back(slot.id.load());
      words.push_back(slot.generation.load());
      words.push_back(slot.about_id.load());
      words.push_back(life.word().load() >> 30 | (life.claimant_lives() ? 4u : 0u));
      words.push_back(static_cast<std::uint32_t>(slot.waiting_on.load()));
      words.push_back(slot.place.load());
    }
    return words;
  }

 private:
  std::byte* base() const { return reinterpret_cast<std::byte*>(&mapped_->header()); }

  std::string name_;
  carom::Segment shared_;
  L* lock_;
  carom::memory::MappedSegment* mapped_;
};

timespec wall_deadline(int timeout_ms) {
  timespec when;
  clock_gettime(CLOCK_REALTIME, &when);
  when.tv_nsec += timeout_ms % 1000 * 1'000'000L;
  when.tv_sec += timeout_ms / 1000 + when.tv_nsec / 1'000'000'000;
  when.tv_nsec %= 1'000'000'000;
  return when;
}

/// A control keeps all its state in one object.
template <class Object>
class Control : public Subject {
 public:
  Control(std::string name, bool tells) : name_(std::move(name)), tells_(tells) {
    at_ =
        new (mmap(nullptr, sizeof(Object), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Object;
  }
  std::string name() const override { return name_; }
  bool tells() const override { return tells_; }
  void join() override {}
  std::vector<std::byte> save() const override {
    const auto* const bytes = reinterpret_cast<const std::byte*>(at_);
    return {bytes, bytes + sizeof(Object)};
  }
  void restore(const std::vector<std::byte>& bytes) override {
    std::memcpy(static_cast<void*>(at_), bytes.data(), bytes.size());
  }
  std::vector<std::uint32_t> state() const override {
    std::vector<std::uint32_t> words(sizeof(Object) / 4);
    std::memcpy(words.data(), static_cast<const void*>(at_), words.size() * 4);
    return words;
  }

 protected:
  Object* at() const { return at_; }

 private:
  std::string name_;
  bool tells_;
  Object* at_;
};

class PthreadControl : public Control<pthread_mutex_t> {
 public:
  PthreadControl(std::string name, bool robust) : Control(std::move(name), robust) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (robust) pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(at(), &attributes);
  }
  Attempt acquire(int timeout_ms) override {
    int result;
    if (timeout_ms < 0) {
      result = pthread_mutex_lock(at());
    } else if (timeout_ms == 0) {
      result = pthread_mutex_trylock(at());
    } else {
      const timespec when = wall_deadline(timeout_ms);
      result = pthread_mutex_timedlock(at(), &when);
    }
    if (result == EOWNERDEAD) pthread_mutex_consistent(at());
    return {result == 0 || result == EOWNERDEAD, result == EOWNERDEAD, result == ENOTRECOVERABLE};
  }
  void release() override { pthread_mutex_unlock(at()); }
};

class SemControl : public Control<sem_t> {
 public:
  SemControl() : Control("sem_t", false) { sem_init(at(), 1, 1); }
  Attempt acquire(int timeout_ms) override {
    int result;
    do {
      if (timeout_ms < 0) {
        result = sem_wait(at());
      } else if (timeout_ms == 0) {
        result = sem_trywait(at());
      } else {
        const timespec when = wall_deadline(timeout_ms);
        result = sem_timedwait(at(), &when);
      }
    } while (result != 0 && errno == EINTR);
    return {result == 0, false, false};
  }
  void release() override { sem_post(at()); }
};

}  // namespace

std::unique_ptr<Subject> make_lock() {
  return std::make_unique<CaromSubject<carom::Lock>>("Lock");
}
std::unique_ptr<Subject> make_rlock() {
  return std::make_unique<CaromSubject<carom::RLock>>("RLock");
}
std::unique_ptr<Subject> make_fifo_lock() {
  return std::make_unique<CaromSubject<carom::FifoLock>>("FifoLock");
}
std::unique_ptr<Subject> make_pthread() {
  return std::make_unique<PthreadControl>("pthread", false);
}
std::unique_ptr<Subject> make_robust() {
  return std::make_unique<PthreadControl>("pthread robust", true);
}
std::unique_ptr<Subject> make_sem() {
  return std::make_unique<SemControl>();
}

}  // namespace crash
