// Files that live in memory: whole or not at all, and every failure with its cause.
#include "platform/shared_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <functional>

#include "support/namespaces.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"
#include "support/refused.hpp"
#include "support/segments.hpp"

using carom::Errc;
using carom::platform::File;
using support::code_of;
using support::refuse;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

namespace platform = carom::platform;

namespace {

class SharedFile : public testing::Test {
 protected:
  SharedFile() {
    char folder[] = "/dev/shm/carom-files-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~SharedFile() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  bool nothing_there() const { return std::filesystem::is_empty(folder_); }

  /// What the Error says that `call` ends with in a child of its own, after `prepare` there.
  template <class Call>
  std::string said(const std::function<void()>& prepare, Call call) {
    const support::Plain<std::array<char, 1024>> text;
    support::ProcessParty child([&] {
      prepare();
      const auto error = support::error_of(call);
      const std::string what =
          error ? std::string(carom::to_string(error->code())) + ": " + error->what() : "no error";
      what.copy(text->data(), text->size() - 1);
    });
    const int outcome = child.leave();
    return outcome == 0 ? text->data() : "ended with " + std::to_string(outcome);
  }

  std::string folder_;
};

void limit_file_size(rlim_t bytes) {
  const rlimit limit{bytes, bytes};
  setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace

TEST_F(SharedFile, an_anonymous_one_cannot_be_resized_by_anybody) {
  const File file = platform::make_anonymous_file(8192);
  EXPECT_EQ(file.size(), 8192u);
  EXPECT_NE(ftruncate(file.descriptor(), 4096), 0);
  EXPECT_NE(ftruncate(file.descriptor(), 16'384), 0);
  EXPECT_NE(fcntl(file.descriptor(), F_ADD_SEALS, F_SEAL_WRITE), 0);
  EXPECT_EQ(file.size(), 8192u);
}

TEST_F(SharedFile, its_descriptor_does_not_survive_exec) {
  EXPECT_NE(fcntl(platform::make_anonymous_file(4096).descriptor(), F_GETFD) & FD_CLOEXEC, 0);
  const File file = platform::make_unpublished_file(folder_, 4096, 0600, "it");
  EXPECT_NE(fcntl(file.descriptor(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(SharedFile, it_has_no_name_until_it_is_published) {
  const File file = platform::make_unpublished_file(folder_, 4096, 0600, "it");
  EXPECT_TRUE(nothing_there());
  EXPECT_TRUE(platform::publish(file, path("it"), "it"));
  File again;
  EXPECT_TRUE(platform::open_published(path("it"), "it", again));
  EXPECT_EQ(again.identity(), file.identity());
  EXPECT_EQ(again.size(), 4096u);
}

TEST_F(SharedFile, a_name_is_given_once) {
  const File first = platform::make_unpublished_file(folder_, 4096, 0600, "it");
  const File second = platform::make_unpublished_file(folder_, 4096, 0600, "it");
  EXPECT_FALSE(first.identity() == second.identity());
  EXPECT_TRUE(platform::publish(first, path("it"), "it"));
  EXPECT_FALSE(platform::publish(second, path("it"), "it"));
}

TEST_F(SharedFile, nothing_stays_of_one_whose_maker_is_killed) {
  support::ProcessParty maker(
      [this] { static const File file = platform::make_unpublished_file(folder_, 4096, 0600, "it"); });
  maker.wait_until_done();
  maker.die();
  EXPECT_TRUE(nothing_there());
}

TEST_F(SharedFile, it_has_the_mode_that_was_asked_for_whatever_the_umask) {
  const mode_t before = umask(0777);
  const File file = platform::make_unpublished_file(folder_, 4096, 0664, "it");
  umask(before);
  struct stat about {};
  ASSERT_EQ(fstat(file.descriptor(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0664u);
}

TEST_F(SharedFile, what_is_not_there_is_neither_opened_nor_removed) {
  File file;
  EXPECT_FALSE(platform::open_published(path("none"), "it", file));
  EXPECT_FALSE(platform::open_published(path("none/none"), "it", file));
  EXPECT_FALSE(platform::unpublish(path("none"), "it"));
}

TEST_F(SharedFile, a_missing_directory_is_a_cause_of_its_own) {
  const auto make = [](const std::string& folder) {
    return code_of([&] { return platform::make_unpublished_file(folder, 4096, 0600, "it"); });
  };
  EXPECT_EQ(make(path("none")), Errc::no_directory);
  support::write_file(path("file"), "");
  EXPECT_EQ(make(path("file")), Errc::no_directory);
}

TEST_F(SharedFile, unpublished_it_stays_for_those_who_have_it) {
  const File file = platform::make_unpublished_file(folder_, 4096, 0600, "it");
  ASSERT_TRUE(platform::publish(file, path("it"), "it"));
  EXPECT_TRUE(platform::unpublish(path("it"), "it"));
  EXPECT_TRUE(nothing_there());
  EXPECT_EQ(file.size(), 4096u);
}

TEST_F(SharedFile, a_mapping_is_shared_and_outlives_the_descriptor) {
  void* base = nullptr;
  {
    const File file = platform::make_anonymous_file(4096);
    base = platform::map(file, 4096, "it");
  }
  support::ProcessParty child([base] { *static_cast<int*>(base) = 8; });
  child.leave();
  EXPECT_EQ(*static_cast<int*>(base), 8);
  platform::unmap(base, 4096);
}

TEST_F(SharedFile, a_wiped_page_reads_zero_in_a_child_and_not_in_its_parent) {
  auto* const page = static_cast<int*>(platform::map_page_wiped_on_fork());
  ASSERT_NE(page, nullptr);
  *page = 5;
  EXPECT_EQ(support::ProcessParty([page] { return *page; }).leave(), 0);
  EXPECT_EQ(*page, 5);
  munmap(page, platform::page_bytes());
}

TEST_F(SharedFile, a_moved_file_is_closed_once_and_by_its_new_owner) {
  File first = platform::make_anonymous_file(4096);
  const int descriptor = first.descriptor();
  {
    const File second(std::move(first));
    EXPECT_EQ(second.descriptor(), descriptor);
    EXPECT_EQ(fcntl(descriptor, F_GETFD), FD_CLOEXEC);
  }
  EXPECT_EQ(fcntl(descriptor, F_GETFD), -1);
}

TEST_F(SharedFile, where_no_memory_can_be_reserved_it_has_its_size_all_the_same) {
  for (const int error : {ENOSYS, EPERM, EOPNOTSUPP}) {
    support::ProcessParty child([this, error] {
      refuse(SYS_fallocate, error);
      if (platform::make_anonymous_file(8192).size() != 8192) return 1;
      if (platform::make_unpublished_file(folder_, 8192, 0600, "it").size() != 8192) return 2;
      return 0;
    });
    EXPECT_EQ(child.leave(), 0) << strerrorname_np(error);
  }
}

TEST_F(SharedFile, a_refused_system_call_is_named_with_its_cause) {
  const auto anonymous = [] { return platform::make_anonymous_file(8192); };
  EXPECT_THAT(
      said([] { refuse(SYS_memfd_create, EPERM); }, anonymous),
      AllOf(StartsWith("no_permission"), HasSubstr("memfd_create"), HasSubstr("filter of system calls")));
  EXPECT_THAT(said([] { refuse(SYS_memfd_create, ENOSYS); }, anonymous),
              AllOf(StartsWith("system"), HasSubstr("memfd_create"), HasSubstr("does not know")));
  EXPECT_THAT(said([] { refuse(SYS_fcntl, EPERM); }, anonymous), HasSubstr("fcntl"));
  EXPECT_THAT(said([] { refuse(SYS_mmap, EPERM); }, [] { return platform::map(File(0), 4096, "it"); }),
              HasSubstr("mmap"));
}

TEST_F(SharedFile, a_file_that_cannot_be_looked_at_is_an_error) {
  const File file = platform::make_unpublished_file(folder_, 4096, 0600, "it");
  ASSERT_TRUE(platform::publish(file, path("it"), "it"));
  const auto blind = [] {
    refuse(SYS_newfstatat, ENOSYS);
    refuse(SYS_fstat, ENOSYS);
  };
  EXPECT_THAT(said(blind,
                   [this] {
                     File again;
                     return platform::open_published(path("it"), "it", again);
                   }),
              HasSubstr("fstat"));
  EXPECT_THAT(said(blind, [&file] { return file.size(); }), HasSubstr("fstat"));
}

TEST_F(SharedFile, a_limit_on_the_size_of_files_is_an_error_and_no_signal) {
  const auto limited = [] { limit_file_size(100'000); };
  const auto what = AllOf(StartsWith("no_space"), HasSubstr("file"), HasSubstr("ulimit -f"),
                          HasSubstr("100000"), HasSubstr("131072"));
  EXPECT_THAT(said(limited, [] { return platform::make_anonymous_file(131'072); }), what);
  EXPECT_THAT(said(limited, [this] { return platform::make_unpublished_file(folder_, 131'072, 0600, "it"); }),
              what);
}

TEST_F(SharedFile, without_proc_an_ordinary_user_is_told_what_is_missing) {
  if (!support::can_enter_namespaces(CLONE_NEWNS)) GTEST_SKIP() << "this user may mount nothing";
  ASSERT_EQ(chmod(folder_.c_str(), 0777), 0);
  const auto prepare = [] {
    if (!support::enter_namespaces(CLONE_NEWNS)) _exit(9);
    mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (umount2("/proc", MNT_DETACH) != 0) _exit(8);
    // As kernels before 6.10 answer those without rights.
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_linkat, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[4])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AT_EMPTY_PATH, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOENT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{std::size(code), code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(7);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(6);
  };
  EXPECT_THAT(said(prepare,
                   [this] {
                     const File file = platform::make_unpublished_file(folder_, 4096, 0600, "it");
                     return platform::publish(file, path("it"), "it");
                   }),
              AllOf(HasSubstr("needs /proc"), HasSubstr("missing")));
  EXPECT_TRUE(nothing_there());
}

TEST_F(SharedFile, a_limit_on_locked_memory_is_named) {
  const auto lock_all = [] {
    const rlimit limit{1 << 20, 1 << 20};
    setrlimit(RLIMIT_MEMLOCK, &limit);
    if (geteuid() == 0 && setuid(65534) != 0) _exit(9);
    const int locked = mlockall(MCL_FUTURE);
    if (locked != 0) _exit(8);
  };
  EXPECT_THAT(said(lock_all,
                   [] {
                     const File file = platform::make_anonymous_file(2 << 20);
                     return platform::map(file, 2 << 20, "it");
                   }),
              AllOf(StartsWith("no_memory"), HasSubstr("locked memory"), HasSubstr("ulimit -l"),
                    HasSubstr("1048576")));
}

TEST_F(SharedFile, signals_that_come_all_the_time_do_not_keep_it_from_being_made) {
  support::ProcessParty child([] {
    signal(SIGALRM, [](int) {});
    const itimerval often{{0, 500}, {0, 500}};
    setitimer(ITIMER_REAL, &often, nullptr);
    const std::size_t size = platform::make_anonymous_file(std::size_t{128} << 20).size();
    setitimer(ITIMER_REAL, nullptr, nullptr);
    return size >> 20;
  });
  EXPECT_EQ(child.leave(), 128);
}

TEST_F(SharedFile, closing_it_is_no_place_for_a_cancellation) {
  struct Told {
    std::atomic<bool> closed{false};
    std::atomic<bool> stayed{false};
  };
  const support::Plain<Told> told;
  support::ProcessParty child([&told] {
    pthread_t thread;
    const auto body = [](void* arg) -> void* {
      auto* const news = static_cast<Told*>(arg);
      const File file = platform::make_anonymous_file(4096);
      pthread_cancel(pthread_self());
      { const File closed(dup(file.descriptor())); }
      news->closed = true;
      pthread_testcancel();
      news->stayed = true;
      return nullptr;
    };
    pthread_create(&thread, nullptr, body, &*told);
    void* result = nullptr;
    pthread_join(thread, &result);
    return result == PTHREAD_CANCELED;
  });
  EXPECT_EQ(child.leave(), 1);
  EXPECT_TRUE(told->closed);
  EXPECT_FALSE(told->stayed);
}

TEST_F(SharedFile, its_owner_its_mode_and_its_names_are_known) {
  const File file = platform::make_unpublished_file(folder_, 4096, 0640, "it");
  EXPECT_EQ(file.about("it").links, 0u);
  ASSERT_TRUE(platform::publish(file, path("it"), "it"));
  ASSERT_EQ(link(path("it").c_str(), path("too").c_str()), 0);
  platform::FileFacts facts;
  File again;
  ASSERT_TRUE(platform::open_published(path("too"), "it", again, &facts));
  EXPECT_EQ(facts.identity, file.identity());
  EXPECT_EQ(facts.owner, geteuid());
  EXPECT_EQ(facts.mode, 0640u);
  EXPECT_EQ(facts.links, 2u);
  EXPECT_EQ(facts.size, 4096u);
}

TEST_F(SharedFile, its_first_bytes_are_read_as_far_as_there_are_any) {
  support::write_file(path("it"), "first bytes");
  File file;
  ASSERT_TRUE(platform::open_published(path("it"), "it", file));
  std::array<char, 20> bytes{};
  EXPECT_EQ(platform::read_start(file, bytes.data(), 5, "it"), 5u);
  EXPECT_STREQ(bytes.data(), "first");
  EXPECT_EQ(platform::read_start(file, bytes.data(), bytes.size(), "it"), 11u);
  EXPECT_STREQ(bytes.data(), "first bytes");
}

TEST_F(SharedFile, only_bytes_that_it_has_are_written_over_and_only_within_the_limit) {
  support::write_file(path("it"), "first bytes");
  File file;
  ASSERT_TRUE(platform::open_published(path("it"), "it", file));
  EXPECT_TRUE(platform::overwrite(file, 6, "words", 5));
  EXPECT_FALSE(platform::overwrite(file, 7, "words", 5));
  std::array<char, 20> bytes{};
  EXPECT_EQ(platform::read_start(file, bytes.data(), bytes.size(), "it"), 11u);
  EXPECT_STREQ(bytes.data(), "first words");
  support::ProcessParty child([&file] {
    limit_file_size(4);
    return platform::overwrite(file, 6, "bytes", 5);
  });
  EXPECT_EQ(child.leave(), 0);
}

TEST_F(SharedFile, a_path_leads_elsewhere_once_its_name_is_taken_away_or_given_to_another) {
  const File file = platform::make_unpublished_file(folder_, 4096, 0600, "it");
  EXPECT_TRUE(platform::leads_elsewhere(path("it"), file.identity()));
  ASSERT_TRUE(platform::publish(file, path("it"), "it"));
  EXPECT_FALSE(platform::leads_elsewhere(path("it"), file.identity()));
  support::write_file(path("other"), "");
  ASSERT_EQ(rename(path("other").c_str(), path("it").c_str()), 0);
  EXPECT_TRUE(platform::leads_elsewhere(path("it"), file.identity()));
  ASSERT_TRUE(platform::unpublish(path("it"), "it"));
  EXPECT_TRUE(platform::leads_elsewhere(path("it"), file.identity()));
}
