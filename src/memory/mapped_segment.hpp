// Which segments are mapped in this process, and where. Lock-free and never freed, so that it can be read at
// any time by any thread, also in a child forked while others were changing it.
//
// What a check needs (sizes, capacity) is kept here, in private memory: shared bytes may be overwritten by
// anybody.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "memory/layout.hpp"
#include "memory/life_pages.hpp"
#include "memory/roster.hpp"
#include "platform/shared_file.hpp"

namespace carom::memory {

class MappedSegment {
 public:
  /// What was found sound when the segment was opened or made.
  struct Facts {
    platform::FileIdentity file;
    std::size_t mapped_bytes;
    std::size_t data_offset;
    std::size_t data_bytes;
    std::size_t life_offset;
    std::uint32_t capacity;
  };

  /// Registers a mapping, held by one handle.
  static MappedSegment& add(SegmentHeader& header, const Facts& facts);

  /// The mapping of this file, with one handle more; nullptr: there is none. One file, one mapping: a thread has one
  /// seat in a segment, however often the process opens it. Call it under an Opening.
  static MappedSegment* reopen(platform::FileIdentity file) noexcept;

  /// While it exists, no other thread of this process opens a segment.
  class Opening {
   public:
    Opening() noexcept;
    ~Opening();
    Opening(const Opening&) = delete;
    Opening& operator=(const Opening&) = delete;
  };

  /// The segment that `address` lies in; nullptr: none of ours.
  static MappedSegment* containing(const void* address) noexcept;

  /// The segment whose header is at `base`; nullptr: none of ours.
  static MappedSegment* at(const void* base) noexcept;

  /// For the child after fork: the threads that held mappings are not there.
  static void forget_threads() noexcept;

  SegmentHeader& header() const noexcept { return *header_; }
  Roster roster() const noexcept { return Roster(*header_, facts_.capacity, lives_, whereabouts_); }
  LifePages& life_pages() noexcept { return life_pages_; }
  const Facts& facts() const noexcept { return facts_; }
  void* data() const noexcept { return reinterpret_cast<std::byte*>(header_) + facts_.data_offset; }
  std::uint64_t offset_of(const void* address) const noexcept {
    return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(header_);
  }

  /// Whether all of the bytes at the address are of the user's part.
  bool holds(const void* address, std::size_t bytes = 1) const noexcept {
    return holds_at(offset_of(address), bytes);
  }
  bool holds_at(std::uint64_t offset, std::size_t bytes) const noexcept {
    return bytes <= facts_.data_bytes && offset - facts_.data_offset <= facts_.data_bytes - bytes;
  }

  /// The shared word at the beginning of an object, if the reference is one that can be: it was read from shared memory.
  /// Nothing either if another object lies there by now.
  template <class Bits>
  std::atomic<Bits>* word_of(std::uint64_t object) const noexcept {
    const std::uint64_t offset = offset_in(object);
    const std::size_t serial_at = detail::serial_offset(kind_of(object));
    const std::size_t bytes = std::max(sizeof(Bits), serial_at + sizeof(detail::Serial));
    std::byte* const at = reinterpret_cast<std::byte*>(header_) + offset;
    if (offset % sizeof(Bits) != 0 || !holds(at, bytes)) return nullptr;
    if (serial_at != 0 &&
        *reinterpret_cast<const detail::Serial*>(at + serial_at) != detail::serial_in(object))
      return nullptr;
    return reinterpret_cast<std::atomic<Bits>*>(at);
  }

  /// The reference to the object of that kind that lies there now; 0: none can.
  std::uint64_t present_object(detail::ObjectKind kind, std::uint64_t offset) const noexcept {
    const std::size_t serial_at = detail::serial_offset(kind);
    const auto* const at = reinterpret_cast<const std::byte*>(header_) + offset + serial_at;
    if (!holds(at - serial_at, serial_at + sizeof(detail::Serial))) return 0;
    return object_ref(kind, offset,
                      serial_at == 0 ? detail::Serial{0} : *reinterpret_cast<const detail::Serial*>(at));
  }

  // The memory stays mapped while any handle is open or any thread has a seat in it: the kernel reads the
  // links of the seat when the thread ends.
  void close_handle() noexcept;
  void seat_taken() noexcept { users_.fetch_add(1, std::memory_order_relaxed); }
  void seat_left() noexcept { user_left(); }
  bool last_handle() const noexcept { return handles_.load(std::memory_order_relaxed) == 1; }

  /// Whether this process has no handle any more.
  bool closed() const noexcept { return handles_.load(std::memory_order_acquire) == 0; }

 private:
  void user_left() noexcept;
  void unmap() noexcept;

  std::atomic<bool> in_use_{true};
  std::atomic<std::uintptr_t> base_{0};  // 0: no mapping (any more)
  std::atomic<std::uint32_t> handles_{1};
  std::atomic<std::uint32_t> users_{1};  // handles and seats; the one that brings it to 0 unmaps
  SegmentHeader* header_ = nullptr;
  Facts facts_{};
  LifeArea lives_{nullptr, 0};
  std::uint64_t whereabouts_ = 0;
  LifePages life_pages_;
  MappedSegment* next_ = nullptr;
};

}  // namespace carom::memory
