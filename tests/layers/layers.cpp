// Reads the sources: no layer includes a higher one, only the lowest includes the operating system, and every
// header of a word says all that such a header has to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kRoot = CAROM_SOURCE_DIR;

/// Bottom up.
const std::vector<std::string> kLayers = {"platform", "memory", "sync", "process"};

/// The layer whose promise a public header is. A new header needs a line here.
const std::map<std::string, std::string> kPublicHeaders = {
    {"carom/deadline.hpp", "platform"},
    {"carom/error.hpp", "platform"},
    {"carom/participant.hpp", "platform"},
    {"carom/detail/step.hpp", "platform"},
    {"carom/detail/watched.hpp", "platform"},
    {"carom/segment.hpp", "memory"},
    {"carom/shared.hpp", "memory"},
    {"carom/detail/seat.hpp", "memory"},
    {"carom/outcome.hpp", "sync"},
    {"carom/detail/lock_word.hpp", "sync"},
    {"carom/detail/raw_lock.hpp", "sync"},
    {"carom/detail/fifo_word.hpp", "sync"},
    {"carom/detail/home.hpp", "memory"},
    {"carom/detail/object_ref.hpp", "memory"},
    {"carom/detail/permit_word.hpp", "memory"},
    {"carom/detail/barrier_word.hpp", "memory"},
    {"carom/detail/latch_word.hpp", "memory"},
    {"carom/detail/event_word.hpp", "sync"},
    {"carom/detail/shared_word.hpp", "sync"},
    {"carom/detail/permits.hpp", "sync"},
    {"carom/barrier.hpp", "sync"},
    {"carom/condition.hpp", "sync"},
    {"carom/deadlock.hpp", "sync"},
    {"carom/event.hpp", "sync"},
    {"carom/latch.hpp", "sync"},
    {"carom/semaphore.hpp", "sync"},
    {"carom/shared_lock.hpp", "sync"},
    {"carom/lock.hpp", "sync"},
    {"carom/fifo_lock.hpp", "sync"},
    {"carom/rlock.hpp", "sync"},
    {"carom/process.hpp", "process"},
    {"carom/carom.hpp", "process"},
};

/// What the C and POSIX libraries offer beyond the C++ one, in either spelling.
bool is_os_header(const std::string& name) {
  static const std::set<std::string> kExact = {
      "aio.h",      "arpa/inet.h", "dirent.h", "dlfcn.h",     "err.h",     "errno.h",  "cerrno",
      "fcntl.h",    "ftw.h",       "glob.h",   "grp.h",       "libgen.h",  "mqueue.h", "poll.h",
      "pthread.h",  "pwd.h",       "sched.h",  "semaphore.h", "signal.h",  "csignal",  "spawn.h",
      "stropts.h",  "syscall.h",   "syslog.h", "termios.h",   "threads.h", "time.h",   "ctime",
      "ucontext.h", "unistd.h",    "utime.h",  "wait.h",      "csetjmp",   "setjmp.h", "features.h"};
  static const std::vector<std::string> kFolders = {"sys/", "linux/", "asm/", "bits/", "net/", "netinet/"};
  return kExact.contains(name) || std::any_of(kFolders.begin(), kFolders.end(),
                                              [&](const auto& folder) { return name.starts_with(folder); });
}

/// How high a header lies that the sources include by "name"; nothing if it is unknown.
std::optional<std::size_t> height_of(const std::string& name) {
  std::string layer = name.substr(0, name.find('/'));
  if (layer == "carom") {
    const auto known = kPublicHeaders.find(name);
    if (known == kPublicHeaders.end()) return std::nullopt;
    layer = known->second;
  }
  const auto at = std::find(kLayers.begin(), kLayers.end(), layer);
  if (at == kLayers.end()) return std::nullopt;
  return static_cast<std::size_t>(at - kLayers.begin());
}

struct Include {
  std::string name;
  bool quoted;
};

std::string_view without_leading_blanks(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
}

std::vector<Include> includes_in(const std::string& text) {
  constexpr std::string_view kInclude = "include";
  std::vector<Include> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::string_view rest = without_leading_blanks(line);
    if (!rest.starts_with('#')) continue;
    rest = without_leading_blanks(rest.substr(1));
    if (!rest.starts_with(kInclude)) continue;
    rest = without_leading_blanks(rest.substr(kInclude.size()));
    const bool quoted = rest.starts_with('"');
    const std::size_t end = rest.find(quoted ? '"' : '>', 1);
    if (end != std::string_view::npos) found.push_back({std::string(rest.substr(1, end - 1)), quoted});
  }
  return found;
}

