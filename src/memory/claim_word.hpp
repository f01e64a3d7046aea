// Who has a slot of the roster, from the moment it is claimed: its values, and the steps between them.
//
// WORD
//   bit 0       seated: the slot's life word is the claimant's, and in its robust list
//   bits 1-22   the claimant's thread number
//   bits 23-43  when the thread started, the low bits
//   bits 44-63  its pid namespace, the low bits
//   0: the slot is vacant.
//
// STATES      from                                to         by whom
//   claim     vacant; dead, and proved to be so   claiming   a thread that needs a slot
//   be seated claiming                            seated     the claimant
//   vacate    claiming, seated                    vacant     the claimant
//
// INVARIANTS
//   Only the claimant writes to the slot's life word, id and identity. What it holds, waits for and notes there is
//   written by others too, each by rules of its own.
//   A claim is taken from the dead only on proof: a seated one's life word is marked by the kernel; or the thread that the
//   claim names is gone, so that no mark can come any more. A thread that is ending is dead to everybody, but its slot is
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
//   Thread numbers have 22 bits (PID_MAX_LIMIT). Two threads have one claim only with the same number in namespaces whose
//   inodes agree in 20 bits, started a multiple of 2^21 clock ticks (some 6 hours) apart.
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
  static constexpr ClaimWord vacant() noexcept { return ClaimWord(0); }
  static constexpr ClaimWord claiming(const platform::ThreadKey& who) noexcept {
    return ClaimWord(field(who.tid, kTidBits) << kTidAt | field(who.start_time, kStartBits) << kStartAt |
                     field(who.pid_namespace, kNamespaceBits) << kNamespaceAt);
  }
  constexpr ClaimWord seated() const noexcept { return ClaimWord(bits_ | kSeated); }

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr bool is_vacant() const noexcept { return bits_ == 0; }
  constexpr bool is_seated() const noexcept { return (bits_ & kSeated) != 0; }
  /// As far as the claim says who that is: its namespace, in full, must be added.
  constexpr platform::ThreadKey claimant() const noexcept {
    platform::ThreadKey who;
    who.tid = static_cast<std::uint32_t>(field(bits_ >> kTidAt, kTidBits));
    who.start_time = field(bits_ >> kStartAt, kStartBits);
    who.start_mask = field(~std::uint64_t{0}, kStartBits);
    return who;
  }
  /// Whether the thread may be the claimant, by what the claim says of it.
  constexpr bool may_be(const platform::ThreadKey& who) const noexcept {
    return ((bits_ ^ claiming(who).bits()) & ~kSeated) == 0;
  }
  constexpr bool in_namespace(std::uint32_t pid_namespace) const noexcept {
    return bits_ >> kNamespaceAt == field(pid_namespace, kNamespaceBits);
  }

  constexpr bool operator==(const ClaimWord&) const noexcept = default;

 private:
  static constexpr std::uint64_t kSeated = 1;
  static constexpr int kTidAt = 1;
  static constexpr int kTidBits = 22;
  static constexpr int kStartAt = kTidAt + kTidBits;
  static constexpr int kStartBits = 21;
  static constexpr int kNamespaceAt = kStartAt + kStartBits;
  static constexpr int kNamespaceBits = 64 - kNamespaceAt;

  static constexpr std::uint64_t field(std::uint64_t value, int bits) noexcept {
    return value & ((std::uint64_t{1} << bits) - 1);
  }

  std::uint64_t bits_;
};

}  // namespace carom::memory
