#include "carom/segment.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>
#include <utility>

#include "carom/detail/seat.hpp"
#include "carom/detail/step.hpp"
#include "carom/error.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/seat.hpp"
#include "platform/shared_file.hpp"

namespace carom {

using namespace memory;

namespace {

constexpr std::size_t kMaxNameLength = 200;
constexpr std::string_view kFilePrefix = "carom.";  // names in /dev/shm are for everybody: say whose this is
constexpr std::size_t kMaxDataBytes = std::size_t{1} << 41;

std::string directory() {
  const char* chosen = std::getenv("CAROM_DIR");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/dev/shm";
}

std::string path_of(const std::string& name) {
  return directory() + "/" + std::string(kFilePrefix) + name;
}

std::string quoted(const std::string& name) {
  return "segment '" + name + "'";
}

void check_name(const std::string& name) {
  const auto refuse = [&](const char* why) { throw Error(Errc::bad_name, quoted(name), why); };
  if (name.empty()) refuse("the name is empty");
  if (name.size() > kMaxNameLength) refuse("the name is longer than 200 characters");
  if (name.find('/') != std::string::npos) refuse("the name has a slash; names are plain words, not paths");
  if (name.find('\0') != std::string::npos) refuse("the name has a zero byte");
  if (name.front() == '.') refuse("the name begins with a dot");
}

struct Plan {
  std::uint32_t capacity;
  std::size_t data_bytes;
  Extent extent;
};

Plan plan(const std::string& object, std::size_t bytes, const SegmentOptions& options) {
  if (bytes == 0 || bytes > kMaxDataBytes) {
    throw Error(Errc::bad_size, object, std::to_string(bytes) + " bytes is not between 1 and 2^41");
  }
  if (options.participants == 0 || options.participants > kMaxParticipants) {
    throw Error(Errc::bad_size, object,
                std::to_string(options.participants) + " participants is not between 1 and 16384");
  }
  Plan p;
  // At least two: ids must leave one bit for the slot.
  p.capacity = std::bit_ceil(std::max<std::uint32_t>(2, static_cast<std::uint32_t>(options.participants)));
  p.data_bytes = bytes;
  p.extent = Extent::of(p.capacity, bytes, platform::page_bytes());
  return p;
}

/// Maps a new file, which is all zeros, and makes a segment of it.
MappedSegment& furnish(const platform::File& file, const std::string& object, const Plan& plan,
                       const SegmentOptions& options, const Segment::Fill& fill) {
  void* const base = platform::map(file, plan.extent.total_bytes, object);
  auto* const header = ::new (base) SegmentHeader{};
  header->magic = kMagic;
  header->layout_version = kLayoutVersion;
  header->layout_fingerprint = fingerprint();
  header->total_bytes = plan.extent.total_bytes;
  header->data_offset = plan.extent.data_offset;
  header->data_bytes = plan.data_bytes;
  header->life_offset = plan.extent.life_offset;
  header->type_fingerprint = options.type;
  header->capacity = plan.capacity;
  MappedSegment& mapped =
      MappedSegment::add(*header, {file.identity(), plan.extent.total_bytes, plan.extent.data_offset,
                                   plan.data_bytes, plan.extent.life_offset, plan.capacity});
  try {
    if (fill) fill(mapped.data());
  } catch (...) {
    leave_seat(mapped);
    mapped.close_handle();
    throw;
  }
  CAROM_STEP(segment_filled);
  header->ready.store(kReady, std::memory_order_release);
  return mapped;
}

/// Checks what the file says of itself against the file and against this build; returns what may be relied
/// on.
MappedSegment::Facts check_header(const SegmentHeader& header, const platform::File& file,
                                  const std::string& object) {
  const std::size_t file_bytes = file.size();
  if (header.magic != kMagic) throw Error(Errc::not_a_segment, object, "the file is not a carom segment");
  if (file_bytes < kHeaderBytes) {
    throw Error(Errc::truncated, object,
                "has " + std::to_string(file_bytes) + " bytes, less than its header");
  }
  if (header.layout_version != kLayoutVersion || header.layout_fingerprint != fingerprint()) {
    throw Error(Errc::other_version, object,
                "made by a carom with shared layout " + std::to_string(header.layout_version) +
                    " (fingerprint " + std::to_string(header.layout_fingerprint) + "), this one has " +
                    std::to_string(kLayoutVersion) + " (" + std::to_string(fingerprint()) +
                    "); use one version, or remove the segment");
  }
  if (header.ready.load(std::memory_order_acquire) != kReady) {
    throw Error(Errc::corrupted, object, "its header was never finished");
  }
  const std::uint32_t capacity = header.capacity;
  const bool capacity_ok = capacity >= 2 && capacity <= kMaxParticipants && std::has_single_bit(capacity);
  const std::size_t data_bytes = header.data_bytes;
  const bool sizes_ok = capacity_ok && data_bytes != 0 && data_bytes <= kMaxDataBytes;
  const Extent extent = sizes_ok ? Extent::of(capacity, data_bytes, platform::page_bytes()) : Extent{};
  if (!sizes_ok || header.data_offset != extent.data_offset || header.life_offset != extent.life_offset ||
      header.total_bytes != extent.total_bytes) {
    throw Error(Errc::corrupted, object, "the sizes in its header contradict each other");
  }
  if (header.total_bytes > file_bytes) {
    throw Error(Errc::truncated, object,
                "has " + std::to_string(file_bytes) + " bytes of the " + std::to_string(header.total_bytes) +
                    " it was made with");
  }
  return {file.identity(), file_bytes, extent.data_offset, data_bytes, extent.life_offset, capacity};
}

void check_type(const SegmentHeader& header, std::uint64_t type, const std::string& object) {
  if (type == header.type_fingerprint) return;
  throw Error(Errc::other_type, object, "holds another type, or another version of it");
}

MappedSegment* try_open(const std::string& name, std::uint64_t type) {
  const std::string object = quoted(name);
  platform::File file;
  if (!platform::open_published(path_of(name), object, file)) return nullptr;
  const MappedSegment::Opening alone;
  if (MappedSegment* const mapped = MappedSegment::reopen(file.identity())) {
    try {
      check_type(mapped->header(), type, object);
    } catch (...) {
      mapped->close_handle();
      throw;
    }
    return mapped;
  }
  const std::size_t bytes = file.size();
  if (bytes < sizeof(SegmentHeader::magic))
    throw Error(Errc::not_a_segment, object, "the file is not a carom segment");
  void* const base = platform::map(file, bytes, object);
  auto* const header = static_cast<SegmentHeader*>(base);
  try {
    const MappedSegment::Facts facts = check_header(*header, file, object);
    check_type(*header, type, object);
    return &MappedSegment::add(*header, facts);
  } catch (...) {
    platform::unmap(base, bytes);
    throw;
  }
}

MappedSegment* try_create(const std::string& name, std::size_t bytes, const SegmentOptions& options,
                          const Segment::Fill& fill) {
  const std::string object = quoted(name);
  const Plan p = plan(object, bytes, options);
  const platform::File file =
      platform::make_unpublished_file(directory(), p.extent.total_bytes, options.mode, object);
  MappedSegment& mapped = furnish(file, object, p, options, fill);
  try {
    if (platform::publish(file, path_of(name), object)) {
      CAROM_STEP(segment_published);
      return &mapped;
    }
  } catch (...) {
    leave_seat(mapped);
    mapped.close_handle();
    throw;
  }
  leave_seat(mapped);
  mapped.close_handle();
  return nullptr;
}

}  // namespace

Segment Segment::anonymous(std::size_t bytes, const SegmentOptions& options, const Fill& fill) {
  const std::string object = "anonymous segment";
  const Plan p = plan(object, bytes, options);
  const platform::File file = platform::make_anonymous_file(p.extent.total_bytes);
  return Segment(furnish(file, object, p, options, fill), "");
}

Segment Segment::create(const std::string& name, std::size_t bytes, const SegmentOptions& options,
                        const Fill& fill) {
  check_name(name);
  MappedSegment* const made = try_create(name, bytes, options, fill);
  if (made == nullptr) throw Error(Errc::exists, quoted(name), "exists already");
  return Segment(*made, name);
}

Segment Segment::open(const std::string& name, std::uint64_t type) {
  check_name(name);
  MappedSegment* const opened = try_open(name, type);
  if (opened == nullptr) {
    throw Error(Errc::no_such_segment, quoted(name), "does not exist (looked in " + directory() + ")");
  }
  return Segment(*opened, name);
}

Segment Segment::open_or_create(const std::string& name, std::size_t bytes, const SegmentOptions& options,
                                const Fill& fill) {
  check_name(name);
  for (;;) {  // ends unless somebody removes and creates the name for ever
    if (MappedSegment* const opened = try_open(name, options.type)) return Segment(*opened, name);
    if (MappedSegment* const made = try_create(name, bytes, options, fill)) return Segment(*made, name);
  }
}

bool Segment::remove(const std::string& name) {
  check_name(name);
  const std::string object = quoted(name);
  platform::File file;
  try {
    if (!platform::open_published(path_of(name), object, file)) return false;
  } catch (const Error&) {  // not ours to read, but the name may still be ours to remove
  }
  if (!platform::unpublish(path_of(name), object)) return false;
  // Those who have it open learn of it from the header, if there is memory left to write it by.
  if (file.descriptor() < 0 || file.size() < kHeaderBytes) return true;
  try {
    auto* const header = static_cast<SegmentHeader*>(platform::map(file, kHeaderBytes, object));
    if (header->magic == kMagic && header->layout_version == kLayoutVersion) {
      header->removed.store(1, std::memory_order_relaxed);
    }
    platform::unmap(header, kHeaderBytes);
  } catch (const Error&) {
  }
  return true;
}

std::vector<std::string> Segment::list() {
  std::vector<std::string> names;
  std::error_code ignored;  // no directory: no segments
  for (const auto& entry : std::filesystem::directory_iterator(directory(), ignored)) {
    const std::string file = entry.path().filename().string();
    if (file.starts_with(kFilePrefix)) names.push_back(file.substr(kFilePrefix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Segment::Segment(MappedSegment& mapped, std::string name) noexcept
    : mapped_(&mapped), name_(std::move(name)) {}

Segment::Segment(Segment&& other) noexcept
    : mapped_(std::exchange(other.mapped_, nullptr)), name_(std::move(other.name_)) {}

Segment& Segment::operator=(Segment&& other) noexcept {
  std::swap(mapped_, other.mapped_);
  std::swap(name_, other.name_);
  return *this;
}

Segment::~Segment() {
  if (mapped_ == nullptr) return;
  if (mapped_->last_handle()) leave_seat(*mapped_);
  mapped_->close_handle();
  clear_away_seats();
}

void* Segment::data() const noexcept {
  return mapped_->data();
}

std::size_t Segment::size() const noexcept {
  return mapped_->facts().data_bytes;
}

bool Segment::removed() const noexcept {
  return mapped_->header().removed.load(std::memory_order_relaxed) != 0;
}

Participant Segment::join() const {
  return mapped_->roster().about(detail::seat_in(&mapped_->header()));
}

void Segment::leave() const noexcept {
  leave_seat(*mapped_);
}

std::vector<Participant> Segment::participants() const {
  return mapped_->roster().living();
}

std::uint64_t Segment::takeovers() const noexcept {
  return mapped_->header().takeovers.load(std::memory_order_relaxed);
}

}  // namespace carom
