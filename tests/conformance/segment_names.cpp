// Named segments: made once, found by name, taken away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "carom/carom.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"
#include "support/segments.hpp"

using carom::Errc;
using carom::Segment;
using carom::SegmentOptions;
using support::code_of;
using support::Name;

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
