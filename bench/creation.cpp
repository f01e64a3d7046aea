// What it costs to make an object, and to find one that another process has made.
#include <fcntl.h>
#include <fmt/format.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/named_mutex.hpp>
#include <cstddef>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "children.hpp"
#include "peers/carom.hpp"
#include "peers/posix.hpp"
#include "peers/pthread.hpp"
#include "row.hpp"
#include "rows.hpp"

namespace bench {
namespace {

using boost::interprocess::create_only;
using boost::interprocess::named_mutex;
using boost::interprocess::open_only;

/// A name for objects; removed at the end, if it is still there.
class Name {
 public:
  Name(const char* kind, bool (*remover)(const std::string&))
      : text_(fmt::format("carom-bench-{}-{}", kind, getpid())), remove_(remover) {}
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;
  ~Name() { remove(); }
  const std::string& text() const { return text_; }
  void remove() const { remove_(text_); }

 private:
  std::string text_;
  bool (*remove_)(const std::string&);
};

using Mapped = carom::Shared<CaromLock>;

/// A robust mutex in shared memory with a name, as one writes it by hand.
class MappedMutex {
 public:
  MappedMutex(const std::string& name, int flags) {
    const int fd = shm_open(name.c_str(), O_RDWR | flags, 0600);
    if (fd < 0) unexpected("shm_open", errno);
    if ((flags & O_CREAT) != 0 && ftruncate(fd, sizeof(PthreadRobust)) != 0) unexpected("ftruncate", errno);
    at_ = mmap(nullptr, sizeof(PthreadRobust), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at_ == MAP_FAILED) unexpected("mmap", errno);
    if ((flags & O_CREAT) != 0) new (at_) PthreadRobust();
  }
  MappedMutex(const MappedMutex&) = delete;
  MappedMutex& operator=(const MappedMutex&) = delete;
  ~MappedMutex() { munmap(at_, sizeof(PthreadRobust)); }

 private:
  void* at_;
};

class NamedSemaphore {
 public:
  NamedSemaphore(const std::string& name, int flags) : semaphore_(sem_open(name.c_str(), flags, 0600, 1)) {
    if (semaphore_ == SEM_FAILED) unexpected("sem_open", errno);
  }
  NamedSemaphore(const NamedSemaphore&) = delete;
  NamedSemaphore& operator=(const NamedSemaphore&) = delete;
  ~NamedSemaphore() { sem_close(semaphore_); }

 private:
  sem_t* semaphore_;
};

struct Names {
  Name carom{"carom", [](const std::string& name) { return carom::Segment::remove(name); }};
  Name semaphore{"sem", [](const std::string& name) { return sem_unlink(name.c_str()) == 0; }};
  Name boost{"boost", [](const std::string& name) { return named_mutex::remove(name.c_str()); }};
  Name mutex{"shm", [](const std::string& name) { return shm_unlink(name.c_str()) == 0; }};
};

std::function<std::vector<double>()> us_each(int count, std::function<void()> once) {
  return [count, once = std::move(once)] {
    const std::int64_t begin = now_ns();
    for (int i = 0; i < count; ++i) once();
    return std::vector{static_cast<double>(now_ns() - begin) / 1000 / count};
  };
}

void judge_best(Report& report, const Row& row) {
  row.judge(report, row.contestants().front(), row.best_peer(0), 0, std::nullopt);
}

void run_named(Report& report, std::size_t rounds, int count) {
  const Names names;
  Row create("creation", "create and remove by name", "", {{"each", "us"}});
  create.add("carom Shared<Lock>", us_each(count, [&] {
               const Mapped made = Mapped::create(names.carom.text(), {});
               names.carom.remove();
             }));
  create.add("sem_open", us_each(count, [&] {
               const NamedSemaphore made(names.semaphore.text(), O_CREAT | O_EXCL);
               names.semaphore.remove();
             }));
  create.add("Boost named_mutex", us_each(count, [&] {
               const named_mutex made(create_only, names.boost.text().c_str());
               names.boost.remove();
             }));
  create.add("shm_open, pthread robust", us_each(count, [&] {
               const MappedMutex made(names.mutex.text(), O_CREAT | O_EXCL);
               names.mutex.remove();
             }));
  create.run(report, rounds);
  judge_best(report, create);

  const Mapped segment = Mapped::create(names.carom.text(), {});
  const NamedSemaphore semaphore(names.semaphore.text(), O_CREAT | O_EXCL);
  const named_mutex boost(create_only, names.boost.text().c_str());
  const MappedMutex mutex(names.mutex.text(), O_CREAT | O_EXCL);
  Row open("creation", "open by name and close", "", {{"each", "us"}});
  open.add("carom Shared<Lock>",
           us_each(count, [&] { const Mapped opened = Mapped::open(names.carom.text()); }));
  open.add("sem_open", us_each(count, [&] { const NamedSemaphore opened(names.semaphore.text(), 0); }));
  open.add("Boost named_mutex",
           us_each(count, [&] { const named_mutex opened(open_only, names.boost.text().c_str()); }));
  open.add("shm_open, pthread robust",
           us_each(count, [&] { const MappedMutex opened(names.mutex.text(), 0); }));
  open.run(report, rounds);
  judge_best(report, open);
}

void run_anonymous(Report& report, std::size_t rounds, int count) {
  Row row("creation", "create without a name", "", {{"each", "us"}});
  row.add("carom Shared<Lock>", us_each(count, [] { const Mapped made; }));
  row.add("mmap, pthread robust", us_each(count, [] { const SharedPage<PthreadRobust> made; }));
  row.run(report, rounds);
  judge_best(report, row);
}

template <class Object>
void construct(Row& row, const char* name, void* at, int count) {
  row.add(name, us_each(count, [at] {
            new (at) Object();
            asm volatile("" ::: "memory");
          }));
}

void run_in_place(Report& report, std::size_t rounds, int count) {
  const carom::Segment segment = carom::Segment::anonymous(4096);
  void* const at = segment.data();
  Row row("creation", "construct in memory that is shared already", "", {{"each", "us"}});
  construct<CaromLock>(row, "carom Lock", at, count);
  construct<CaromBarePermit>(row, "carom Semaphore", at, count);
  construct<carom::Condition>(row, "carom Condition", at, count);
  construct<PthreadRobust>(row, "pthread robust", at, count);
  construct<Semaphore>(row, "sem_t", at, count);
  construct<boost::interprocess::interprocess_mutex>(row, "Boost interprocess_mutex", at, count);
  row.run(report, rounds);
  judge_best(report, row);
}

}  // namespace

void run_creation(Report& report, bool quick) {
  const std::size_t rounds = quick ? 3 : 21;
  const int count = quick ? 20 : 200;
  report.line();
  report.line(fmt::format("Creation: {} rounds of {} each, of {} in place", rounds, count, 100 * count));
  run_named(report, rounds, count);
  run_anonymous(report, rounds, count);
  run_in_place(report, rounds, 100 * count);
}

}  // namespace bench
