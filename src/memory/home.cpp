#include "carom/detail/home.hpp"

#include <string>

#include "carom/error.hpp"
#include "memory/mapped_segment.hpp"
#include "memory/settlement.hpp"

namespace carom::detail {

Home::Home(const void* object, std::size_t bytes, std::size_t alignment, const char* what,
           std::uint32_t bits) {
  if (reinterpret_cast<std::uintptr_t>(object) % alignment != 0) {
    throw Error(Errc::misaligned, what,
                "was constructed at an address that is no multiple of " + std::to_string(alignment) +
                    "; take it out of the packed struct, or align the place for it");
  }
  memory::MappedSegment* const segment = memory::MappedSegment::containing(object);
  if (segment == nullptr) {
    throw Error(
        Errc::outside_segment, what,
        "was constructed outside of the segments that are open here; put it into a carom::Shared or a "
        "carom::Segment (a copy of this library in a plugin has only those that it has opened itself)");
  }
  memory::forget_what_lay_at(*segment, segment->offset_of(object), bytes);
  pages_and_bits_ = static_cast<std::uint32_t>(segment->offset_of(object) / kPage) << kBits | bits;
}

Serial Home::new_serial(const void* object) const noexcept {
  const memory::MappedSegment* const segment = memory::MappedSegment::at(segment_of(object));
  return segment == nullptr
             ? Serial{0}
             : static_cast<Serial>(segment->header().births.fetch_add(1, std::memory_order_relaxed) + 1);
}

}  // namespace carom::detail
