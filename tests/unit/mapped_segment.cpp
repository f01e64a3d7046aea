// Which segments are mapped here, where, and for how long.
#include "memory/mapped_segment.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "carom/lock.hpp"
#include "carom/segment.hpp"
#include "support/party.hpp"
#include "support/segments.hpp"

using carom::Segment;
using carom::memory::MappedSegment;
using support::Name;
using support::ThreadParty;

namespace {

/// Whether the kernel has anything mapped at the address.
bool is_mapped(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx", &begin, &end) == 2 && at >= begin && at < end) return true;
  }
  return false;
}

}  // namespace

TEST(MappedSegment, opened_twice_it_is_one_mapping) {
  const Name name;
  const Segment first = Segment::create(name, 100);
  const Segment second = Segment::open(name);
  EXPECT_EQ(first.data(), second.data());
}

TEST(MappedSegment, it_is_found_by_its_base_and_by_any_address_in_it) {
  const Segment segment = Segment::anonymous(10'000);
  auto* const begin = static_cast<std::byte*>(segment.data());
  MappedSegment* const mapped = MappedSegment::containing(begin);
  ASSERT_NE(mapped, nullptr);
  EXPECT_EQ(MappedSegment::at(&mapped->header()), mapped);
  EXPECT_EQ(MappedSegment::containing(begin + 9'999), mapped);
  EXPECT_EQ(MappedSegment::containing(&mapped->header()), mapped);
  EXPECT_EQ(MappedSegment::at(begin), nullptr);
  int local = 0;
  EXPECT_EQ(MappedSegment::containing(&local), nullptr);
  EXPECT_EQ(MappedSegment::containing(nullptr), nullptr);
  EXPECT_EQ(MappedSegment::at(nullptr), nullptr);
}

TEST(MappedSegment, its_neighbour_in_memory_is_not_it) {
  const Segment one = Segment::anonymous(100);
  const Segment other = Segment::anonymous(100);
  MappedSegment* const mapped = MappedSegment::containing(one.data());
  ASSERT_NE(mapped, nullptr);
  EXPECT_NE(mapped, MappedSegment::containing(other.data()));
  const auto* const base = reinterpret_cast<const std::byte*>(&mapped->header());
  EXPECT_NE(MappedSegment::containing(base + mapped->facts().mapped_bytes), mapped);
  EXPECT_NE(MappedSegment::containing(base - 1), mapped);
}

TEST(MappedSegment, it_is_unmapped_with_its_last_handle) {
  const Name name;
  std::optional<Segment> first(Segment::create(name, 100));
  std::optional<Segment> second(Segment::open(name));
  void* const data = first->data();
  first.reset();
  EXPECT_TRUE(is_mapped(data));
  second.reset();
  EXPECT_FALSE(is_mapped(data));
  EXPECT_EQ(MappedSegment::containing(data), nullptr);
}

TEST(MappedSegment, the_seat_of_the_closing_thread_goes_with_the_last_handle) {
  void* data = nullptr;
  {
    const Segment segment = Segment::anonymous(100);
    data = segment.data();
    segment.join();
  }
  EXPECT_FALSE(is_mapped(data));
}

TEST(MappedSegment, it_stays_while_another_thread_has_a_seat_in_it) {
  std::optional<Segment> segment(Segment::anonymous(100));
  void* const data = segment->data();
  ThreadParty sitter([&segment] { return segment->join().id != 0; });
  EXPECT_EQ(sitter.result(), 1);
  segment.reset();
  EXPECT_TRUE(is_mapped(data));
  sitter.die();
  const Segment next = Segment::anonymous(100);
  next.join();  // what is kept for nobody is let go of when somebody next takes a seat
  EXPECT_FALSE(is_mapped(data));
}

TEST(MappedSegment, opened_again_while_a_thread_has_a_seat_it_is_the_same_mapping) {
  const Name name;
  std::optional<Segment> segment(Segment::create(name, 100));
  void* const data = segment->data();
  ThreadParty sitter([&segment] { return segment->join().id != 0; });
  EXPECT_EQ(sitter.result(), 1);
  segment.reset();
  segment.emplace(Segment::open(name));
  EXPECT_EQ(segment->data(), data) << "one file, one mapping: or the thread has two seats in one segment";
  sitter.die();
}

TEST(MappedSegment, moved_and_swapped_handles_close_once) {
  Segment one = Segment::anonymous(100);
  Segment other = Segment::anonymous(200);
  void* const data = one.data();
  std::swap(one, other);
  EXPECT_EQ(other.data(), data);
  EXPECT_EQ(one.size(), 200u);
  {
    const Segment taken(std::move(other));
    EXPECT_EQ(taken.data(), data);
  }
  EXPECT_FALSE(is_mapped(data));
  other = Segment::anonymous(300);
  EXPECT_EQ(other.size(), 300u);
}

TEST(MappedSegment, a_forked_child_closes_what_it_inherits_without_harm_to_its_parent) {
  std::optional<Segment> segment(Segment::anonymous(100));
  void* const data = segment->data();
  segment->join();
  support::ProcessParty child([&] {
    segment.reset();
    return is_mapped(data);
  });
  EXPECT_EQ(child.leave(), 0);
  EXPECT_TRUE(is_mapped(data));
  EXPECT_EQ(segment->participants().size(), 1u);
}

TEST(MappedSegment, making_and_closing_many_leaves_nothing_mapped) {
  const auto count_mappings = [] {
    std::ifstream maps("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(maps, line);)
      count += line.find("carom") != std::string::npos ? 1 : 0;
    return count;
  };
  const int before = count_mappings();
  for (int i = 0; i < 300; ++i) {
    const Segment one = Segment::anonymous(100);
    const Segment other = Segment::anonymous(100);
    one.join();
    other.join();
  }
  EXPECT_EQ(count_mappings(), before);
}
