#include "carom/detail/home.hpp"

#include "carom/error.hpp"
#include "memory/mapped_segment.hpp"

namespace carom::detail {

Home::Home(const void* object, const char* what, std::uint32_t bits) {
  const memory::MappedSegment* const segment = memory::MappedSegment::containing(object);
  if (segment == nullptr) {
    throw Error(Errc::outside_segment, what,
                "was constructed outside of shared memory; put it into a carom::Shared or a carom::Segment");
  }
  pages_and_bits_ = static_cast<std::uint32_t>(segment->offset_of(object) / kPage) << kBits | bits;
}

}  // namespace carom::detail
