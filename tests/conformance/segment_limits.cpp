// What runs out: rights, directories, space, memory, descriptors, slots. Each has a code of its own, a
// sentence for people, and leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "carom/carom.hpp"
#include "memory/layout.hpp"
#include "support/namespaces.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"
#include "support/segments.hpp"

using carom::Errc;
using carom::Segment;
using carom::SegmentOptions;
using support::code_of;
using support::Name;
using support::ProcessParty;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

/// The code as a party's result; -1: none was thrown.
template <class Call>
int number_of(Call call) {
  const std::optional<Errc> code = code_of(call);
  return code ? static_cast<int>(*code) : -1;
}
constexpr int number(Errc code) {
  return static_cast<int>(code);
}

/// What a segment with that much data takes in all, with the default number of participants.
std::string bytes_of(std::size_t data) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return std::to_string(carom::memory::Extent::of(SegmentOptions{}.participants, data, page).total_bytes);
}

bool become_nobody() {
  return setgid(65534) == 0 && setuid(65534) == 0;
}

/// Takes all descriptors but `left`.
void take_descriptors(int left) {
  const rlimit limit{64, 64};
  setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<int> taken;
  for (int fd = dup(0); fd >= 0; fd = dup(0)) taken.push_back(fd);
  for (int i = 0; i < left; ++i) close(taken[static_cast<std::size_t>(i)]);
}

}  // namespace

TEST(NoPermission, somebody_else_may_neither_open_nor_remove_it) {
  if (geteuid() != 0) GTEST_SKIP() << "takes root to become somebody else";
  const Name name;
  const Segment segment = Segment::create(name, 100);
  ProcessParty stranger([&name] {
    if (!become_nobody()) return 1;
    // The parent's mapping came along with fork, so ask for the file.
    if (code_of([&] { return Segment::open(name); }) != Errc::no_permission) return 2;
    if (code_of([&] { return Segment::open_or_create(name, 100); }) != Errc::no_permission) return 3;
    if (code_of([&] { return Segment::remove(name); }) != Errc::no_permission) return 4;
    return 0;
  });
  EXPECT_EQ(stranger.leave(), 0);
  EXPECT_TRUE(name.exists());
  EXPECT_FALSE(segment.removed());
}

TEST(NoPermission, one_that_is_shared_with_all_is_opened_by_all_and_removed_by_its_user) {
  if (geteuid() != 0) GTEST_SKIP() << "takes root to become somebody else";
  const Name name;
  SegmentOptions options;
  options.mode = 0666;
  const Segment segment = Segment::create(name, 100, options);
  ProcessParty stranger([&name] {
    if (!become_nobody()) return 1;
    if (code_of([&] { return Segment::open(name); })) return 2;
    if (code_of([&] { return Segment::remove(name); }) != Errc::no_permission) return 3;
    return 0;
  });
  EXPECT_EQ(stranger.leave(), 0);
  EXPECT_TRUE(name.exists());
  EXPECT_FALSE(segment.removed()) << "the attempt to remove it failed";
}

TEST(NoDirectory, named_segments_need_one_and_anonymous_ones_do_not) {
  setenv("CAROM_DIR", "/nonexistent", 1);
  const auto error = support::error_of([] { return Segment::create("a", 100); });
  EXPECT_EQ(code_of([] { return Segment::open_or_create("a", 100); }), Errc::no_directory);
  EXPECT_EQ(code_of([] { return Segment::open("a"); }), Errc::no_such_segment);
  EXPECT_FALSE(Segment::remove("a"));
  EXPECT_TRUE(Segment::list().empty());
  EXPECT_EQ(Segment::anonymous(100).size(), 100u);
  setenv("CAROM_DIR", "/dev/null", 1);
  EXPECT_EQ(code_of([] { return Segment::create("a", 100); }), Errc::no_directory);
  setenv("CAROM_DIR", "/proc", 1);
  EXPECT_EQ(code_of([] { return Segment::create("a", 100); }), Errc::no_directory);
  unsetenv("CAROM_DIR");
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), Errc::no_directory);
  EXPECT_EQ(error->os_error(), ENOENT);
  EXPECT_THAT(error->what(),
              testing::AllOf(testing::HasSubstr("segment 'a'"), testing::HasSubstr("/nonexistent"),
                             testing::HasSubstr("CAROM_DIR"), testing::HasSubstr("ENOENT")));
}

