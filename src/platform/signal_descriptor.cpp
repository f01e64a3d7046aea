#include "platform/signal_descriptor.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "carom/error.hpp"

namespace carom::platform {

SignalDescriptor::SignalDescriptor() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0)
    throw Error(Errc::no_descriptors, "event descriptor", "the process can open no more descriptors", errno);
}

SignalDescriptor::~SignalDescriptor() {
  close(descriptor_);
}

void SignalDescriptor::raise() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!write(descriptor_, &one, sizeof one));  // fails only when it is readable 2^64 times over
}

bool SignalDescriptor::lower() noexcept {
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
  return std::thread(std::move(body));
}

int process_number() noexcept {
  return getpid();
}

}  // namespace carom::platform
