#include "endings/victim.hpp"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <utility>

namespace endings {
namespace {

using Way = Ending::Way;

constexpr int kExitCode = 77;
constexpr int kCouldNot = 78;  // nothing an ending would exit with
constexpr std::size_t kPage = 4096;

// What exit() destroys, as it would in any program that keeps its segment in a static.
std::optional<carom::Shared<Board>> kept;

// For the handler.
Scene* stage = nullptr;
const Ending* to_come = nullptr;

void become_another_program() {
  execl("/proc/self/exe", "carom-endings", kOtherProgram, nullptr);
  _exit(kCouldNot);
}

void eat_memory(std::size_t bytes) {
  auto* const at = static_cast<char*>(
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (at == MAP_FAILED) _exit(kCouldNot);
  for (std::size_t i = 0; i < bytes; i += kPage) {
    stage->ended_ns = carom::Deadline::now_ns();
    at[i] = 1;
  }
  _exit(kCouldNot);
}

void on_signal(int) {
  const int saved = errno;
  if (to_come->way != Way::fork_child) stage->ended_ns = carom::Deadline::now_ns();
  switch (to_come->way) {
    case Way::quick_exit:
      _exit(kExitCode);
    case Way::exec:
      return become_another_program();
    case Way::abort:
      abort();
    case Way::fork_child: {
      const pid_t child = _Fork();
      if (child == 0) {
        if (stage->leaves) kept->segment().leave();
        exit(0);
      }
      waitpid(child, nullptr, 0);
      stage->spared = true;
      break;
    }
    default:
      break;
  }
  errno = saved;
}

/// One library as a program loads it, which links carom itself, and opens the segment itself.
class Plugin {
 public:
  Plugin(const std::string& path, const std::string& segment, const Play& play) {
    library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) {
      std::fprintf(stderr, "%s\n", dlerror());
      _exit(kCouldNot);
    }
    arrive_ = reinterpret_cast<Arrive>(dlsym(library_, "carom_endings_arrive"));
    segment_ = segment;
    primitive_ = play.primitive;
  }
  void arrive(Scene& scene) const { arrive_(segment_.c_str(), primitive_.c_str(), &scene); }
  void close() const {
    if (dlclose(library_) != 0) _exit(kCouldNot);
  }

 private:
  using Arrive = void (*)(const char* segment, const char* primitive, Scene* scene);
  void* library_;
  Arrive arrive_;
  std::string segment_;
  std::string primitive_;
};

/// All that runs in the victim's process.
class Host {
 public:
  Host(const Ending& ending, const Play& play, Scene& scene, const Means& means)
      : ending_(ending), play_(play), scene_(scene), means_(means) {}

  [[noreturn]] void run() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    stage = &scene_;
    to_come = &ending_;
    scene_.pid = getpid();
    prepare();
    if (ending_.by == By::sibling) std::thread([this] { sibling(); }).detach();
    let_signals_through(SIG_BLOCK);
    if (ending_.in_main) {
      act();
    } else {
      pthread_t thread;
      const auto body = [](void* self) -> void* {
        static_cast<Host*>(self)->act();
        return nullptr;
      };
      if (pthread_create(&thread, nullptr, body, this) != 0) _exit(kCouldNot);
      if (ending_.by == By::main) end_it_from_main(thread);
      void* result = nullptr;
      pthread_join(thread, &result);
      scene_.cancelled = result == PTHREAD_CANCELED;
      scene_.thread_ended = true;
    }
    for (;;) pause();
  }

