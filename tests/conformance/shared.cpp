// Shared<T>: a struct of the user's own, made once and used like a pointer.
#include <gtest/gtest.h>

#include <memory>

#include "carom/carom.hpp"
#include "support/party.hpp"
#include "support/printing.hpp"
#include "support/segments.hpp"

using carom::Errc;
using carom::Shared;
using support::code_of;
using support::Name;

namespace {

struct Board {
  carom::Lock lock;
  int balls = 3;
};

struct Game {
  Game(std::unique_ptr<int> seed, int& counter) : ball(*seed) { ++counter; }
  int ball;
};

struct Unlucky {
  Unlucky() { throw std::runtime_error("unlucky"); }
};

static_assert(carom::detail::TypeName("One<std::chrono::_V2::steady_clock, std::__cxx11::string>").text() ==
                  carom::detail::TypeName("One<std::chrono::steady_clock, std::string>").text(),
              "the standard library's inline namespaces, which clang does not write");

}  // namespace

TEST(Shared, an_anonymous_one_is_shared_with_forked_children) {
  Shared<Board> board;
  EXPECT_EQ(board->balls, 3);
  EXPECT_EQ((*board).balls, 3);
  EXPECT_EQ(board.get(), &*board);
  support::ProcessParty child([&board] {
    board->lock.lock();
    board->balls = 4;
    board->lock.unlock();
  });
  EXPECT_EQ(child.leave(), 0);
  EXPECT_EQ(board->balls, 4);
  EXPECT_TRUE(board.segment().name().empty());
}

TEST(Shared, arguments_reach_the_constructor_once) {
  int constructed = 0;
  const Shared<Game> anonymous(std::in_place, std::make_unique<int>(5), constructed);
  EXPECT_EQ(anonymous->ball, 5);
  EXPECT_EQ(constructed, 1);
  const Name name;
  const auto named = Shared<Game>::create(name, {}, std::make_unique<int>(6), constructed);
  EXPECT_EQ(constructed, 2);
  EXPECT_EQ(Shared<Game>::open(name)->ball, 6);
  EXPECT_EQ(Shared<Game>::open_or_create(name, {}, std::make_unique<int>(7), constructed)->ball, 6);
  EXPECT_EQ(constructed, 2);
}

TEST(Shared, another_type_of_the_same_size_is_refused) {
  struct Other {
    carom::Lock lock;
    int balls = 3;
  };
  const Name name;
  const auto board = Shared<Board>::create(name, {});
  EXPECT_EQ(code_of([&] { return Shared<Other>::open(name); }), Errc::other_type);
  EXPECT_EQ(code_of([&] { return Shared<Other>::open_or_create(name); }), Errc::other_type);
  EXPECT_EQ(Shared<Board>::open(name).get(), board.get());
}

TEST(Shared, an_exception_in_the_constructor_leaves_nothing) {
  const Name name;
  EXPECT_THROW(Shared<Unlucky>{}, std::runtime_error);
  EXPECT_THROW(Shared<Unlucky>::create(name, {}), std::runtime_error);
  EXPECT_THROW(Shared<Unlucky>::open_or_create(name), std::runtime_error);
  EXPECT_FALSE(name.exists());
}

TEST(Shared, a_lock_may_be_used_while_the_object_is_made) {
  struct Busy {
    Busy() { lock.lock(); }
    carom::Lock lock;
  };
  const Name name;
  const auto busy = Shared<Busy>::create(name, {});
  EXPECT_TRUE(busy->lock.owned());
}

TEST(Shared, moved_it_is_the_same_object) {
  Shared<Board> board;
  Board* const at = board.get();
  const Shared<Board> moved(std::move(board));
  EXPECT_EQ(moved.get(), at);
  EXPECT_EQ(moved->balls, 3);
}

TEST(Shared, an_anonymous_segment_leaves_no_descriptor_and_no_file) {
  const auto descriptors = [] {
    int count = 0;
    for (int fd = 0; fd < 256; ++fd) count += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    return count;
  };
  const int before = descriptors();
  const Shared<Board> board;
  const Name name;
  const auto named = Shared<Board>::create(name, {});
  const auto again = Shared<Board>::open(name);
  EXPECT_EQ(descriptors(), before);
}
