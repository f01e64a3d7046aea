// Named segments: made once, found by name, taken away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "carom/carom.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"
#include "support/segments.hpp"

using carom::Errc;
using carom::Segment;
using carom::SegmentOptions;
using carom::Trust;
using support::code_of;
using support::Name;
using support::ProcessParty;
using testing::AllOf;
using testing::HasSubstr;

namespace {

constexpr unsigned kNobody = 65534;

bool become_nobody() {
  return setgid(kNobody) == 0 && setuid(kNobody) == 0;
}

/// A segment that another user has put under a name, for all to write.
class PlantedSegment : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "takes root to become somebody else";
    ProcessParty planter([this] {
      if (!become_nobody()) return std::size_t{1};
      return Segment::create(name_, 100, {.mode = 0666}).size();
    });
    ASSERT_EQ(planter.leave(), 100);
  }
  std::optional<carom::Errc> open(Trust trust) const {
    return code_of([&] { return Segment::open(name_, 0, trust); });
  }
  std::optional<carom::Errc> open_or_create(const SegmentOptions& options) const {
    return code_of([&] { return Segment::open_or_create(name_, 100, options); });
  }

  const Name name_;
};

/// A directory for the segments of one test.
struct Folder {
  Folder() {
    char folder[] = "/dev/shm/carom-names-XXXXXX";
    path = mkdtemp(folder);
    setenv("CAROM_DIR", path.c_str(), 1);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    unsetenv("CAROM_DIR");
    std::filesystem::remove_all(path);
  }
  std::string path;
};

}  // namespace

TEST(NamedSegment, what_one_writes_another_process_reads) {
  const Name name;
  const Segment mine = Segment::create(name, 100);
  support::ProcessParty other([&name] {
    const Segment theirs = Segment::open(name);
    *static_cast<int*>(theirs.data()) = 42;
    return theirs.size();
  });
  EXPECT_EQ(other.leave(), 100);
  EXPECT_EQ(*static_cast<int*>(mine.data()), 42);
}

