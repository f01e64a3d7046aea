// Where an object's segment begins, in four bytes of the object; and two bits that the object may use.
#pragma once

#include <cstddef>
#include <cstdint>

#include "carom/detail/object_ref.hpp"
#include "carom/detail/watched.hpp"

namespace carom::detail {

/// Never changes after construction. Making one ends what lay there before: what slots note of it is taken away.
class Home {
 public:
  static constexpr std::uint32_t kBits = 2;

  /// Throws Error (outside_segment, misaligned) if `object` lies in no segment of this process, or at an address that is no
  /// multiple of its alignment, as in a packed struct. `what` names it then.
  template <class T>
  Home(const T* object, const char* what, std::uint32_t bits = 0)
      : Home(object, sizeof(T), alignof(T), what, bits) {
    changed_by_many(object, sizeof(T));
  }

  /// A number for a new object of the segment; see object_ref.hpp.
  Serial new_serial(const void* object) const noexcept;

  /// The segment of the object whose home this is.
  const void* segment_of(const void* object) const noexcept {
    const auto* const at = static_cast<const std::byte*>(object);
    const std::uintptr_t above_page = reinterpret_cast<std::uintptr_t>(object) & (kPage - 1);
    return at - above_page - std::uintptr_t{pages_and_bits_ >> kBits} * kPage;
  }
  std::uint32_t bits() const noexcept { return pages_and_bits_ & ((1u << kBits) - 1); }

 private:
  Home(const void* object, std::size_t bytes, std::size_t alignment, const char* what, std::uint32_t bits);

  static constexpr std::uintptr_t kPage = 4096;  // the unit, whatever the machine's page size

  std::uint32_t pages_and_bits_;
};

}  // namespace carom::detail
