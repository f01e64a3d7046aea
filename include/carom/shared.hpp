// A user's own struct in shared memory, primitives and all.
#pragma once

#include <concepts>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "carom/segment.hpp"

namespace carom {

namespace detail {
/// The same number for the same type in every process built from the same source; never 0.
template <class T>
constexpr std::uint64_t type_fingerprint() {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : std::string_view(__PRETTY_FUNCTION__)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  return (hash ^ sizeof(T) ^ (std::uint64_t{alignof(T)} << 32)) | 1;
}
}  // namespace detail

/// One T in a segment of its own, used like a pointer to it.
///
///     struct Board { carom::Lock lock; int balls = 0; };
///     carom::Shared<Board> board;                                    // this process and its forked children
///     auto board = carom::Shared<Board>::open_or_create("nightly");  // any process on the machine
///
/// T is constructed once, by whoever makes the segment, before anybody else can see it; it is never
/// destroyed, its memory goes with its last user. So T must not need destruction, and must hold no pointer,
/// reference or virtual function: what is an address here is nonsense there. Two programs that disagree about
/// T's name, size or alignment get Error (other_type), not each other's bytes. Errors, fork and death: as
/// Segment says.
template <class T>
class Shared {
  static_assert(
      std::is_trivially_destructible_v<T>,
      "nobody would run T's destructor; keep std::string, vectors and other owners out of shared memory");
  static_assert(!std::is_polymorphic_v<T>, "a virtual function table has another address in every process");
  static_assert(alignof(T) <= 64, "segments align their data to 64 bytes");

 public:
  Shared() requires std::default_initializable<T> : Shared(std::in_place) {}

  template <class... Args>
  explicit Shared(std::in_place_t, Args&&... args)
      : segment_(Segment::anonymous(sizeof(T), options({}), filler(std::forward<Args>(args)...))) {}

  template <class... Args>
  static Shared anonymous(const SegmentOptions& o, Args&&... args) {
    return Shared(Segment::anonymous(sizeof(T), options(o), filler(std::forward<Args>(args)...)));
  }

  template <class... Args>
  static Shared create(const std::string& name, const SegmentOptions& o, Args&&... args) {
    return Shared(Segment::create(name, sizeof(T), options(o), filler(std::forward<Args>(args)...)));
  }

  static Shared open(const std::string& name) {
    return Shared(Segment::open(name, detail::type_fingerprint<T>()));
  }

  template <class... Args>
  static Shared open_or_create(const std::string& name, const SegmentOptions& o = {}, Args&&... args) {
    return Shared(Segment::open_or_create(name, sizeof(T), options(o), filler(std::forward<Args>(args)...)));
  }

  T* get() const noexcept { return std::launder(static_cast<T*>(segment_.data())); }
  T* operator->() const noexcept { return get(); }
  T& operator*() const noexcept { return *get(); }

  const Segment& segment() const noexcept { return segment_; }

 private:
  explicit Shared(Segment segment) noexcept : segment_(std::move(segment)) {}

  static SegmentOptions options(SegmentOptions o) {
    o.type = detail::type_fingerprint<T>();
    return o;
  }

  template <class... Args>
  static auto filler(Args&&... args) {
    return [&args...](void* data) { ::new (data) T(std::forward<Args>(args)...); };
  }

  Segment segment_;
};

}  // namespace carom
