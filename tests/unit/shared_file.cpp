// Files that live in memory: whole or not at all, and every failure with its cause.
#include "platform/shared_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support/party.hpp"
#include "support/printing.hpp"
#include "support/segments.hpp"

using carom::Errc;
using carom::platform::File;
using support::code_of;

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

  std::string folder_;
};

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
