#include "stress/arena.hpp"

#include <sys/mman.h>

#include <new>

#include "support/plain.hpp"

namespace storm {
namespace {

// Few, so that slots change hands often: the living are at most 16 workers of three threads.
constexpr carom::SegmentOptions kOptions{.participants = 64,
                                         .type = carom::detail::type_fingerprint<Arena>()};

void fill(void* data) {
  ::new (data) Arena;
}

}  // namespace

Site::Site(bool named) {
  if (!named) {
    segment_.emplace(carom::Segment::anonymous(sizeof(Arena), kOptions, fill));
    return;
  }
  name_ = support::unique_name("storm");
  const carom::Segment made = carom::Segment::create(name_, sizeof(Arena), kOptions, fill);
}

Site::~Site() {
  if (!name_.empty()) carom::Segment::remove(name_);
}

carom::Segment Site::open() const {
  return carom::Segment::open(name_, kOptions.type);
}

void Site::enter(Dice& dice) {
  if (segment_) return;
  const auto pages = static_cast<std::size_t>(dice.between(1, 1000));
  (void)mmap(nullptr, pages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  segment_.emplace(open());
}

}  // namespace storm