TEST(NoSpace, a_full_file_system_is_reported_and_nothing_stays) {
  if (!support::can_enter_namespaces(CLONE_NEWNS)) GTEST_SKIP() << "this user may mount nothing";
  char folder[] = "/tmp/carom-small-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  ProcessParty tenant([&folder] {
    if (!support::enter_namespaces(CLONE_NEWNS)) return 1;
    mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (mount("none", folder, "tmpfs", 0, "size=256k") != 0) return 2;
    setenv("CAROM_DIR", folder, 1);
    const auto free_blocks = [&] {
      struct statvfs about {};
      statvfs(folder, &about);
      return about.f_bfree;
    };
    const auto before = free_blocks();
    const auto error = support::error_of([] { return Segment::create("large", 1 << 20); });
    if (!error || error->code() != Errc::no_space || error->os_error() != ENOSPC) return 3;
    const std::string text = error->what();
    if (text.find(" " + bytes_of(1 << 20) + " bytes") == text.npos || text.find(" 262144") == text.npos)
      return 9;
    if (code_of([] { return Segment::open_or_create("large", 1 << 20); }) != Errc::no_space) return 4;
    if (!std::filesystem::is_empty(folder) || free_blocks() != before) return 5;
    SegmentOptions small;
    small.participants = 2;
    const Segment fits = Segment::create("small", 100, small);
    if (code_of([] { return Segment::create("large", 250'000); }) != Errc::no_space) return 6;
    if (Segment::open("small").data() != fits.data()) return 7;
    if (code_of([] { return Segment::anonymous(1 << 20); })) return 8;
    return 0;
  });
  EXPECT_EQ(tenant.leave(), 0);
  rmdir(folder);
}

TEST(NoDescriptors, every_call_that_needs_one_says_so) {
  if (kSanitized) GTEST_SKIP() << "the sanitizer needs descriptors itself";
  const Name name;
  const Name other("other");
  ProcessParty maker([&name] { return Segment::create(name, 100).size(); });
  ASSERT_EQ(maker.leave(), 100);
  ProcessParty poor([&] {
    take_descriptors(0);
    if (number_of([&] { return Segment::open(name); }) != number(Errc::no_descriptors)) return 1;
    if (number_of([&] { return Segment::create(other, 100); }) != number(Errc::no_descriptors)) return 2;
    if (number_of([&] { return Segment::open_or_create(other, 100); }) != number(Errc::no_descriptors))
      return 3;
    if (number_of([] { return Segment::anonymous(100); }) != number(Errc::no_descriptors)) return 4;
    if (number_of([] { carom::Process([] {}); }) != number(Errc::no_descriptors)) return 5;
    return 0;
  });
  EXPECT_EQ(poor.leave(), 0);
  EXPECT_FALSE(other.exists());
}

TEST(NoDescriptors, a_process_that_cannot_be_watched_is_not_started) {
  if (kSanitized) GTEST_SKIP() << "the sanitizer needs descriptors itself";
  for (const int left : {1, 2}) {
    ProcessParty poor([left] {
      take_descriptors(left);
      if (number_of([] { carom::Process([] {}); }) != number(Errc::no_descriptors)) return 1;
      if (waitpid(-1, nullptr, WNOHANG) != -1) return 2;  // no child is left
      return dup(0) >= 0 ? 0 : 3;
    });
    EXPECT_EQ(poor.leave(), 0) << left;
  }
}

TEST(NoMemory, an_exhausted_address_space_is_reported_and_nothing_stays) {
  if (kSanitized) GTEST_SKIP() << "the sanitizer needs the address space itself";
  const Name name;
  const Name large("large");
  ProcessParty maker([&large] { return Segment::create(large, 256 << 20).size(); });
  ASSERT_EQ(maker.leave(), 256 << 20);
  ProcessParty cramped([&] {
    long pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t bytes = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE)) + (32 << 20);
    const rlimit limit{bytes, bytes};
    setrlimit(RLIMIT_AS, &limit);
    if (number_of([] { return Segment::anonymous(128 << 20); }) != number(Errc::no_memory)) return 1;
    if (number_of([&] { return Segment::create(name, 128 << 20); }) != number(Errc::no_memory)) return 2;
    if (number_of([&] { return Segment::open(large); }) != number(Errc::no_memory)) return 3;
    return Segment::anonymous(1 << 20).size() == 1 << 20 ? 0 : 4;
  });
  EXPECT_EQ(cramped.leave(), 0);
  EXPECT_FALSE(name.exists());
}

