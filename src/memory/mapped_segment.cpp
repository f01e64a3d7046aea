#include "memory/mapped_segment.hpp"

#include "platform/shared_file.hpp"

namespace carom::memory {
namespace {

std::atomic<MappedSegment*> newest{nullptr};

}  // namespace

MappedSegment& MappedSegment::add(SegmentHeader& header, const Facts& facts) {
  MappedSegment* entry = nullptr;
  for (MappedSegment* m = newest.load(std::memory_order_acquire); m != nullptr && entry == nullptr;
       m = m->next_) {
    bool vacant = false;
    if (m->in_use_.compare_exchange_strong(vacant, true, std::memory_order_acquire)) entry = m;
  }
  const bool made = entry == nullptr;
  if (made) entry = new MappedSegment;
  entry->header_ = &header;
  entry->facts_ = facts;
  entry->handles_.store(1, std::memory_order_relaxed);
  entry->seats_.store(0, std::memory_order_relaxed);
  entry->base_.store(reinterpret_cast<std::uintptr_t>(&header), std::memory_order_release);
  if (made) {
    entry->next_ = newest.load(std::memory_order_relaxed);
    while (!newest.compare_exchange_weak(entry->next_, entry, std::memory_order_release)) {
    }
  }
  return *entry;
}

MappedSegment* MappedSegment::reopen(platform::FileIdentity file) noexcept {
  for (MappedSegment* m = newest.load(std::memory_order_acquire); m != nullptr; m = m->next_) {
    if (m->base_.load(std::memory_order_acquire) == 0 || !(m->facts_.file == file)) continue;
    std::uint32_t handles = m->handles_.load(std::memory_order_relaxed);
    while (handles != 0) {
      if (m->handles_.compare_exchange_weak(handles, handles + 1, std::memory_order_acq_rel)) return m;
    }
  }
  return nullptr;
}

MappedSegment* MappedSegment::containing(const void* address) noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  for (MappedSegment* m = newest.load(std::memory_order_acquire); m != nullptr; m = m->next_) {
    const std::uintptr_t base = m->base_.load(std::memory_order_acquire);
    if (base != 0 && at >= base && at - base < m->facts_.mapped_bytes) return m;
  }
  return nullptr;
}

MappedSegment* MappedSegment::at(const void* base) noexcept {
  const auto wanted = reinterpret_cast<std::uintptr_t>(base);
  if (wanted == 0) return nullptr;
  for (MappedSegment* m = newest.load(std::memory_order_acquire); m != nullptr; m = m->next_) {
    if (m->base_.load(std::memory_order_acquire) == wanted) return m;
  }
  return nullptr;
}

void MappedSegment::forget_threads() noexcept {
  for (MappedSegment* m = newest.load(std::memory_order_acquire); m != nullptr; m = m->next_) {
    m->seats_.store(0, std::memory_order_relaxed);
    m->unmap_if_unused();
  }
}

void MappedSegment::close_handle() noexcept {
  handles_.fetch_sub(1, std::memory_order_acq_rel);
  unmap_if_unused();
}

void MappedSegment::seat_left() noexcept {
  seats_.fetch_sub(1, std::memory_order_acq_rel);
  unmap_if_unused();
}

void MappedSegment::unmap_if_unused() noexcept {
  if (handles_.load(std::memory_order_acquire) != 0 || seats_.load(std::memory_order_acquire) != 0) return;
  const std::uintptr_t base = base_.exchange(0, std::memory_order_acq_rel);  // one thread wins
  if (base == 0) return;
  platform::unmap(header_, facts_.mapped_bytes);
  in_use_.store(false, std::memory_order_release);
}

}  // namespace carom::memory