/// What is wrong with the includes of the file that others would include by `name`.
std::vector<std::string> complaints(const std::string& name, const std::string& text) {
  std::vector<std::string> found;
  const std::optional<std::size_t> own = height_of(name);
  if (!own) return {name + " belongs to no layer: add it to the table in tests/layers"};
  const bool may_see_the_os = name.starts_with("platform/");
  for (const Include& include : includes_in(text)) {
    if (!include.quoted) {
      if (is_os_header(include.name) && !may_see_the_os) {
        found.push_back(name + " includes <" + include.name + ">, which only src/platform may");
      }
      if (include.name.starts_with("carom/")) found.push_back(name + " includes its own kind as <...>");
      continue;
    }
    const std::optional<std::size_t> height = height_of(include.name);
    if (!height) {
      found.push_back(name + " includes \"" + include.name + "\", which belongs to no layer");
    } else if (*height > *own) {
      found.push_back(name + " includes \"" + include.name + "\" of a higher layer");
    }
  }
  return found;
}

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Every source and header below `folder`, by the name that others include it by.
std::map<std::string, fs::path> sources_below(const std::string& folder) {
  std::map<std::string, fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".hpp" && extension != ".cpp" && extension != ".h") continue;
    found.emplace(fs::relative(entry.path(), kRoot / folder).generic_string(), entry.path());
  }
  return found;
}

/// The headings of a comment: lines that begin, after the slashes, with a word in capitals alone or followed
/// by two spaces or more.
std::vector<std::string> sections_of(const std::string& text) {
  constexpr std::string_view kCapitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("// ")) continue;
    const std::size_t end = std::min(line.find_first_not_of(kCapitals, 3), line.size());
    const bool heading = end - 3 >= 4 && (end == line.size() || line.compare(end, 2, "  ") == 0);
    if (heading) found.push_back(line.substr(3, end - 3));
  }
  return found;
}

/// Named after a word, but without rules of its own.
const std::set<std::string> kNoWords = {
    "carom/detail/raw_lock.hpp",  // moves the word of lock_word.hpp
};

const std::vector<std::string> kSections = {"WORD", "STATES", "INVARIANTS", "ORDER",
                                            "WAKE", "DEATH",  "LIMITS",     "LAYOUT"};

}  // namespace

TEST(Layers, no_source_includes_a_higher_layer_or_the_system_past_the_platform) {
  const auto sources = sources_below("src");
  ASSERT_GE(sources.size(), 30u) << "are these all the sources?";
  for (const auto& [name, path] : sources) EXPECT_THAT(complaints(name, read(path)), testing::IsEmpty());
}

TEST(Layers, no_public_header_includes_a_higher_layer_or_the_system) {
  const auto headers = sources_below("include");
  ASSERT_GE(headers.size(), 14u) << "are these all the headers?";
  for (const auto& [name, path] : headers) EXPECT_THAT(complaints(name, read(path)), testing::IsEmpty());
}

TEST(Layers, no_public_header_includes_what_is_not_installed) {
  for (const auto& [name, path] : sources_below("include")) {
    for (const Include& include : includes_in(read(path))) {
      if (include.quoted) {
        EXPECT_TRUE(include.name.starts_with("carom/")) << name << " includes \"" << include.name << '"';
      }
    }
  }
}

TEST(Layers, the_table_of_public_headers_names_no_header_that_is_gone) {
  for (const auto& [name, layer] : kPublicHeaders) EXPECT_TRUE(fs::exists(kRoot / "include" / name)) << name;
}

TEST(Layers, a_wrong_include_does_not_go_unnoticed) {
  const auto count = [](const char* name, const char* text) { return complaints(name, text).size(); };
  EXPECT_EQ(count("memory/a.cpp", "#include \"sync/b.hpp\"\n"), 1u);
  EXPECT_EQ(count("memory/a.cpp", "  #  include \"carom/lock.hpp\"\n#include \"carom/rlock.hpp\"\n"), 2u);
  EXPECT_EQ(count("carom/segment.hpp", "#include \"carom/lock.hpp\"\n"), 1u);
  EXPECT_EQ(count("sync/a.cpp", "#include <sys/mman.h>\n#include <cerrno>\n#include <pthread.h>\n"), 3u);
  EXPECT_EQ(count("carom/lock.hpp", "#include <unistd.h>\n"), 1u);
  EXPECT_EQ(count("carom/unheard_of.hpp", ""), 1u);
  EXPECT_EQ(count("sync/a.cpp", "#include \"elsewhere/b.hpp\"\n"), 1u);
  EXPECT_EQ(count("sync/a.cpp", "#include \"memory/b.hpp\"\n#include <vector>\n"), 0u);
  EXPECT_EQ(count("platform/a.cpp", "#include <sys/mman.h>\n"), 0u);
}

TEST(Layers, every_word_header_has_all_sections_in_order) {
  int words = 0;
  for (const char* folder : {"src", "include"}) {
    for (const auto& [name, path] : sources_below(folder)) {
      if (!name.ends_with("_word.hpp") || kNoWords.contains(name)) continue;
      ++words;
      EXPECT_EQ(sections_of(read(path)), kSections) << name;
    }
  }
  EXPECT_GE(words, 1);
}

TEST(Layers, a_missing_section_does_not_go_unnoticed) {
  EXPECT_EQ(sections_of("// WORD\n//   bits\n// STATES      from    to\n// DEATHS of kings\n"),
            (std::vector<std::string>{"WORD", "STATES"}));
}