TEST(NamedSegment, its_memory_is_zero_and_aligned_and_as_large_as_asked_for) {
  const Name name;
  const Segment segment = Segment::create(name, 10'000);
  EXPECT_EQ(segment.size(), 10'000u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(segment.data()) % 64, 0u);
  const auto* const bytes = static_cast<const unsigned char*>(segment.data());
  EXPECT_TRUE(std::all_of(bytes, bytes + 10'000, [](unsigned char byte) { return byte == 0; }));
  EXPECT_EQ(segment.name(), name.text());
}

TEST(NamedSegment, it_outlives_all_who_use_it) {
  const Name name;
  support::ProcessParty maker([&name] {
    const Segment segment = Segment::create(name, 100);
    *static_cast<int*>(segment.data()) = 7;
  });
  maker.wait_until_done();
  maker.die();
  EXPECT_EQ(*static_cast<int*>(Segment::open(name).data()), 7);
}

TEST(NamedSegment, a_name_that_is_taken_cannot_be_created) {
  const Name name;
  const Segment first = Segment::create(name, 100);
  EXPECT_EQ(code_of([&] { return Segment::create(name, 100); }), Errc::exists);
}

TEST(NamedSegment, a_name_that_nobody_created_cannot_be_opened) {
  EXPECT_EQ(code_of([] { return Segment::open(support::unique_name("missing")); }), Errc::no_such_segment);
}

TEST(NamedSegment, impossible_names_are_refused_by_every_call) {
  for (const std::string& name :
       {std::string(), std::string("a/b"), std::string("/a"), std::string(".hidden"), std::string("."),
        std::string(".."), std::string(201, 'x'), std::string("zero\0byte", 9)}) {
    EXPECT_EQ(code_of([&] { return Segment::create(name, 100); }), Errc::bad_name) << name;
    EXPECT_EQ(code_of([&] { return Segment::open(name); }), Errc::bad_name) << name;
    EXPECT_EQ(code_of([&] { return Segment::open_or_create(name, 100); }), Errc::bad_name) << name;
    EXPECT_EQ(code_of([&] { return Segment::remove(name); }), Errc::bad_name) << name;
  }
}

TEST(NamedSegment, a_name_of_200_characters_is_not_too_long) {
  std::string name = support::unique_name("long");
  name.resize(200, 'x');
  EXPECT_EQ(Segment::create(name, 100).name(), name);
  EXPECT_TRUE(Segment::remove(name));
}

TEST(NamedSegment, impossible_sizes_are_refused) {
  const Name name;
  EXPECT_EQ(code_of([&] { return Segment::create(name, 0); }), Errc::bad_size);
  EXPECT_EQ(code_of([&] { return Segment::create(name, ~std::size_t{0}); }), Errc::bad_size);
  EXPECT_EQ(code_of([&] { return Segment::anonymous(0); }), Errc::bad_size);
  for (const std::size_t participants : {std::size_t{0}, std::size_t{16'385}, ~std::size_t{0}}) {
    SegmentOptions options;
    options.participants = participants;
    EXPECT_EQ(code_of([&] { return Segment::create(name, 100, options); }), Errc::bad_size) << participants;
  }
  EXPECT_FALSE(name.exists());
}

TEST(NamedSegment, the_list_has_it_from_creation_to_removal) {
  const Name name;
  EXPECT_THAT(Segment::list(), testing::Not(testing::Contains(name.text())));
  const Segment segment = Segment::create(name, 100);
  EXPECT_THAT(Segment::list(), testing::Contains(name.text()));
  Segment::remove(name);
  EXPECT_THAT(Segment::list(), testing::Not(testing::Contains(name.text())));
}

TEST(NamedSegment, only_its_user_may_open_it_unless_asked_otherwise_and_whatever_the_umask) {
  for (const mode_t mask : {0000u, 0022u, 0777u}) {
    const mode_t before = umask(mask);
    const Name own("own");
    const Name open_to_all("open");
    SegmentOptions options;
    options.mode = 0666;
    const Segment mine = Segment::create(own, 100);
    const Segment everybodys = Segment::create(open_to_all, 100, options);
    umask(before);
    struct stat about {};
    ASSERT_EQ(stat(own.path().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 07777, 0600u);
    ASSERT_EQ(stat(open_to_all.path().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 07777, 0666u);
  }
}

TEST(NamedSegment, removed_it_stays_for_its_users_and_a_new_one_is_another) {
  const Name name;
  const Segment old = Segment::create(name, 100);
  *static_cast<int*>(old.data()) = 1;
  EXPECT_FALSE(old.removed());
  EXPECT_TRUE(Segment::remove(name));
  EXPECT_TRUE(old.removed());
  EXPECT_EQ(*static_cast<int*>(old.data()), 1);
  EXPECT_EQ(code_of([&] { return Segment::open(name); }), Errc::no_such_segment);
  const Segment fresh = Segment::create(name, 100);
  EXPECT_EQ(*static_cast<int*>(fresh.data()), 0);
  EXPECT_FALSE(fresh.removed());
}

TEST(NamedSegment, removing_what_is_not_there_says_so) {
  const Name name;
  EXPECT_FALSE(Segment::remove(name));
  const Segment segment = Segment::create(name, 100);
  EXPECT_TRUE(Segment::remove(name));
  EXPECT_FALSE(Segment::remove(name));
}

TEST(NamedSegment, what_is_in_the_way_can_be_removed_even_if_it_is_no_segment) {
  const Name name;
  support::write_file(name.path(), "something else");
  EXPECT_TRUE(Segment::remove(name));
  EXPECT_FALSE(name.exists());
}

TEST(NamedSegment, the_type_must_be_the_creators) {
  const Name name;
  SegmentOptions options;
  options.type = 77;
  const Segment segment = Segment::create(name, 100, options);
  const auto open_as = [&](std::uint64_t type) { return code_of([&] { return Segment::open(name, type); }); };
  EXPECT_EQ(open_as(77), std::nullopt);
  EXPECT_EQ(open_as(78), Errc::other_type);
  EXPECT_EQ(open_as(0), Errc::other_type);
  EXPECT_EQ(support::ProcessParty([&] { return open_as(78) == Errc::other_type; }).leave(), 1);
}

TEST(NamedSegment, an_exception_while_it_is_filled_leaves_nothing) {
  const Name name;
  EXPECT_THROW(Segment::create(name, 100, {}, [](void*) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_FALSE(name.exists());
  EXPECT_EQ(Segment::create(name, 100).size(), 100u);
}

TEST(NamedSegment, a_maker_killed_while_it_fills_leaves_nothing) {
  const Name name;
  support::ProcessParty maker(
      [&name] { return Segment::create(name, 100, {}, [](void*) { raise(SIGKILL); }).size(); });
  EXPECT_EQ(maker.result(), support::kDied);
  EXPECT_FALSE(name.exists());
}

TEST(NamedSegment, it_lies_in_the_directory_that_the_environment_names) {
  char folder[] = "/dev/shm/carom-dir-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  setenv("CAROM_DIR", folder, 1);
  {
    const Name name;
    const Segment segment = Segment::create(name, 100);
    EXPECT_EQ(access((std::string(folder) + "/carom." + name.text()).c_str(), F_OK), 0);
    EXPECT_THAT(Segment::list(), testing::ElementsAre(name.text()));
    unsetenv("CAROM_DIR");
    EXPECT_EQ(code_of([&] { return Segment::open(name); }), Errc::no_such_segment);
    setenv("CAROM_DIR", folder, 1);
  }
  unsetenv("CAROM_DIR");
  EXPECT_EQ(rmdir(folder), 0);
}

TEST_F(PlantedSegment, is_not_opened_though_its_mode_would_let_everybody) {
  EXPECT_EQ(open(Trust::own()), Errc::no_permission);
  EXPECT_EQ(open(Trust::user(1)), Errc::no_permission);
  EXPECT_EQ(open_or_create({}), Errc::no_permission);
  EXPECT_EQ(open_or_create({.mode = 0666}), Errc::no_permission);
  EXPECT_EQ(code_of([this] { return Segment::create(name_, 100); }), Errc::exists);
}

TEST_F(PlantedSegment, is_refused_with_its_owner_and_what_to_write) {
  const auto error = support::error_of([this] { return Segment::open(name_); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), AllOf(HasSubstr(name_.path()), HasSubstr("belongs to user 65534"),
                                   HasSubstr("user 0"), HasSubstr("carom::Trust::user(65534)")));
}

TEST_F(PlantedSegment, is_opened_by_those_who_say_that_they_trust_its_owner) {
  EXPECT_EQ(open(Trust::user(kNobody)), std::nullopt);
  EXPECT_EQ(open(Trust::anyone()), std::nullopt);
  EXPECT_EQ(open_or_create({.mode = 0666, .trust = Trust::user(kNobody)}), std::nullopt);
  EXPECT_EQ(open_or_create({.mode = 0600, .trust = Trust::user(kNobody)}), Errc::no_permission);
  EXPECT_EQ(open_or_create({.mode = 0600, .trust = Trust::anyone()}), std::nullopt);
}

TEST_F(PlantedSegment, is_refused_also_by_those_who_have_it_open) {
  const Segment known = Segment::open(name_, 0, Trust::anyone());
  EXPECT_EQ(open(Trust::own()), Errc::no_permission);
}

TEST_F(PlantedSegment, can_be_removed) {
  EXPECT_TRUE(Segment::remove(name_));
  EXPECT_EQ(open_or_create({}), std::nullopt);
}

TEST(NamedSegment, what_root_shares_is_opened_by_others) {
  if (geteuid() != 0) GTEST_SKIP() << "takes root to become somebody else";
  const Name name;
  const Segment segment = Segment::create(name, 100, {.mode = 0666});
  ProcessParty stranger([&name] {
    if (!become_nobody()) return 1;
    if (code_of([&] { return Segment::open(name); })) return 2;
    if (code_of([&] { return Segment::open_or_create(name, 100, {.mode = 0666}); })) return 3;
    return 0;
  });
  EXPECT_EQ(stranger.leave(), 0);
}

TEST(NamedSegment, open_or_create_refuses_one_that_lets_in_more_than_it_would) {
  const Name name;
  const Segment segment = Segment::create(name, 100, {.mode = 0664});
  const auto with = [&](unsigned mode) {
    return support::error_of([&] { return Segment::open_or_create(name, 100, {.mode = mode}); });
  };
  for (const unsigned mode : {0600u, 0660u, 0604u, 0644u}) {
    ASSERT_TRUE(with(mode)) << mode;
    EXPECT_EQ(with(mode)->code(), Errc::no_permission) << mode;
  }
  EXPECT_THAT(with(0600)->what(), AllOf(HasSubstr("0664"), HasSubstr("0600"), HasSubstr("SegmentOptions")));
  for (const unsigned mode : {0664u, 0666u, 0777u}) EXPECT_FALSE(with(mode)) << mode;
  EXPECT_EQ(code_of([&] { return Segment::open(name); }), std::nullopt);
}

TEST(NamedSegment, one_with_a_second_name_is_refused_under_both) {
  const Name name;
  const Name second("second");
  ASSERT_EQ(Segment::create(name, 100).size(), 100u);
  ASSERT_EQ(link(name.path().c_str(), second.path().c_str()), 0);
  EXPECT_EQ(code_of([&] { return Segment::open(name); }), Errc::no_permission);
  EXPECT_EQ(code_of([&] { return Segment::open(second); }), Errc::no_permission);
  EXPECT_EQ(code_of([&] { return Segment::open(second, 0, Trust::anyone()); }), std::nullopt);
  ASSERT_TRUE(Segment::remove(second));
  EXPECT_EQ(code_of([&] { return Segment::open(name); }), std::nullopt);
}

TEST(NamedSegment,
     a_program_with_other_rights_than_its_callers_does_not_ask_the_environment_for_a_directory) {
  if (const char* const name = std::getenv("CAROM_TEST_PLANTED")) {  // the program itself
    if (geteuid() == getuid()) GTEST_SKIP() << "programs get no other rights here";
    EXPECT_EQ(code_of([&] { return Segment::open(name, 0, Trust::anyone()); }), Errc::no_such_segment);
    return;
  }
  if (geteuid() != 0) GTEST_SKIP() << "takes root to make such a program";
  char folder[] = "/tmp/carom-rights-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::filesystem::path program = std::filesystem::path(folder) / "program";
  std::filesystem::copy_file("/proc/self/exe", program);
  ASSERT_EQ(chmod(folder, 0755) | chmod(program.c_str(), 04755), 0);
  {
    const Folder planted;
    const Segment segment = Segment::create("planted", 100, {.mode = 0666});
    ASSERT_EQ(chmod(planted.path.c_str(), 0755), 0);
    support::Forked caller([&] {
      const auto* const info = testing::UnitTest::GetInstance()->current_test_info();
      const std::string filter =
          std::string("--gtest_filter=") + info->test_suite_name() + "." + info->name();
      setenv("CAROM_TEST_PLANTED", "planted", 1);
      unsetenv("GTEST_OUTPUT");
      if (become_nobody()) execl(program.c_str(), program.c_str(), filter.c_str(), nullptr);
      _exit(99);
    });
    EXPECT_EQ(caller.wait(), 0);
  }
  std::filesystem::remove_all(folder);
}

TEST(NamedSegment, it_knows_that_its_name_is_gone_whoever_took_it) {
  const Name name;
  const Segment mine = Segment::create(name, 100);
  EXPECT_FALSE(mine.removed());
  ASSERT_EQ(unlink(name.path().c_str()), 0);
  EXPECT_TRUE(mine.removed());
  ProcessParty other([&name] { return Segment::create(name, 100).removed(); });
  EXPECT_EQ(other.leave(), 0);
  EXPECT_TRUE(mine.removed());
  EXPECT_FALSE(Segment::anonymous(100).removed());
}

TEST(NamedSegment, a_change_of_directory_takes_no_name_away) {
  const std::filesystem::path before = std::filesystem::current_path();
  const Folder folder;
  std::filesystem::current_path(folder.path);
  setenv("CAROM_DIR", ".", 1);
  const Segment segment = Segment::create("here", 100);
  std::filesystem::current_path("/");
  EXPECT_FALSE(segment.removed());
  std::filesystem::current_path(before);
}

TEST(NamedSegment, who_opens_the_name_anew_is_told_of_the_older_one_it_still_has) {
  const Name name;
  std::optional<Segment> old = Segment::open_or_create(name, 100);
  const Segment same = Segment::open(name);
  EXPECT_FALSE(old->replaced());
  EXPECT_FALSE(same.replaced());
  ASSERT_EQ(unlink(name.path().c_str()), 0);
  const Segment fresh = Segment::open_or_create(name, 100);
  const Segment again = Segment::open(name);
  const Name elsewhere("elsewhere");
  EXPECT_TRUE(fresh.replaced());
  EXPECT_TRUE(again.replaced());
  EXPECT_FALSE(old->replaced()) << "it is the older one";
  EXPECT_FALSE(same.replaced());
  EXPECT_FALSE(Segment::create(elsewhere, 100).replaced());
  EXPECT_FALSE(Segment::anonymous(100).replaced());
  ProcessParty child([&fresh] { return fresh.replaced(); });
  EXPECT_EQ(child.leave(), 1) << "children have what their parent has open";
  Segment moved = std::move(*old);
  EXPECT_TRUE(fresh.replaced());
  old.reset();
  EXPECT_TRUE(fresh.replaced());
  { const Segment closed = std::move(moved); }
  EXPECT_TRUE(fresh.replaced()) << "the second handle is still open";
}

TEST(NamedSegment, once_the_older_one_is_closed_a_new_one_replaces_nothing) {
  const Name name;
  std::optional<Segment> old = Segment::create(name, 100);
  ASSERT_TRUE(Segment::remove(name));
  const Segment fresh = Segment::create(name, 100);
  EXPECT_TRUE(fresh.replaced());
  old.reset();
  EXPECT_FALSE(fresh.replaced());
}

TEST(NamedSegment, open_or_create_refuses_one_of_another_size_and_says_both) {
  const Name name;
  const auto ask = [&](std::size_t bytes) {
    return support::error_of([&] { return Segment::open_or_create(name, bytes); });
  };
  {
    const Segment segment = Segment::create(name, 1000);
    EXPECT_FALSE(ask(1000));
    EXPECT_EQ(ask(1001)->code(), Errc::bad_size);  // of what this process has open
  }
  for (const std::size_t bytes : {std::size_t{999}, std::size_t{1} << 23}) {
    const auto error = ask(bytes);
    ASSERT_TRUE(error) << bytes;
    EXPECT_EQ(error->code(), Errc::bad_size);
    EXPECT_THAT(error->what(),
                AllOf(HasSubstr("1000"), HasSubstr(std::to_string(bytes)), HasSubstr("remove")));
  }
  EXPECT_EQ(Segment::open(name).size(), 1000u);
}
