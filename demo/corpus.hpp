// What is counted: the plain text files below some folders, in pieces, and the words in them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace demo {

/// A word in lower case, padded with zeros. Longer ones are cut, in the same way wherever they are counted.
struct Word {
  std::array<char, 24> letters{};

  explicit Word(std::string_view text = {});
  bool empty() const noexcept { return letters[0] == '\0'; }
  std::size_t hash() const noexcept;
  auto operator<=>(const Word&) const = default;
};

struct WordCount {
  Word word;
  std::uint64_t times = 0;
};

/// One piece of a file, small enough to be counted within the few milliseconds that a worker has to live.
/// Pieces never begin or end within a word.
struct Piece {
  std::uint32_t file = 0;
  std::uint32_t bytes = 0;
  std::uint64_t offset = 0;
  std::uint64_t checksum = 0;
};

struct Corpus {
  std::vector<std::filesystem::path> files;
  std::vector<Piece> pieces;
  std::size_t unreadable = 0;
  std::uint64_t bytes = 0;

  // What one process alone counts, which is what every run has to come to.
  std::vector<WordCount> counts;  ///< sorted by word
  std::uint64_t words = 0;
  double seconds = 0;
};

/// Finds the files below the folders, or named as such, and counts their words once. Throws
/// std::runtime_error if a folder does not exist or there is nothing to count.
Corpus read_corpus(const std::vector<std::string>& folders);

/// The words of one piece, sorted: whoever counts it again meets them in the same order. Throws
/// std::runtime_error if the file is no longer what it was.
std::vector<WordCount> count_piece(const Corpus& corpus, const Piece& piece);

}  // namespace demo
