#include "carom/segment.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <new>
#include <optional>
#include <utility>

#include "carom/detail/seat.hpp"
#include "carom/detail/step.hpp"
#include "carom/error.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/seat.hpp"
#include "platform/cancellation.hpp"
#include "platform/shared_file.hpp"

namespace carom {

using namespace memory;

namespace {

constexpr std::size_t kMaxNameLength = 200;
constexpr std::string_view kFilePrefix = "carom.";  // names in /dev/shm are for everybody: say whose this is
constexpr std::size_t kMaxDataBytes = std::size_t{1} << 41;

std::string directory() {
  const char* chosen =
      secure_getenv("CAROM_DIR");  // not where it would lend the caller somebody else's rights
  return chosen != nullptr && *chosen != '\0' ? chosen : "/dev/shm";
}

/// From the root, so that it means the same after a change of the working directory.
std::string path_of(const std::string& name) {
  const std::string path = directory() + "/" + std::string(kFilePrefix) + name;
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  return error ? path : whole.string();
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

/// The life words' pages are left out: each is there once a thread has joined that needs it (platform/robust_list.hpp).
platform::Reserve reserved(const Extent& extent) {
  return {extent.life_offset};
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

/// What a caller says of the segment that it wants to open.
struct Wanted {
  std::uint64_t type;
  Trust trust;
  std::optional<unsigned> mode = {};           // at most these rights for others
  std::optional<std::size_t> data_bytes = {};  // exactly this size
};

std::string octal(unsigned mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

/// Refuses a file that others than those the caller trusts have made, may write, or have a name of.
void check_trust(const platform::FileFacts& file, const std::string& path, const Wanted& wanted,
                 const std::string& object) {
  if (wanted.trust == Trust::anyone()) return;
  const auto refuse = [&](const std::string& why) { throw Error(Errc::no_permission, object, why); };
  const std::uint32_t self = platform::effective_user();
  if (!wanted.trust.includes(file.owner, self)) {
    const std::string owner = std::to_string(file.owner);
    std::string trusted = "user " + std::to_string(self) + " (its own)";
    if (self != 0) trusted += ", root";
    if (wanted.trust.named()) trusted += ", user " + std::to_string(*wanted.trust.named());
    refuse(path + " belongs to user " + owner + ", and this process trusts only " + trusted +
           "; to trust that user, pass carom::Trust::user(" + owner + ")");
  }
  if (file.links != 1) {
    refuse(path + " is one of " + std::to_string(file.links) +
           " names (hard links) of its file, and a segment has one; remove the others, or pass "
           "carom::Trust::anyone()");
  }
  constexpr unsigned kOthers = 0077;
  if (wanted.mode && (file.mode & kOthers & ~*wanted.mode) != 0) {
    refuse(path + ", of user " + std::to_string(file.owner) + ", has mode " + octal(file.mode) +
           ", which lets in more than the mode asked for, " + octal(*wanted.mode) + "; ask for mode " +
           octal(file.mode & 0777) +
           " in SegmentOptions, remove the segment, or pass carom::Trust::anyone()");
  }
}

/// The header, read once, so that what is checked is what is used.
void read_header(const platform::File& file, SegmentHeader& copy, const std::string& object) {
  const std::size_t bytes = platform::read_start(file, &copy, sizeof copy, object);
  if (bytes < sizeof copy.magic || copy.magic != kMagic) {
    throw Error(Errc::not_a_segment, object, "the file is not a carom segment");
  }
  if (bytes < sizeof copy) {
    throw Error(Errc::truncated, object, "has " + std::to_string(bytes) + " bytes, less than its header");
  }
}

void check_length(const platform::File& file, std::size_t total_bytes, const std::string& object) {
  const std::size_t file_bytes = file.about(object).size;
  if (file_bytes >= total_bytes) return;
  throw Error(Errc::truncated, object,
              "has " + std::to_string(file_bytes) + " bytes of the " + std::to_string(total_bytes) +
                  " it was made with");
}

/// Checks what a file says of itself against this build; returns what may be relied on. `header` is a private
/// copy.
MappedSegment::Facts check_header(const SegmentHeader& header, platform::FileIdentity file,
                                  const std::string& object) {
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
  return {file, header.total_bytes, extent.data_offset, data_bytes, extent.life_offset, capacity};
}

void check_wanted(std::uint64_t type, std::size_t data_bytes, const Wanted& wanted,
                  const std::string& object) {
  if (wanted.type != type) {
    throw Error(Errc::other_type, object, "holds another type, or another version of it");
  }
  if (wanted.data_bytes && *wanted.data_bytes != data_bytes) {
    throw Error(Errc::bad_size, object,
                "exists with " + std::to_string(data_bytes) + " bytes, and " +
                    std::to_string(*wanted.data_bytes) +
                    " were asked for; ask for that size, open() it whatever its size, or remove it first");
  }
}

MappedSegment* try_open(const std::string& name, const std::string& path, const Wanted& wanted) {
  const std::string object = quoted(name);
  platform::File file;
  platform::FileFacts about;
  if (!platform::open_published(path, object, file, &about)) return nullptr;
  check_trust(about, path, wanted, object);
  SegmentHeader header{};
  read_header(file, header, object);
  const MappedSegment::Opening alone;
  if (MappedSegment* const mapped = MappedSegment::reopen(file.identity())) {
    try {
      check_wanted(header.type_fingerprint, mapped->facts().data_bytes, wanted, object);
    } catch (...) {
      mapped->close_handle();
      throw;
    }
    return mapped;
  }
  const MappedSegment::Facts facts = check_header(header, file.identity(), object);
  check_wanted(header.type_fingerprint, facts.data_bytes, wanted, object);
  check_length(file, facts.mapped_bytes, object);
  void* const base = platform::map(file, facts.mapped_bytes, object);
  try {
    check_length(file, facts.mapped_bytes, object);  // what shrinks from now on, shrinks under its users
    return &MappedSegment::add(*static_cast<SegmentHeader*>(base), facts);
  } catch (...) {
    platform::unmap(base, facts.mapped_bytes);
    throw;
  }
}

MappedSegment* try_create(const std::string& name, const std::string& path, std::size_t bytes,
                          const SegmentOptions& options, const Segment::Fill& fill) {
  const std::string object = quoted(name);
  const Plan p = plan(object, bytes, options);
  const platform::File file = platform::make_unpublished_file(directory(), p.extent.total_bytes, options.mode,
                                                              object, reserved(p.extent));
  MappedSegment& mapped = furnish(file, object, p, options, fill);
  try {
    if (platform::publish(file, path, object)) {
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

// The named handles of this process, so that a new one knows of an older one of the same name. Lock-free and
// never freed, as MappedSegment's list is: a fork may find any thread anywhere in here.
struct Segment::Named {
  std::atomic<std::uint64_t> path{kFree};  // a hash of it; the rest may be read once it is there
  std::atomic<std::uint64_t> device{0};
  std::atomic<std::uint64_t> inode{0};
  std::atomic<std::uint64_t> serial{0};
  Named* next = nullptr;

  static constexpr std::uint64_t kFree = 0;
  static constexpr std::uint64_t kTaken = 1;  // being written
  static std::atomic<Named*> newest;
  static std::atomic<std::uint64_t> last_serial;

  static std::uint64_t hash(const std::string& path) noexcept { return std::hash<std::string>()(path) | 2; }

  static Named& add(const std::string& path, platform::FileIdentity file) {
    Named* entry = newest.load(std::memory_order_acquire);
    for (; entry != nullptr; entry = entry->next) {
      std::uint64_t free = kFree;
      if (entry->path.compare_exchange_strong(free, kTaken, std::memory_order_acquire)) break;
    }
    const bool made = entry == nullptr;
    if (made) entry = new Named;
    entry->device.store(file.device, std::memory_order_relaxed);
    entry->inode.store(file.inode, std::memory_order_relaxed);
    entry->serial.store(last_serial.fetch_add(1, std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    entry->path.store(hash(path), std::memory_order_release);
    if (made) {
      entry->next = newest.load(std::memory_order_relaxed);
      while (!newest.compare_exchange_weak(entry->next, entry, std::memory_order_release)) {
      }
    }
    return *entry;
  }

  /// Whether there is an older handle of the same name whose file is another.
  bool has_elder() const noexcept {
    const std::uint64_t name = path.load(std::memory_order_relaxed);
    for (const Named* n = newest.load(std::memory_order_acquire); n != nullptr; n = n->next) {
      if (n->path.load(std::memory_order_acquire) != name) continue;
      const bool other =
          n->device.load(std::memory_order_relaxed) != device.load(std::memory_order_relaxed) ||
          n->inode.load(std::memory_order_relaxed) != inode.load(std::memory_order_relaxed);
      if (other && n->serial.load(std::memory_order_relaxed) < serial.load(std::memory_order_relaxed))
        return true;
    }
    return false;
  }
};

constinit std::atomic<Segment::Named*> Segment::Named::newest{nullptr};
constinit std::atomic<std::uint64_t> Segment::Named::last_serial{0};

Segment Segment::anonymous(std::size_t bytes, const SegmentOptions& options, const Fill& fill) {
  const platform::NoCancellation whole;
  const std::string object = "anonymous segment";
  const Plan p = plan(object, bytes, options);
  const platform::File file = platform::make_anonymous_file(p.extent.total_bytes, reserved(p.extent));
  return Segment(furnish(file, object, p, options, fill));
}

Segment Segment::create(const std::string& name, std::size_t bytes, const SegmentOptions& options,
                        const Fill& fill) {
  const platform::NoCancellation whole;
  check_name(name);
  const std::string path = path_of(name);
  MappedSegment* const made = try_create(name, path, bytes, options, fill);
  if (made == nullptr) throw Error(Errc::exists, quoted(name), "exists already");
  return Segment(*made, name, path);
}

Segment Segment::open(const std::string& name, std::uint64_t type, Trust trust) {
  const platform::NoCancellation whole;
  check_name(name);
  const std::string path = path_of(name);
  MappedSegment* const opened = try_open(name, path, {.type = type, .trust = trust});
  if (opened == nullptr) {
    throw Error(Errc::no_such_segment, quoted(name), "does not exist (looked in " + directory() + ")");
  }
  return Segment(*opened, name, path);
}

Segment Segment::open_or_create(const std::string& name, std::size_t bytes, const SegmentOptions& options,
                                const Fill& fill) {
  const platform::NoCancellation whole;
  check_name(name);
  const std::string path = path_of(name);
  const Wanted wanted{
      .type = options.type, .trust = options.trust, .mode = options.mode, .data_bytes = bytes};
  for (;;) {  // ends unless somebody removes and creates the name for ever
    if (MappedSegment* const opened = try_open(name, path, wanted)) return Segment(*opened, name, path);
    if (MappedSegment* const made = try_create(name, path, bytes, options, fill))
      return Segment(*made, name, path);
  }
}

bool Segment::remove(const std::string& name) {
  const platform::NoCancellation whole;
  check_name(name);
  const std::string object = quoted(name);
  platform::File file;
  try {
    if (!platform::open_published(path_of(name), object, file)) return false;
  } catch (const Error&) {  // not ours to read, but the name may still be ours to remove
  }
  if (!platform::unpublish(path_of(name), object)) return false;
  // Those who have it open learn of it from the header. It is not mapped for that: who may write to the file may
  // shorten it at any time.
  SegmentHeader header{};
  try {
    if (file.descriptor() < 0 || platform::read_start(file, &header, sizeof header, object) < sizeof header)
      return true;
  } catch (const Error&) {
    return true;
  }
  if (header.magic == kMagic && header.layout_version == kLayoutVersion) {
    const std::uint32_t yes = 1;
    platform::overwrite(file, offsetof(SegmentHeader, removed), &yes, sizeof yes);
  }
  return true;
}

std::vector<std::string> Segment::list() {
  const platform::NoCancellation guard;  // the iterator's own functions let no exception out
  std::vector<std::string> names;
  std::error_code ignored;  // no directory: no segments
  for (const auto& entry : std::filesystem::directory_iterator(directory(), ignored)) {
    const std::string file = entry.path().filename().string();
    if (file.starts_with(kFilePrefix)) names.push_back(file.substr(kFilePrefix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Segment::Segment(MappedSegment& mapped) noexcept : mapped_(&mapped) {}

Segment::Segment(MappedSegment& mapped, const std::string& name, const std::string& path) : Segment(mapped) {
  name_ = name;  // from here on the destructor closes what is open
  path_ = path;
  named_ = &Named::add(path_, mapped.facts().file);
}

Segment::Segment(Segment&& other) noexcept
    : mapped_(std::exchange(other.mapped_, nullptr)),
      named_(std::exchange(other.named_, nullptr)),
      name_(std::move(other.name_)),
      path_(std::move(other.path_)) {}

Segment& Segment::operator=(Segment&& other) noexcept {
  std::swap(mapped_, other.mapped_);
  std::swap(named_, other.named_);
  std::swap(name_, other.name_);
  std::swap(path_, other.path_);
  return *this;
}

Segment::~Segment() {
  if (mapped_ == nullptr) return;
  if (named_ != nullptr) named_->path.store(Named::kFree, std::memory_order_release);
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
  if (mapped_->header().removed.load(std::memory_order_relaxed) != 0) return true;
  return !path_.empty() && platform::leads_elsewhere(path_, mapped_->facts().file);
}

bool Segment::replaced() const noexcept {
  return named_ != nullptr && named_->has_elder();
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
