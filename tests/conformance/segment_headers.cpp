// What open() does with a file that is not what it should be: everything in it is checked before anything in
// it is believed.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <random>

#include "carom/carom.hpp"
#include "memory/layout.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"
#include "support/segments.hpp"

using carom::Errc;
using carom::Segment;
using carom::memory::SegmentHeader;
using support::overwrite;

namespace {

/// A segment made by another process, so that opening it reads the file and not this process's notes.
class ForeignSegment : public testing::Test {
 protected:
  void SetUp() override {
    support::ProcessParty maker([this] { return Segment::create(name_, 100).size(); });
    ASSERT_EQ(maker.leave(), 100);
  }
  std::optional<Errc> open() {
    const auto error = support::error_of([this] { return Segment::open(name_); });
    if (!error) return std::nullopt;
    EXPECT_NE(std::string(error->what()).find(name_.text()), std::string::npos) << error->what();
    return error->code();
  }

  template <class Field>
  void expect_corrupted(std::size_t offset, std::initializer_list<Field> values) {
    Field sound{};
    const int fd = ::open(name_.path().c_str(), O_RDONLY);
    ASSERT_EQ(pread(fd, &sound, sizeof sound, static_cast<off_t>(offset)),
              static_cast<ssize_t>(sizeof sound));
    close(fd);
    for (const Field value : values) {
      ASSERT_NE(value, sound);
      overwrite(name_.path(), offset, value);
      EXPECT_EQ(open(), Errc::corrupted) << value << " at offset " << offset;
    }
    overwrite(name_.path(), offset, sound);
    EXPECT_EQ(open(), std::nullopt);
  }

  const support::Name name_;
};

using SegmentHeaders = ForeignSegment;
using NotASegment = ForeignSegment;

}  // namespace

TEST_F(SegmentHeaders, a_sound_one_is_opened) {
  EXPECT_EQ(open(), std::nullopt);
}

TEST_F(SegmentHeaders, another_layout_version_is_refused) {
  for (const std::uint32_t version : {0u, carom::memory::kLayoutVersion + 1, ~0u}) {
    overwrite(name_.path(), offsetof(SegmentHeader, layout_version), version);
    EXPECT_EQ(open(), Errc::other_version) << version;
  }
}

TEST_F(SegmentHeaders, another_layout_fingerprint_is_refused) {
  overwrite(name_.path(), offsetof(SegmentHeader, layout_fingerprint), carom::memory::fingerprint() + 1);
  EXPECT_EQ(open(), Errc::other_version);
}

TEST_F(SegmentHeaders, another_magic_is_no_segment) {
  overwrite(name_.path(), offsetof(SegmentHeader, magic), carom::memory::kMagic + 1);
  EXPECT_EQ(open(), Errc::not_a_segment);
}

TEST_F(SegmentHeaders, an_impossible_capacity_is_refused) {
  expect_corrupted<std::uint32_t>(offsetof(SegmentHeader, capacity),
                                  {0, 1, 3, 1023, 2048, 16'384, 32'768, 1u << 31, ~0u});
}

TEST_F(SegmentHeaders, impossible_sizes_are_refused) {
  expect_corrupted<std::uint64_t>(offsetof(SegmentHeader, total_bytes),
                                  {0, 1, 4096, 1u << 20, std::uint64_t{1} << 40, ~std::uint64_t{0}});
  expect_corrupted<std::uint64_t>(offsetof(SegmentHeader, data_offset),
                                  {0, 4096, 1u << 20, std::uint64_t{1} << 40, ~std::uint64_t{0}});
  expect_corrupted<std::uint64_t>(
      offsetof(SegmentHeader, data_bytes),
      {0, 1u << 20, std::uint64_t{1} << 40, ~std::uint64_t{0}, ~std::uint64_t{0} - 4095});
}

TEST_F(SegmentHeaders, one_that_was_never_finished_is_refused) {
  expect_corrupted<std::uint32_t>(offsetof(SegmentHeader, ready), {0, 1, ~0u});
}

