#include <exception>

#include "carom/detail/seat.hpp"
#include "carom/event.hpp"
#include "platform/futex.hpp"
#include "platform/signal_descriptor.hpp"

namespace carom {

struct EventDescriptor::Watcher {
  explicit Watcher(Event& watched) : event(watched), since(watched.word_.load(std::memory_order_acquire)) {
    if (since.is_set()) descriptor.raise();
    *thread = platform::thread_without_signals([this] {
      if (sit_down()) watch();
    });
    seated.wait(false, std::memory_order_acquire);
    if (failure == nullptr) return;
    platform::join(*thread);
    std::rethrow_exception(failure);
  }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher() {
    if (process != platform::process_number()) {
      // The thread is the parent's. Its handle may by now name one of this process, so it is not even let go.
      static_cast<void>(thread.release());
      return;
    }
    stop.store(true, std::memory_order_release);
    platform::wake(event.word_, platform::kEverybody);
    platform::join(*thread);
  }

  /// The thread's first step. What goes wrong there is for the constructor to throw.
  bool sit_down() noexcept {
    try {
      static_cast<void>(detail::seat_in(event.home_.segment_of(&event)));
    } catch (...) {
      failure = std::current_exception();
    }
    const bool good = failure == nullptr;
    seated.store(true, std::memory_order_release);
    seated.notify_one();
    return good;
  }

  void watch() {
    while (event.wait_past(since, Deadline::never(), &stop)) {
      since = detail::EventWord(event.word_.load(std::memory_order_acquire));
      descriptor.raise();
    }
  }

  Event& event;
  detail::EventWord since;  // the thread's, once there is one
  platform::SignalDescriptor descriptor;
  std::atomic<bool> stop{false};
  std::atomic<bool> seated{false};
  std::exception_ptr failure;  // the thread's, until it has sat down
  int process = platform::process_number();
  std::unique_ptr<std::thread> thread = std::make_unique<std::thread>();
};

EventDescriptor::EventDescriptor(Event& event) : watcher_(std::make_unique<Watcher>(event)) {}
EventDescriptor::EventDescriptor(EventDescriptor&&) noexcept = default;
EventDescriptor& EventDescriptor::operator=(EventDescriptor&&) noexcept = default;
EventDescriptor::~EventDescriptor() = default;

int EventDescriptor::fd() const noexcept {
  return watcher_->descriptor.number();
}

bool EventDescriptor::acknowledge() noexcept {
  return watcher_->descriptor.lower();
}

}  // namespace carom
