#include "platform/signal_descriptor.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "carom/error.hpp"
#include "platform/cancellation.hpp"

namespace carom::platform {
namespace {

constexpr const char* kObject = "event descriptor";

}  // namespace

SignalDescriptor::SignalDescriptor() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ >= 0) return;
  const bool none_left = errno == EMFILE || errno == ENFILE;
  throw Error(none_left ? Errc::no_descriptors : Errc::system, kObject, "the kernel refuses eventfd", errno);
}

SignalDescriptor::~SignalDescriptor() {
  const NoCancellation whole;
  close(descriptor_);
}

void SignalDescriptor::raise() noexcept {
  const NoCancellation whole;
  const std::uint64_t one = 1;
  static_cast<void>(!write(descriptor_, &one, sizeof one));  // fails only when it is readable 2^64 times over
}

bool SignalDescriptor::lower() noexcept {
  const NoCancellation whole;
  std::uint64_t times = 0;
  return read(descriptor_, &times, sizeof times) == sizeof times;
}

std::thread thread_without_signals(std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  struct Restore {
    const sigset_t& mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } restore{before};
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& e) {
    throw Error(Errc::not_started, kObject, "the kernel refuses the thread that watches the event",
                e.code().value());
  }
}

void join(std::thread& thread) noexcept {
  const NoCancellation whole;
  thread.join();
}

int process_number() noexcept {
  return getpid();
}

}  // namespace carom::platform
