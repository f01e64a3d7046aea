// More hold it than a sleeper watches: of the others' deaths it learns from whoever finds them first.
#include "conformance/primitives.hpp"
#include "memory/waiting.hpp"

TEST(CAROM_SUITE(ManyHolders), who_gives_back_what_an_unwatched_one_held_wakes_a_sleeper) {
  constexpr std::uint32_t kHolders = carom::memory::kWatchedHolders + 1;
  const carom::Shared<carom::Semaphore> semaphore(std::in_place, kHolders);
  std::vector<Party> holders;
  for (std::uint32_t i = 0; i < kHolders; ++i) {
    holders.emplace_back([&semaphore] { semaphore->lock(); });
    holders.back().wait_until_done();
  }
  std::vector<Party> sleepers;
  sleepers.emplace_back([&semaphore] { return bool{semaphore->acquire()}; });
  wait_for_sleepers(*semaphore, sleepers, 1);
  holders.back().die();
  static_cast<void>(semaphore->get_value());
  EXPECT_EQ(sleepers[0].leave(), 1);
}
