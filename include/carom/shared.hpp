// A user's own struct in shared memory, primitives and all.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "carom/segment.hpp"

namespace carom {

namespace detail {

/// A type's name as gcc or clang writes it, in one spelling for both: no blanks, integer types and unnamed
/// namespaces written in one way, numbers without suffixes, types in functions without the function.
class TypeName {
 public:
  explicit constexpr TypeName(std::string_view written) {
    std::size_t at = 0;
    while (at < written.size()) {
      const std::string_view rest = written.substr(at);
      if (rest.front() == ' ') {
        ++at;
      } else if (const std::size_t inner = length_of_inline_namespace(rest)) {
        at += inner;
      } else if (const std::size_t unnamed = length_of_unnamed(rest)) {
        end_integer();
        put("{}");
        at += unnamed;
      } else if (is_word(rest.front())) {
        std::string_view word = rest.substr(0, length_of_word(rest));
        at += word.size();
        if (is_digit(word.front())) word = word.substr(0, word.find_last_not_of("uUlL") + 1);
        if (!part_of_integer(word)) {
          end_integer();
          put(word);
        }
      } else {
        end_integer();
        if (rest.starts_with("::") && follows_function()) {
          drop_scope();
          ++at;  // and the second colon
        } else {
          put(rest.substr(0, 1));
        }
        ++at;
      }
    }
    end_integer();
  }

  constexpr std::string_view text() const { return {text_, length_}; }

 private:
  static constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static constexpr bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (c & 0x80) != 0;
  }
  static constexpr std::size_t length_of_word(std::string_view text) {
    std::size_t length = 0;
    while (length < text.size() && is_word(text[length])) ++length;
    return length;
  }
  // Of the standard library's own, which one compiler writes and the other does not.
  static constexpr std::size_t length_of_inline_namespace(std::string_view text) {
    for (const std::string_view spelling : {"_V2::", "__cxx11::"}) {
      if (text.starts_with(spelling)) return spelling.size();
    }
    return 0;
  }
  static constexpr std::size_t length_of_unnamed(std::string_view text) {
    for (const std::string_view spelling : {"{anonymous}", "(anonymous namespace)", "<unnamed>"}) {
      if (text.starts_with(spelling)) return spelling.size();
    }
    return 0;
  }

  constexpr void put(std::string_view piece) {
    for (const char c : piece) {
      if (length_ < kMost) text_[length_++] = c;
    }
  }

  // "long unsigned int" and "unsigned long" are one type.
  constexpr bool part_of_integer(std::string_view word) {
    if (word == "long") {
      ++longs_;
    } else if (word == "short") {
      short_ = true;
    } else if (word == "char") {
      char_ = true;
    } else if (word == "__int128") {
      int128_ = true;
    } else if (word == "unsigned") {
      unsigned_ = true;
    } else if (word == "signed") {
      signed_ = true;
    } else if (word == "int") {
      int_ = true;
    } else {
      return false;
    }
    return true;
  }
  constexpr void end_integer() {
    if (unsigned_) put("unsigned");
    if (signed_ && char_) put("signed");
    for (; longs_ > 0; --longs_) put("long"), int_ = unsigned_ = signed_ = false;
    if (char_ || short_ || int128_) {
      put(char_ ? "char" : short_ ? "short" : "__int128");
    } else if (int_ || unsigned_ || signed_) {
      put("int");
    }
    short_ = char_ = int128_ = unsigned_ = signed_ = int_ = false;
  }

  constexpr bool follows_function() const { return text().ends_with(")") || text().ends_with(")const"); }
  // Back to where the name began whose scope this is: behind what is open, or a comma.
  constexpr void drop_scope() {
    for (int depth = 0; length_ > 0; --length_) {
      const char last = text_[length_ - 1];
      if (last == ')' || last == '>' || last == ']') ++depth;
      if (depth == 0 && (last == '(' || last == '<' || last == '[' || last == ',')) break;
      if (last == '(' || last == '<' || last == '[') --depth;
    }
  }

  static constexpr std::size_t kMost = 4096;
  char text_[kMost] = {};
  std::size_t length_ = 0;
  int longs_ = 0;
  bool short_ = false, char_ = false, int128_ = false, unsigned_ = false, signed_ = false, int_ = false;
};

template <class T>
constexpr const char* written_type() {
  return __PRETTY_FUNCTION__;
}

/// How the compiler writes T: "... [with T = Board]" or "... [T = Board]".
template <class T>
constexpr std::string_view type_as_written() {
  std::string_view text = written_type<T>();
  text.remove_prefix(text.find("T = ") + 4);
  text.remove_suffix(1);
  return text;
}

constexpr std::uint64_t fold(std::uint64_t hash, std::uint64_t number) {
  for (int byte = 0; byte < 8; ++byte)
    hash = (hash ^ (number >> (8 * byte) & 0xff)) * 1099511628211u;  // FNV-1a
  return hash;
}

template <class T>
constexpr std::uint64_t fold_identity(std::uint64_t hash) {
  if constexpr (requires { std::uint64_t{T::carom_schema}; }) {
    return fold(hash, T::carom_schema);
  } else {
    const TypeName name(type_as_written<T>());
    for (const char c : name.text()) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    return hash;
  }
}

/// The same number for the same type in every process built from the same source, by gcc or clang; never 0.
template <class T>
constexpr std::uint64_t type_fingerprint() {
  constexpr std::uint64_t kHash =
      fold(fold(fold_identity<T>(14695981039346656037u), sizeof(T)), alignof(T)) | 1;
  return kHash;
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
///
/// gcc and clang agree about names, but for what they write differently and no rule could tell apart: inline
/// namespaces of the user's own, template arguments that were left to their defaults, values of character or
/// class type as template arguments. T may say instead what it is, which then stands in place of its name:
///
///     struct Board { static constexpr std::uint64_t carom_schema = 3; carom::Lock lock; int balls = 0; };
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

  static Shared open(const std::string& name, Trust trust = {}) {
    return Shared(Segment::open(name, detail::type_fingerprint<T>(), trust));
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