 private:
  void prepare() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, nullptr);
    signal(SIGQUIT, SIG_DFL);  // a shell has it ignored in what runs in the background
    for (const int number : {SIGINT, SIGTERM}) signal(number, SIG_DFL);
    rlimit core{};
    if (ending_.way == Way::core_dump) {
      core = {RLIM_INFINITY, RLIM_INFINITY};
      if (chdir(means_.directory.c_str()) != 0) _exit(kCouldNot);
      // Resident, and not the page of zeros.
      resident_.assign(means_.core_bytes, 'x');
    }
    setrlimit(RLIMIT_CORE, &core);
    if (ending_.way == Way::oom_kill && !means_.memory->enter()) _exit(kCouldNot);
    if (ending_.way == Way::dlclose) plugin_.emplace(means_.plugin, kept->segment().name(), play_);
  }

  static void let_signals_through(int how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(how, &set, nullptr);
  }

  void act() {
    Board& board = **kept;
    let_signals_through(SIG_UNBLOCK);
    if (plugin_) {
      plugin_->arrive(scene_);
    } else {
      kept->segment().join();
      scene_.tid = static_cast<pid_t>(syscall(SYS_gettid));
      play_.arrive(board, scene_);
    }
    // A woken one that ends by itself does so at once.
    if (ending_.by != By::itself || play_.role != Role::woken) wait_for(scene_.go);
    if (ending_.spares()) {
      if (play_.depart) play_.depart(board, scene_);
      scene_.departed = true;
      return;
    }
    scene_.ended_ns = carom::Deadline::now_ns();
    if (ending_.way == Way::pthread_exit) pthread_exit(nullptr);
  }

  void sibling() {
    let_signals_through(SIG_BLOCK);
    wait_for(scene_.strike);
    scene_.ended_ns = carom::Deadline::now_ns();
    if (ending_.way == Way::exit) exit(kExitCode);
    if (ending_.way == Way::exec) become_another_program();
    if (ending_.way == Way::oom_kill) eat_memory(means_.memory->bytes() * 2);
  }

  void end_it_from_main(pthread_t thread) {
    wait_for(scene_.strike);
    if (ending_.way == Way::cancel) {
      scene_.ended_ns = carom::Deadline::now_ns();
      pthread_cancel(thread);
    } else {
      plugin_->close();
      scene_.spared = true;
    }
  }

  const Ending& ending_;
  const Play& play_;
  Scene& scene_;
  const Means& means_;
  std::string resident_;
  std::optional<Plugin> plugin_;
};

bool is_another_program(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
  std::string words;
  std::getline(file, words);
  return words.find(kOtherProgram) != std::string::npos;
}

}  // namespace

Victim::Victim(const Ending& ending, const Play& play, carom::Shared<Board>& shared, Scene& scene,
               const Means& means)
    : ending_(ending), scene_(scene), means_(means) {
  const auto body = [&] {
    // Moved, as it is this process's handle to close now.
    kept.emplace(std::move(shared));
    Host(ending, play, scene, means).run();
  };
  if (means.memory != nullptr) oom_kills_before_ = means.memory->kills();
  if (ending.way != Way::container) {
    process_.emplace(body);
    return;
  }
  container_.emplace([body] {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const support::Forked inside(body);
    for (;;) pause();
  });
}

void Victim::strike() {
  scene_.struck_ns = carom::Deadline::now_ns();
  switch (ending_.by) {
    case By::kill:
      scene_.ended_ns = carom::Deadline::now_ns();
      process_->signal(ending_.way == Way::core_dump ? SIGQUIT : SIGKILL);
      break;
    case By::handler:
      syscall(SYS_tgkill, scene_.pid.load(), scene_.tid.load(), SIGUSR1);
      break;
    case By::sibling:
    case By::main:
      scene_.strike = true;
      break;
    case By::itself:
      scene_.go = true;
      break;
    case By::container:
      scene_.ended_ns = carom::Deadline::now_ns();
      container_->kill();
      break;
  }
}

bool Victim::process_has_ended() const {
  siginfo_t about{};
  return waitid(P_PID, static_cast<id_t>(process_->pid()), &about, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         about.si_pid != 0;
}

std::optional<std::string> Victim::wait_for_process() {
  // To write a core can take long. The others have long been told by then.
  const auto bound = ending_.way == Way::core_dump ? std::chrono::seconds(120) : kBound;
  if (!comes_true([&] { return process_has_ended(); }, bound)) return "it does not end";
  const int status = process_->wait();
  dumped_ = process_->dumped_core();
  int expected = -SIGKILL;
  if (ending_.way == Way::exit || ending_.way == Way::quick_exit) expected = kExitCode;
  if (ending_.way == Way::core_dump) expected = -SIGQUIT;
  if (ending_.way == Way::abort) expected = -SIGABRT;
  if (status != expected) return "it ended with " + std::to_string(status);
  if (ending_.way == Way::oom_kill && means_.memory->kills() == oom_kills_before_)
    return "it was not the OOM killer";
  return std::nullopt;
}

std::optional<std::string> Victim::wait_for_end() {
  if (ending_.way == Way::container) return std::nullopt;  // killed and waited for
  if (!ending_.spares() && !ending_.thread_only() && ending_.way != Way::exec) return wait_for_process();
  const auto there = [&] {
    if (ending_.spares()) return scene_.departed.load();
    return ending_.way == Way::exec ? is_another_program(process_->pid()) : scene_.thread_ended.load();
  };
  const bool came = comes_true([&] { return there() || process_has_ended(); });
  if (!there()) {
    if (!came) return "it does not end, or does not go on";
    return "its process has ended with " + std::to_string(process_->wait());
  }
  if (ending_.thread_only() && scene_.cancelled != (ending_.way == Way::cancel))
    return "its thread ended in another way";
  return std::nullopt;
}

}  // namespace endings
