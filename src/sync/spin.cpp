#include "sync/spin.hpp"

#include "platform/process_identity.hpp"

namespace carom::sync {

int Spin::rounds() noexcept {
  static const int rounds = platform::usable_processors() > 1 ? 100 : 0;
  return rounds;
}

}  // namespace carom::sync
