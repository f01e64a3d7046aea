// A segment whose every byte the fuzzer may write over, with objects under test, participants who live, and one who died.
//
// Nothing may be read or written outside of it: terabytes of inaccessible memory lie behind it, as far as a reference in
// shared memory can reach. Nothing else of this process may be spoiled: a second segment must work after each run, and
// the list of each thread that the kernel follows at its end must be whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "carom/carom.hpp"
#include "fuzz/input.hpp"
#include "memory/mapped_segment.hpp"

namespace fuzz {

/// What is written over of a slot; those whose names have two words are fields that belong together.
enum Field : std::uint8_t {
  claim,
  generation,
  id,
  about_id,
  tid,
  place,
  start_time,
  name,
  whereabouts,
  first,
  declared,
  asked,
  waits,
  looked,
  waiting_on,
  parked_at,
  turn,
  arrived,
  held_object,
  held_state,
  life,
  turn_parked,
  holding_held,
  wait_announced,
  any_bytes
};
constexpr std::uint32_t kFields = any_bytes + 1;

/// What must be true, or the run has failed.
void expect(bool holds, const char* what);

class Arena {
 public:
  static constexpr std::size_t kDataBytes = 4096;
  static constexpr std::uint32_t kLiving = 4;
  static constexpr std::uint32_t kParticipants = 32;

  /// `kind`: of most of the objects. `matters`: the fields of a slot, as Field has them, that matter most to them.
  Arena(carom::memory::ObjectKind kind, std::vector<std::uint8_t> matters);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// The next object under test. All must be there before the first run.
  template <class T, class... Args>
  T& make(Args&&... args) {
    next_ = (next_ + alignof(T) - 1) / alignof(T) * alignof(T);
    T* const made = ::new (data() + next_) T(std::forward<Args>(args)...);
    objects_.push_back({made, sizeof(T)});
    next_ += sizeof(T);
    return *made;
  }
  /// The same, at the very end of the user's bytes.
  template <class T, class... Args>
  T& make_last(Args&&... args) {
    T* const made = ::new (data() + kDataBytes - sizeof(T)) T(std::forward<Args>(args)...);
    objects_.push_back({made, sizeof(T)});
    return *made;
  }

  carom::Segment& segment() { return segment_; }
  carom::memory::MappedSegment& mapped() { return *mapped_; }

 private:
  friend class Run;
  struct Object {
    void* at;
    std::size_t bytes;
  };

  static carom::Segment make_guarded();
  std::byte* data() const { return static_cast<std::byte*>(segment_.data()); }
  std::byte* base() const { return reinterpret_cast<std::byte*>(&mapped_->header()); }

  carom::memory::ObjectKind kind_;
  std::vector<std::uint8_t> matters_;
  carom::Segment segment_;
  carom::memory::MappedSegment* mapped_;
  carom::Segment other_;
  carom::Lock* other_lock_;
  std::vector<std::thread> participants_;
  std::vector<std::uint32_t> ids_;   // of those who live, then of the one who died
  std::vector<std::uint32_t> tids_;  // of those who live
  std::vector<Object> objects_;
  std::size_t next_ = 64;
  std::vector<std::byte> sound_;  // the whole segment before anything was spoiled
};

/// One input: from a sound arena, through what it spoils and calls, to the checks at the end.
class Run {
 public:
  /// `spoil_inside`: also within calls, at the steps of the DEATH tables.
  Run(Arena& arena, Input& input, bool spoil_inside = true);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run();

  /// Spoils something, and says so, or leaves the turn to a call.
  bool spoils();

  /// Makes a call. Errors are answers; whatever else it throws ends the fuzzer.
  template <class Call>
  static void attempt(Call call) {
    try {
      call();
    } catch (const carom::Error& error) {
      expect(error.what() != nullptr && carom::to_string(error.code()) != nullptr,
             "an Error says what it is");
    }
  }
  static void expect_sound(const std::vector<carom::Participant>& participants);
  static void expect_sound(carom::Acquisition outcome);
  static void expect_sound(carom::Release outcome);

 private:
  static void at_step(const char* name) noexcept;
  void spoil();
  void spoil_object();
  void spoil_slot();
  void spoil_header();
  std::uint32_t id();
  carom::memory::ObjectKind kind();
  std::uint64_t object();
  std::uint64_t object(carom::memory::ObjectKind kind);
  std::uint64_t meaningful();

  Arena& arena_;
  Input& input_;
  bool spoil_inside_;
  std::uint32_t steps_left_ = 0;  // until something is spoiled within a call; 0: nothing will be
};

/// What each target does with an input: call(input) until there is no more of it.
template <class Call>
int run(Arena& arena, const std::uint8_t* data, std::size_t size, Call call, bool spoil_inside = true) {
  Input input(data, size);
  Run run(arena, input, spoil_inside);
  while (!input.empty()) {
    if (!run.spoils()) Run::attempt([&] { call(input); });
  }
  return 0;
}

}  // namespace fuzz
