// main() of every test program: each test runs under a watchdog, since what is tested here fails by hanging.
// CAROM_TEST_WATCHDOG_S in the environment has it bark after that many seconds instead of after 60.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

unsigned watchdog_seconds = 60;

char current_test[256];

void bark(int) {
  const char* const text = "\nWATCHDOG: this test hung: ";
  (void)!write(STDERR_FILENO, text, strlen(text));
  (void)!write(STDERR_FILENO, current_test, strlen(current_test));
  (void)!write(STDERR_FILENO, "\n", 1);
  kill(0, SIGKILL);  // the children too, so that none outlives the test
}

class Watchdog : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& test) override {
    snprintf(current_test, sizeof current_test, "%s.%s", test.test_suite_name(), test.name());
    alarm(watchdog_seconds);
  }
  void OnTestEnd(const testing::TestInfo&) override { alarm(0); }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  setpgid(0, 0);
  signal(SIGALRM, bark);
  if (const char* const seconds = getenv("CAROM_TEST_WATCHDOG_S"); seconds != nullptr)
    watchdog_seconds = static_cast<unsigned>(atoi(seconds));
  testing::UnitTest::GetInstance()->listeners().Append(new Watchdog);
  return RUN_ALL_TESTS();
}
