// Whether a history can be explained: is there an order of its calls and deaths, in which each takes effect at one moment
// between its beginning and its end, that a plain sequential object of that kind allows? The search is that of Wing and
// Gong (1993) with the memory of Lowe (2017). It knows nothing of carom: its objects are a few numbers each.
#pragma once

#include <string>

#include "histories/history.hpp"

namespace histories {

enum class Verdict : std::uint8_t {
  explained,
  violation,  // no order explains it
  undecided   // the search was given up: it became too long
};

Verdict judge(const History& history);

/// The history as a table, in the order of time, for those who look for the reason.
std::string to_text(const History& history);

}  // namespace histories
