// What lies in the segment that the host and the plugin share.
#pragma once

#include "carom/carom.hpp"

namespace plugin {

struct Board {
  carom::Lock lock;
};

}  // namespace plugin
