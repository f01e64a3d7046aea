#include "carom/process.hpp"

#include "platform/cancellation.hpp"
#include "platform/child.hpp"
#include "platform/process_identity.hpp"

namespace carom {

namespace {

std::string described(const std::string& name) {
  return name.empty() ? "process" : "process '" + name + "'";
}

}  // namespace

struct Process::State {
  explicit State(ProcessOptions&& chosen) : options(std::move(chosen)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ProcessOptions options;
  platform::Child child;  // none until it has been started
  int parent = platform::this_process();
  bool ended = false;
  std::optional<int> exit_code;
  std::optional<std::string> last_words;

  bool join(Deadline deadline) {
    if (ended) return true;
    if (!platform::wait_for_end(child, deadline, described(options.name))) return false;
    exit_code = platform::reap(child, described(options.name));
    last_words = platform::last_words(child);
    ended = true;
    return true;
  }

  void signal(int number) const {
    if (!ended) platform::signal_child(child, number, described(options.name));
  }

  ~State() {
    const platform::NoCancellation whole;
    if (platform::this_process() == parent && child.pid != 0) leave();
    child = platform::Child();  // closes its descriptors in here
  }

  void leave() noexcept {
    try {
      if (options.daemon) signal(platform::kill_signal());
    } catch (...) {  // NOLINT(bugprone-empty-catch): its end is waited for all the same
    }
    try {
      join(Deadline::never());
    } catch (...) {  // NOLINT(bugprone-empty-catch): the kernel refuses to tell, and a destructor cannot
    }
  }
};

Process::Process(std::in_place_t, const Erased& body, ProcessOptions options)
    : state_(std::make_unique<State>(std::move(options))) {
  std::string& name = state_->options.name;
  const auto name_of = [&name](int pid) { return name.empty() ? "Process-" + std::to_string(pid) : name; };
  const auto run = [&] {
    platform::name_this_thread(name_of(platform::this_process()).c_str());
    return body();
  };
  state_->child = platform::start_child(run, state_->options.daemon, described(name));
  name = name_of(state_->child.pid);
}

Process::Process(Process&&) noexcept = default;
Process& Process::operator=(Process&&) noexcept = default;
Process::~Process() = default;

bool Process::join(Deadline deadline) {
  return state_->join(deadline);
}

void Process::terminate() {
  state_->signal(platform::terminate_signal());
}

void Process::kill() {
  state_->signal(platform::kill_signal());
}

bool Process::is_alive() {
  return !state_->join(Deadline::passed());
}

int Process::pid() const noexcept {
  return state_->child.pid;
}
const std::string& Process::name() const noexcept {
  return state_->options.name;
}
bool Process::daemon() const noexcept {
  return state_->options.daemon;
}
int Process::sentinel() const noexcept {
  return state_->child.sentinel.descriptor();
}

std::optional<int> Process::exit_code() {
  is_alive();
  return state_->exit_code;
}

std::optional<std::string> Process::exception() {
  is_alive();
  return state_->last_words;
}

}  // namespace carom
