#include "endings/cgroup.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

namespace endings {
namespace {

bool put(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return static_cast<bool>(file);
}

struct Tree {
  std::string path;
  bool second;
};

/// Where groups with a memory controller can be made.
std::optional<Tree> find_tree() {
  std::optional<Tree> found;
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, path, type, options;
    words >> device >> path >> type >> options;
    if (type == "cgroup" && ("," + options + ",").find(",memory,") != std::string::npos)
      return Tree{path, false};
    if (type != "cgroup2") continue;
    std::ifstream file(path + "/cgroup.controllers");
    for (std::string controller; file >> controller;) {
      if (controller == "memory") found = Tree{path, true};
    }
  }
  return found;
}

}  // namespace

std::optional<MemoryGroup> MemoryGroup::make(std::size_t bytes, std::string& why) {
  const std::optional<Tree> tree = find_tree();
  if (!tree) {
    why = "no memory controller among the control groups";
    return std::nullopt;
  }
  if (tree->second) put(tree->path + "/cgroup.subtree_control", "+memory");
  const std::string path = tree->path + "/carom-endings-" + std::to_string(getpid());
  if (mkdir(path.c_str(), 0755) != 0) {
    why = "no control group can be made in " + tree->path + ": " + std::strerror(errno);
    return std::nullopt;
  }
  MemoryGroup group(path, bytes, tree->second);
  if (!put(path + (tree->second ? "/memory.max" : "/memory.limit_in_bytes"), std::to_string(bytes))) {
    why = "the memory of " + path + " cannot be limited";
    return std::nullopt;
  }
  // Without these, where there is swap, it would be used first.
  if (tree->second)
    put(path + "/memory.swap.max", "0");
  else
    put(path + "/memory.swappiness", "0");
  return group;
}

MemoryGroup::MemoryGroup(MemoryGroup&& other) noexcept
    : path_(std::exchange(other.path_, {})), bytes_(other.bytes_), second_(other.second_) {}

MemoryGroup::~MemoryGroup() {
  if (path_.empty()) return;
  for (int i = 0; i < 100 && rmdir(path_.c_str()) != 0 && errno == EBUSY; ++i) usleep(10'000);
}

bool MemoryGroup::enter() const {
  return put(path_ + "/cgroup.procs", std::to_string(getpid()));
}

long MemoryGroup::kills() const {
  std::ifstream file(path_ + (second_ ? "/memory.events" : "/memory.oom_control"));
  std::string name;
  for (long value = 0; file >> name >> value;) {
    if (name == "oom_kill") return value;
  }
  return 0;
}

}  // namespace endings
