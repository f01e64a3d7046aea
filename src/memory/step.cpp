#include "carom/detail/step.hpp"

#ifdef CAROM_STEPS
namespace carom::detail {
void (*at_step)(const char* name) noexcept = nullptr;
}
#endif