namespace {

/// In the calling process alone, the file at `path` reads as `text`.
bool pretend(const std::string& path, const std::string& text) {
  char file[] = "/tmp/carom-pretend-XXXXXX";
  const int fd = mkstemp(file);
  const bool done = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                    mount(file, path.c_str(), nullptr, MS_BIND, nullptr) == 0;
  close(fd);
  unlink(file);
  return done;
}

/// A child that sees what `prepare` makes it see, asked for 64 MiB in both kinds of segment: whether both are
/// refused for want of memory, with both numbers, and nothing stays.
int refused_in(const std::function<bool()>& prepare, const std::string& left) {
  ProcessParty tenant([&] {
    if (!support::enter_namespaces(CLONE_NEWNS)) return 1;
    mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (!prepare()) return 2;
    const Name name;
    const auto good = [&](const std::optional<carom::Error>& error) {
      if (!error || error->code() != Errc::no_memory) return false;
      const std::string text = error->what();
      return text.find("needs " + bytes_of(64 << 20) + " bytes") != text.npos &&
             text.find(" " + left) != text.npos;
    };
    if (!good(support::error_of([] { return Segment::anonymous(64 << 20); }))) return 3;
    if (!good(support::error_of([&] { return Segment::open_or_create(name, 64 << 20); }))) return 4;
    if (name.exists()) return 5;
    return Segment::anonymous(100).size() == 100 ? 0 : 6;
  });
  return tenant.leave();
}

}  // namespace

TEST(NoMemory, what_the_machine_cannot_hold_is_refused_before_any_of_it_is_reserved) {
  if (!support::can_enter_namespaces(CLONE_NEWNS)) GTEST_SKIP() << "this user may mount nothing";
  const auto small = [] {
    return pretend("/proc/meminfo", "MemTotal: 900000 kB\nMemAvailable:   20000 kB\nSwapFree: 10 kB\n");
  };
  EXPECT_EQ(refused_in(small, "20490240"), 0);
}

TEST(NoMemory, what_the_control_group_does_not_allow_is_refused_too) {
  if (!support::can_enter_namespaces(CLONE_NEWNS)) GTEST_SKIP() << "this user may mount nothing";
  const auto group = [](const std::string& line, const std::string& folder, const char* limit,
                        const char* used, const std::string& parts) {
    return [=] {
      if (mount("none", "/sys/fs/cgroup", "tmpfs", 0, "size=1m") != 0) return false;
      std::filesystem::create_directories(folder);
      std::ofstream(folder + "/" + limit) << 20'000'000 << '\n';
      std::ofstream(folder + "/" + used) << 8'000'000 << '\n';
      std::ofstream(folder + "/memory.stat") << parts;
      std::ofstream(folder + "/memory.swap.max") << "0\n";
      return pretend("/proc/self/cgroup", line);
    };
  };
  EXPECT_EQ(refused_in(group("0::/a/b/c\n", "/sys/fs/cgroup/a/b", "memory.max", "memory.current",
                             "anon 7\nfile 3000000\nfile_mapped 1\nshmem 1000000\n"),
                       "14000000"),
            0);
  EXPECT_EQ(refused_in(group("5:cpu:/x\n4:hugetlb,memory:/a\n0::/\n", "/sys/fs/cgroup/memory",
                             "memory.limit_in_bytes", "memory.usage_in_bytes",
                             "cache 1\ntotal_cache 3000000\ntotal_shmem 1000000\n"),
                       "14000000"),
            0);
}

TEST(RosterFull, who_finds_no_slot_is_told_and_nobody_else_notices) {
  struct Board {
    carom::Lock lock;
    carom::RLock rlock;
  };
  SegmentOptions two;
  two.participants = 2;
  const Name name;
  const auto board = carom::Shared<Board>::create(name, two);
  board->lock.lock();
  ProcessParty second([&board] { board->rlock.lock(); });
  second.wait_until_done();
  ProcessParty third([&board] {
    if (code_of([&] { return board.segment().join(); }) != Errc::roster_full) return 1;
    if (code_of([&] { return board->lock.acquire(); }) != Errc::roster_full) return 2;
    if (code_of([&] { board->rlock.unlock(); }) != Errc::roster_full) return 3;
    return 0;
  });
  EXPECT_EQ(third.leave(), 0);
  EXPECT_EQ(board.segment().participants().size(), 2u);
  EXPECT_TRUE(board->lock.owned());
  EXPECT_EQ(board->rlock.owner()->tid, static_cast<std::uint32_t>(second.tid()));
  second.die();
  ProcessParty fourth([&board] { return board->rlock.acquire().kind(); });
  EXPECT_EQ(fourth.leave(), carom::Acquisition::acquired_owner_died);
}

TEST(RosterFull, its_size_is_rounded_up_to_a_power_of_two) {
  SegmentOptions three;
  three.participants = 3;
  const Segment segment = Segment::anonymous(100, three);
  std::vector<ProcessParty> parties;
  for (int i = 0; i < 4; ++i) {
    parties.emplace_back([&segment] { return segment.join().id != 0; });
    EXPECT_EQ(parties.back().result(), 1);
  }
  EXPECT_EQ(code_of([&] { return segment.join(); }), Errc::roster_full);
}