TEST_F(SegmentHeaders, no_overwritten_byte_of_a_header_makes_open_do_worse_than_refuse) {
  for (std::size_t offset = 0; offset < sizeof(SegmentHeader); ++offset) {
    for (const std::uint8_t byte : std::initializer_list<std::uint8_t>{0x00, 0x01, 0x7f, 0x80, 0xff}) {
      unsigned char sound = 0;
      const int fd = ::open(name_.path().c_str(), O_RDONLY);
      ASSERT_EQ(pread(fd, &sound, 1, static_cast<off_t>(offset)), 1);
      close(fd);
      overwrite(name_.path(), offset, byte);
      support::ProcessParty opener([this] {
        if (support::code_of([this] { return Segment::open(name_); })) return;
        const Segment segment = Segment::open(name_);
        segment.join();
        segment.participants();
      });
      EXPECT_EQ(opener.leave(), 0);
      overwrite(name_.path(), offset, sound);
    }
  }
}

TEST_F(SegmentHeaders, one_shorter_than_it_says_is_truncated) {
  for (const off_t bytes : {off_t{100}, off_t{4095}, off_t{4096}, off_t{8192}}) {
    ASSERT_EQ(truncate(name_.path().c_str(), bytes), 0);
    EXPECT_EQ(open(), Errc::truncated) << bytes;
    ASSERT_TRUE(Segment::remove(name_));
    SetUp();
  }
}

TEST_F(SegmentHeaders, one_whose_length_changes_while_it_is_opened_is_refused_or_mapped_whole) {
  ASSERT_TRUE(Segment::remove(name_));
  constexpr std::size_t kBytes = 1 << 20;
  support::ProcessParty maker([this] { return Segment::create(name_, kBytes).size(); });
  ASSERT_EQ(maker.leave(), static_cast<int>(kBytes));
  const auto whole = static_cast<off_t>(std::filesystem::file_size(name_.path()));
  const support::Forked changer([&] {
    for (;;) {
      if (truncate(name_.path().c_str(), 4096) != 0 || truncate(name_.path().c_str(), whole) != 0) _exit(1);
    }
  });
  support::ProcessParty opener([this] {
    int opened = 0;
    for (int i = 0; i < 20'000; ++i) {
      try {
        const Segment segment = Segment::open(name_);
        const auto last = reinterpret_cast<std::uintptr_t>(segment.data()) + kBytes - 1;
        unsigned char resident = 0;
        if (mincore(reinterpret_cast<void*>(last & ~std::uintptr_t{4095}), 1, &resident) != 0) return -1;
        ++opened;
      } catch (const carom::Error& error) {
        if (error.code() != Errc::truncated) return -2;
      }
    }
    return opened;
  });
  EXPECT_GE(opener.leave(), 0);
}

TEST_F(NotASegment, an_empty_file) {
  support::write_file(name_.path(), "");
  EXPECT_EQ(open(), Errc::not_a_segment);
}

TEST_F(NotASegment, a_short_file_of_something_else) {
  support::write_file(name_.path(), "Dear diary, today I opened a segment.");
  EXPECT_EQ(open(), Errc::not_a_segment);
}

TEST_F(NotASegment, random_bytes) {
  std::mt19937 random(20261122);
  std::string bytes(200'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  support::write_file(name_.path(), bytes);
  EXPECT_EQ(open(), Errc::not_a_segment);
}

TEST_F(NotASegment, zeros) {
  support::write_file(name_.path(), std::string(200'000, '\0'));
  EXPECT_EQ(open(), Errc::not_a_segment);
}

TEST_F(NotASegment, a_directory) {
  ASSERT_TRUE(Segment::remove(name_));
  ASSERT_EQ(mkdir(name_.path().c_str(), 0700), 0);
  EXPECT_EQ(open(), Errc::not_a_segment);
  EXPECT_EQ(support::code_of([this] { return Segment::open_or_create(name_, 100); }), Errc::not_a_segment);
  EXPECT_EQ(support::code_of([this] { return Segment::create(name_, 100); }), Errc::exists);
}

TEST_F(NotASegment, a_symbolic_link_even_to_a_segment) {
  const support::Name link("link");
  ASSERT_EQ(symlink(name_.path().c_str(), link.path().c_str()), 0);
  EXPECT_EQ(support::code_of([&] { return Segment::open(link); }), Errc::not_a_segment);
}

TEST_F(NotASegment, a_pipe) {
  ASSERT_TRUE(Segment::remove(name_));
  ASSERT_EQ(mkfifo(name_.path().c_str(), 0600), 0);
  EXPECT_EQ(open(), Errc::not_a_segment);
}
