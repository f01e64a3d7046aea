// The library in plugins: unloaded while threads live that have used it, and beside another copy of itself.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "plugin/board.hpp"
#include "support/plain.hpp"
#include "support/printing.hpp"
#include "support/segments.hpp"

using carom::Acquisition;
using plugin::Board;
using support::Forked;
using support::Name;

namespace {

class Plugin {
 public:
  Plugin() : handle_(dlopen(CAROM_PLUGIN, RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) std::fprintf(stderr, "%s\n", dlerror());
  }
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;
  ~Plugin() {
    if (handle_ != nullptr) unload();
  }

  bool open(const Name& name) const {
    return function<bool(const char*)>("plugin_open")(name.text().c_str());
  }
  bool try_lock() const { return function<bool()>("plugin_try_lock")(); }
  void unlock() const { function<void()>("plugin_unlock")(); }
  void close() const { function<void()>("plugin_close")(); }
  bool make_at(void* at, std::string& why) const {
    char text[500] = "";
    const bool made = function<bool(void*, char*, std::size_t)>("plugin_make_at")(at, text, sizeof text);
    why = text;
    return made;
  }
  void unload() { dlclose(std::exchange(handle_, nullptr)); }
  static bool is_mapped() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find("libcarom_plugin") != line.npos) return true;
    }
    return false;
  }

 private:
  template <class Signature>
  Signature* function(const char* name) const {
    return reinterpret_cast<Signature*>(dlsym(handle_, name));
  }

  void* handle_;
};

/// A host in a process of its own, so that its crash is seen; 0 if all that it saw was right.
int in_a_host(const std::function<bool()>& body) {
  return Forked([&] { _exit(body() ? 0 : 1); }).wait();
}

class PluginTest : public testing::Test {
 protected:
  const Name name_;
  const carom::Shared<Board> board_ = carom::Shared<Board>::create(name_, {});
};

}  // namespace

TEST_F(PluginTest, is_really_unloaded) {
  EXPECT_EQ(in_a_host([&] {
              Plugin plugin;
              const bool used = plugin.open(name_) && plugin.try_lock() && Plugin::is_mapped();
              plugin.unlock();
              plugin.close();
              plugin.unload();
              return used && !Plugin::is_mapped();
            }),
            0);
}

TEST_F(PluginTest, a_thread_that_has_used_it_ends_after_it_was_unloaded) {
  EXPECT_EQ(in_a_host([&] {
              Plugin plugin;
              std::atomic<int> phase{0};
              bool used = false;
              std::thread user([&] {
                used = plugin.open(name_) && plugin.try_lock();
                plugin.unlock();
                phase = 1;
                support::wait_until([&] { return phase == 2; });
              });
              support::wait_until([&] { return phase == 1; });
              plugin.close();
              plugin.unload();
              phase = 2;
              user.join();
              // Nothing of it is left behind in the C library either.
              return used && Forked([] { _exit(0); }).wait() == 0;
            }),
            0);
}

TEST_F(PluginTest, what_a_thread_holds_when_it_is_unloaded_is_taken_over_once_the_thread_has_ended) {
  support::Plain<std::atomic<int>> phase;
  Forked host([&] {
    Plugin plugin;
    std::thread holder([&] {
      if (!plugin.open(name_) || !plugin.try_lock()) _exit(1);
      plugin.unload();
      *phase = 1;
      support::wait_until([&] { return *phase == 2; });
    });
    holder.join();
    support::wait_until([&] { return *phase == 4; });
  });
  support::wait_until([&] { return *phase == 1; });
  EXPECT_FALSE(board_->lock.acquire(std::chrono::milliseconds(300))) << "the thread lives";
  *phase = 2;
  EXPECT_EQ(board_->lock.acquire(), Acquisition::acquired_owner_died);
  *phase = 4;
  EXPECT_EQ(host.wait(), 0);
}

TEST_F(PluginTest, it_can_be_loaded_and_unloaded_again_and_again) {
  EXPECT_EQ(in_a_host([&] {
              for (int i = 0; i < 50; ++i) {
                Plugin plugin;
                if (!plugin.open(name_) || !plugin.try_lock()) return false;
                plugin.unlock();
                plugin.close();
              }
              return true;
            }),
            0);
}

TEST_F(PluginTest, two_copies_in_one_thread_exclude_each_other) {
  EXPECT_EQ(in_a_host([&] {
              const Plugin plugin;
              if (!plugin.open(name_)) return false;
              board_->lock.lock();
              if (plugin.try_lock()) return false;
              board_->lock.unlock();
              if (!plugin.try_lock() || board_->lock.try_lock()) return false;
              plugin.unlock();
              return board_->lock.try_lock();
            }),
            0);
  EXPECT_EQ(board_->lock.acquire(), Acquisition::acquired_owner_died) << "of both copies ends are known";
}

TEST_F(PluginTest, another_copys_segments_are_refused_with_the_reason) {
  const carom::Segment room = carom::Segment::anonymous(sizeof(carom::Lock));
  const Plugin plugin;
  std::string why;
  EXPECT_FALSE(plugin.make_at(room.data(), why));
  EXPECT_THAT(why, testing::HasSubstr("copy"));
}
