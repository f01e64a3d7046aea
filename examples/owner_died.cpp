// A worker is killed in the middle of an update. Whoever takes the lock next gets it at once, is told, and
// repairs what was left half done.
#include <csignal>
#include <cstdio>
#include <mutex>

#include "carom/carom.hpp"

constexpr int kTotal = 100;

struct Accounts {
  carom::Lock lock;
  int left = kTotal;
  int right = 0;
};

void move_ten(Accounts& accounts, bool die_half_way) {
  const std::scoped_lock hold(accounts.lock);
  accounts.left -= 10;
  if (die_half_way) std::raise(SIGKILL);
  accounts.right += 10;
}

int main() {
  carom::Shared<Accounts> accounts;

  carom::Process worker([&accounts] { move_ten(*accounts, true); }, {.name = "worker"});
  worker.join();
  std::printf("the worker ended with %d\n", *worker.exit_code());

  {
    const std::scoped_lock hold(accounts->lock);
    if (accounts->lock.inherited()) {
      std::printf("the lock is ours; %s died holding it\n", carom::last_takeover()->from.name().c_str());
      std::printf("found: left %d, right %d\n", accounts->left, accounts->right);
      accounts->left = kTotal - accounts->right;  // what did not arrive was not moved
    }
  }

  carom::Process successor([&accounts] { move_ten(*accounts, false); });
  successor.join();
  std::printf("now: left %d, right %d\n", accounts->left, accounts->right);
}
