#include "memory/mapped_segment.hpp"

#include "carom/detail/watched.hpp"
#include "platform/process_identity.hpp"

namespace carom::memory {
namespace {

std::atomic<MappedSegment*> newest{nullptr};
std::atomic_flag opening;

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
  detail::acquired(entry);
  detail::changed_by_many(&header, facts.data_offset);
  entry->header_ = &header;
  entry->facts_ = facts;
  entry->lives_ = LifeArea(reinterpret_cast<std::byte*>(&header) + facts.life_offset, platform::page_bytes());
  entry->life_pages_.begin(entry->lives_, facts.capacity);
  // Two files have one inode number at different times, or on different file systems: to tell a copy from what it was
  // copied from it will do.
  const std::uint64_t boot = platform::this_boot();
  entry->whereabouts_ = boot == 0 ? 0 : (boot ^ facts.file.inode * 0x9e37'79b9'7f4a'7c15u) | 1;
  entry->handles_.store(1, std::memory_order_relaxed);
  entry->users_.store(1, std::memory_order_relaxed);
  entry->base_.store(reinterpret_cast<std::uintptr_t>(&header), std::memory_order_release);
  if (made) {
    entry->next_ = newest.load(std::memory_order_relaxed);
    while (!newest.compare_exchange_weak(entry->next_, entry, std::memory_order_release)) {
    }
  }
  return *entry;
}

MappedSegment::Opening::Opening() noexcept {
  while (opening.test_and_set(std::memory_order_acquire)) opening.wait(true, std::memory_order_relaxed);
  detail::acquired(&opening);
}

MappedSegment::Opening::~Opening() {
  detail::releasing(&opening);
  opening.clear(std::memory_order_release);
  opening.notify_one();
}

MappedSegment* MappedSegment::reopen(platform::FileIdentity file) noexcept {
  for (MappedSegment* m = newest.load(std::memory_order_acquire); m != nullptr; m = m->next_) {
    if (m->base_.load(std::memory_order_acquire) == 0 || !(m->facts_.file == file)) continue;
    std::uint32_t users = m->users_.load(std::memory_order_relaxed);
    while (users != 0) {
      if (!m->users_.compare_exchange_weak(users, users + 1, std::memory_order_acq_rel)) continue;
      m->handles_.fetch_add(1, std::memory_order_relaxed);
      if (m->facts_.file == file) return m;
      m->close_handle();  // the entry went to another segment while we looked
      break;
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
  opening.clear();
  for (MappedSegment* m = newest.load(std::memory_order_acquire); m != nullptr; m = m->next_) {
    if (m->base_.load(std::memory_order_relaxed) == 0) continue;
    m->life_pages_.forget_threads();
    m->users_.store(m->handles_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    if (m->handles_.load(std::memory_order_relaxed) == 0) m->unmap();
  }
}

void MappedSegment::close_handle() noexcept {
  handles_.fetch_sub(1, std::memory_order_relaxed);
  user_left();
}

void MappedSegment::user_left() noexcept {
  detail::releasing(this);
  if (users_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  detail::acquired(this);
  unmap();
}

void MappedSegment::unmap() noexcept {
  base_.store(0, std::memory_order_relaxed);
  life_pages_.clear();
  platform::unmap(header_, facts_.mapped_bytes);
  detail::releasing(this);
  in_use_.store(false, std::memory_order_release);
}

}  // namespace carom::memory
