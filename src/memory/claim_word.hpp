// Who has a slot of the roster, from the moment it is claimed: its values, and the steps between them.
//
// WORD
//   bit 0       seated: the slot's life word is the claimant's, and in its robust list
//   bits 1-22   the claimant's thread number
//   bits 23-33  when the thread started, the low bits
//   bits 34-53  its pid namespace, the low bits
//   bits 54-63  which claim of the slot this is, the low bits; a vacant slot keeps those of its last one
//   Thread number 0: the slot is vacant.
//
// STATES      from                                to         by whom
//   claim     vacant; dead, and proved to be so   claiming   a thread that needs a slot
//   be seated claiming                            seated     the claimant
//   vacate    claiming, seated                    vacant     the claimant
//
// INVARIANTS
//   Only the claimant writes to the slot's life word, id and identity. What it holds, waits for and notes there is
//   written by others too, each by rules of its own.
//   Each claim has the next number. So nobody takes a claim for one that it has read before, of the same thread.
//   A claim is taken from the dead only on proof, and the proof is looked for after the claim has been read: a seated one's
//   life word is marked by the kernel; or the thread that the claim names is gone, so that no mark can come any more. A thread that is ending is dead to everybody, but its slot is
//   not given away before: its late mark goes by the thread's number alone, and might meet another with that number.
//
// ORDER
//   A claim acquires and vacating releases: what one claimant wrote, the next sees.
//
// WAKE
//   Nobody sleeps on it.
//
// DEATH            what remains                       who repairs it
//   slot_claimed   claiming, by one that is dead      whoever finds no other slot, and sees that the thread is gone
//
// LIMITS
//   Thread numbers have 22 bits (PID_MAX_LIMIT). What a claim says of a thread that died as it claimed fits another one
//   with the same number too, started a multiple of 2^11 clock ticks (some 20 s) later: the slot is not given away while
//   that one lives. A thread would have to stand still between two of its instructions while another claims the slot a
//   multiple of 2^10 times, to take the last of these claims for the first.
//
// LAYOUT
//   Version 6: as above. tests/layout holds it.
#pragma once

#include <cstdint>

#include "platform/process_identity.hpp"

namespace carom::memory {

class ClaimWord {
 public:
  constexpr explicit ClaimWord(std::uint64_t bits) noexcept : bits_(bits) {}
  /// The one that follows this one.
  constexpr ClaimWord claimed_by(const platform::ThreadKey& who) const noexcept {
    return ClaimWord(field(who.tid, kTidBits) << kTidAt | field(who.start_time, kStartBits) << kStartAt |
                     field(who.pid_namespace, kNamespaceBits) << kNamespaceAt |
                     ((bits_ >> kNumberAt) + 1) << kNumberAt);
  }
  constexpr ClaimWord vacated() const noexcept { return ClaimWord(bits_ >> kNumberAt << kNumberAt); }
  constexpr ClaimWord seated() const noexcept { return ClaimWord(bits_ | kSeated); }

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr bool is_vacant() const noexcept { return claimant().tid == 0; }
  constexpr bool is_seated() const noexcept { return (bits_ & kSeated) != 0; }
  /// As far as the claim says who that is: its namespace, in full, must be added.
  constexpr platform::ThreadKey claimant() const noexcept {
    platform::ThreadKey who;
    who.tid = static_cast<std::uint32_t>(field(bits_ >> kTidAt, kTidBits));
    who.start_time = field(bits_ >> kStartAt, kStartBits);
    who.start_mask = field(~std::uint64_t{0}, kStartBits);
    return who;
  }
  constexpr bool in_namespace(std::uint32_t pid_namespace) const noexcept {
    return field(bits_ >> kNamespaceAt, kNamespaceBits) == field(pid_namespace, kNamespaceBits);
  }

  constexpr bool operator==(const ClaimWord&) const noexcept = default;

 private:
  static constexpr std::uint64_t kSeated = 1;
  static constexpr int kTidAt = 1;
  static constexpr int kTidBits = 22;
  static constexpr int kStartAt = kTidAt + kTidBits;
  static constexpr int kStartBits = 11;
  static constexpr int kNamespaceAt = kStartAt + kStartBits;
  static constexpr int kNamespaceBits = 20;
  static constexpr int kNumberAt = kNamespaceAt + kNamespaceBits;
  static_assert(kNumberAt == 54);

  static constexpr std::uint64_t field(std::uint64_t value, int bits) noexcept {
    return value & ((std::uint64_t{1} << bits) - 1);
  }

  std::uint64_t bits_;
};

}  // namespace carom::memory
