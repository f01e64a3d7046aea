// With CAROM_TEST_RECHECK_MS in the environment sleepers look again after that time instead of after 50 ms: what needs no
// re-check must pass whatever it is, and a lost wake that the re-check would cover shows as a hang.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "memory/waiting.hpp"

namespace {

class Recheck : public testing::Environment {
 public:
  void SetUp() override {
    if (const char* const ms = std::getenv("CAROM_TEST_RECHECK_MS"); ms != nullptr)
      carom::memory::Waiting::set_recheck(std::chrono::milliseconds(std::atol(ms)));
  }
};

const testing::Environment* const installed = testing::AddGlobalTestEnvironment(new Recheck);

}  // namespace
