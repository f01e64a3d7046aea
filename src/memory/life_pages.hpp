// The life words of a segment, as this process sees them: all of them where the segment is mapped, and those of its own
// threads once more, with links behind them (platform/robust_list.hpp).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "platform/robust_list.hpp"

namespace carom::memory {

/// Where the life words lie in the segment.
class LifeArea {
 public:
  LifeArea(void* begin, std::size_t page_bytes) noexcept
      : begin_(static_cast<std::byte*>(begin)), page_bytes_(page_bytes) {}

  platform::LifeWord& word(std::uint32_t slot) const noexcept {
    return platform::LifePage::words_of(page(slot))[slot % platform::LifePage::kWords];
  }
  void* page(std::uint32_t slot) const noexcept {
    return begin_ + slot / platform::LifePage::kWords * page_bytes_;
  }

 private:
  std::byte* begin_;
  std::size_t page_bytes_;
};

/// This process's links. Pages are mapped as they are needed, and stay until clear(). Lock-free, so that a fork finds it
/// whole.
class LifePages {
 public:
  LifePages() = default;
  ~LifePages() { clear(); }
  LifePages(const LifePages&) = delete;
  LifePages& operator=(const LifePages&) = delete;

  /// Before anything else, and after clear().
  void begin(const LifeArea& area, std::uint32_t capacity);

  /// The link for the life word of the slot. Throws Error (no_memory, no_space).
  platform::RobustLink& link(std::uint32_t slot);

  /// Before the link goes into a chain. False if it is in that of a living thread of this process, the caller's too:
  /// whatever the shared claim of the slot says, a link must not be in two places, or the kernel would follow neither
  /// chain to its end.
  bool take(std::uint32_t slot, const platform::RobustChain& chain) noexcept;
  void give_back(std::uint32_t slot, const platform::RobustChain& chain) noexcept;

  /// For the child after fork: the chains are those of threads that are not there.
  void forget_threads() noexcept;

  /// Only when no living thread of this process has a link here in its list.
  void clear() noexcept;

 private:
  std::size_t pages() const noexcept {
    return (capacity_ + platform::LifePage::kWords - 1) / platform::LifePage::kWords;
  }

  LifeArea area_{nullptr, 0};
  std::uint32_t capacity_ = 0;
  std::unique_ptr<std::atomic<platform::LifePage*>[]> pages_;
  std::unique_ptr<std::atomic<const platform::RobustChain*>[]>
      chains_;  // of each slot's link; may have ended
};

}  // namespace carom::memory
