#include "memory/life_pages.hpp"

namespace carom::memory {

using platform::LifePage;

void LifePages::begin(const LifeArea& area, std::uint32_t capacity) {
  area_ = area;
  capacity_ = capacity;
  pages_ = std::make_unique<std::atomic<LifePage*>[]>(pages());
  chains_ = std::make_unique<std::atomic<const platform::RobustChain*>[]>(capacity);
}

platform::RobustLink& LifePages::link(std::uint32_t slot) {
  std::atomic<LifePage*>& entry = pages_[slot / LifePage::kWords];
  LifePage* page = entry.load(std::memory_order_acquire);
  if (page == nullptr) {
    LifePage* const mine = LifePage::map(area_.page(slot));
    if (entry.compare_exchange_strong(page, mine, std::memory_order_acq_rel)) {
      page = mine;
    } else {
      mine->unmap();
    }
  }
  return page->link(slot % LifePage::kWords);
}

bool LifePages::take(std::uint32_t slot, const platform::RobustChain& chain) noexcept {
  std::atomic<const platform::RobustChain*>& entry = chains_[slot];
  const platform::RobustChain* seen = entry.load(std::memory_order_acquire);
  do {
    if (seen != nullptr && !seen->over()) return false;
  } while (!entry.compare_exchange_weak(seen, &chain, std::memory_order_acq_rel));
  return true;
}

void LifePages::give_back(std::uint32_t slot, const platform::RobustChain& chain) noexcept {
  const platform::RobustChain* expected = &chain;
  chains_[slot].compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel);
}

void LifePages::forget_threads() noexcept {
  for (std::uint32_t slot = 0; slot < capacity_; ++slot)
    chains_[slot].store(nullptr, std::memory_order_relaxed);
}

void LifePages::clear() noexcept {
  for (std::size_t i = 0; pages_ != nullptr && i < pages(); ++i) {
    if (LifePage* const page = pages_[i].load(std::memory_order_relaxed)) page->unmap();
  }
  pages_.reset();
  chains_.reset();
  capacity_ = 0;
}

}  // namespace carom::memory
