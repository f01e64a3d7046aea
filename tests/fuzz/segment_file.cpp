// Files that somebody else has put where a segment is looked for.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "fuzz/arena.hpp"
#include "memory/layout.hpp"

namespace {

constexpr const char* kName = "spoiled";
constexpr std::size_t kDataBytes = 300;

/// A directory for named segments of this process's own.
class Directory {
 public:
  Directory() {
    fuzz::expect(mkdtemp(path_) != nullptr, "there can be a directory");
    setenv("CAROM_DIR", path_, 1);
    std::atexit([] { std::filesystem::remove_all(std::getenv("CAROM_DIR")); });
    {
      const carom::Segment made = carom::Segment::create(kName, kDataBytes, {.participants = 8, .type = 7});
      made.join();
      made.leave();
    }
    const int fd = open(file().c_str(), O_RDONLY | O_CLOEXEC);
    sound_.resize(static_cast<std::size_t>(lseek(fd, 0, SEEK_END)));
    fuzz::expect(pread(fd, sound_.data(), sound_.size(), 0) == static_cast<ssize_t>(sound_.size()),
                 "it can be read");
    close(fd);
  }
  std::string file() const { return std::string(path_) + "/carom." + kName; }
  const std::vector<std::byte>& sound() const { return sound_; }

 private:
  char path_[32] = "/dev/shm/carom-fuzz-XXXXXX";
  std::vector<std::byte> sound_;
};

void spoil(std::vector<std::byte>& bytes, fuzz::Input& input) {
  using carom::memory::SegmentHeader;
  switch (input.choice(6)) {
    case 0: {  // a field of the header
      const std::size_t from = input.choice(16) * 4u;
      const std::uint64_t value =
          input.choice(2) == 0 ? std::uint64_t{1} << input.choice(64) : input.byte() * 1024u;
      std::memcpy(bytes.data() + from, &value, input.choice(2) == 0 ? 4 : 8);
      break;
    }
    case 1:
      input.copy(bytes.data() + input.byte() % sizeof(SegmentHeader), 1 + input.byte() % 64);
      break;
    case 2:  // sizes that agree, and are not those of the file
    {
      SegmentHeader header{};
      std::memcpy(static_cast<void*>(&header), bytes.data(), sizeof header);
      header.capacity = 1u << input.choice(16);
      header.data_bytes = input.value<std::uint32_t>() >> input.choice(32);
      const auto extent = carom::memory::Extent::of(header.capacity, header.data_bytes, 4096);
      header.data_offset = extent.data_offset;
      header.life_offset = extent.life_offset;
      header.total_bytes = extent.total_bytes;
      std::memcpy(bytes.data(), static_cast<const void*>(&header), sizeof header);
      break;
    }
    case 3:  // the roster
      input.copy(bytes.data() + 4096 + input.value<std::uint16_t>() % (8 * sizeof(carom::memory::Slot) - 64),
                 64);
      break;
    case 4:
      bytes.resize(std::max<std::size_t>(sizeof(SegmentHeader), input.value<std::uint16_t>() * 4u));
      break;
    default:
      for (std::size_t at = input.byte(); at < bytes.size(); at += 1 + input.byte() * 8u)
        bytes[at] ^= std::byte{input.byte()};
      break;
  }
}

void use(fuzz::Input& input) {
  const carom::Segment segment = carom::Segment::open(kName, input.choice(4) == 0 ? 0 : 7);
  auto* const data = static_cast<std::byte*>(segment.data());
  data[0] = std::byte{1};
  data[segment.size() - 1] = std::byte{1};
  segment.removed();
  segment.replaced();
  segment.takeovers();
  fuzz::Run::expect_sound(segment.participants());
  carom::find_deadlock(segment);
  fuzz::Run::expect_sound({segment.join()});
  if (segment.size() >= sizeof(carom::Semaphore)) {
    auto* const semaphore = ::new (data) carom::Semaphore(1);
    semaphore->lock();
    semaphore->unlock();
    fuzz::Run::expect_sound(semaphore->holders());
  }
  segment.leave();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Directory& directory = *new Directory;
  fuzz::Input input(data, size);
  std::vector<std::byte> bytes = directory.sound();
  for (std::uint32_t left = input.choice(4); left != 0; --left) spoil(bytes, input);
  const std::size_t end =
      input.choice(4) == 0 ? input.value<std::uint16_t>() % (bytes.size() + 1) : bytes.size();
  unlink(directory.file().c_str());
  const int fd = open(directory.file().c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  fuzz::expect(write(fd, bytes.data(), end) == static_cast<ssize_t>(end), "it can be written");
  close(fd);
  fuzz::Run::attempt([&] { use(input); });
  fuzz::Run::attempt([&] { carom::Segment::open_or_create(kName, 1 + input.byte()); });
  fuzz::Run::attempt([&] { carom::Segment::remove(kName); });
  return 0;
}
