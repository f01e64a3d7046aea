// A program of somebody else's, which knows carom only from where it is installed.
#include <carom/carom.hpp>

#include <cstdio>
#include <mutex>

struct Board {
  carom::Lock lock;
  carom::RLock rlock;
  int balls = 0;
};

int main() {
  carom::Shared<Board> board;
  carom::Process player([&board] {
    const std::scoped_lock hold(board->lock, board->rlock);
    ++board->balls;
  });
  player.join();
  const std::scoped_lock hold(board->lock, board->rlock);
  std::printf("%d ball\n", board->balls);
  return board->balls == 1 && !board->lock.inherited() ? 0 : 1;
}
