// Everything carom offers.
#pragma once

#include "carom/barrier.hpp"      // IWYU pragma: export
#include "carom/condition.hpp"    // IWYU pragma: export
#include "carom/deadline.hpp"     // IWYU pragma: export
#include "carom/deadlock.hpp"     // IWYU pragma: export
#include "carom/error.hpp"        // IWYU pragma: export
#include "carom/event.hpp"        // IWYU pragma: export
#include "carom/fifo_lock.hpp"    // IWYU pragma: export
#include "carom/latch.hpp"        // IWYU pragma: export
#include "carom/lock.hpp"         // IWYU pragma: export
#include "carom/outcome.hpp"      // IWYU pragma: export
#include "carom/participant.hpp"  // IWYU pragma: export
#include "carom/process.hpp"      // IWYU pragma: export
#include "carom/rlock.hpp"        // IWYU pragma: export
#include "carom/segment.hpp"      // IWYU pragma: export
#include "carom/semaphore.hpp"    // IWYU pragma: export
#include "carom/shared.hpp"       // IWYU pragma: export
#include "carom/shared_lock.hpp"  // IWYU pragma: export
