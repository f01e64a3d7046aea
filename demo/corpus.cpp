#include "corpus.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <unordered_map>

namespace demo {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 16 * 1024;
constexpr std::streamsize kReadBytes = 1 << 20;
constexpr std::size_t kProbeBytes = 4096;

struct HashWord {
  std::size_t operator()(const Word& word) const noexcept { return word.hash(); }
};

/// Letters of ASCII, and every byte of the longer characters of UTF-8.
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (static_cast<unsigned char>(c) & 0x80) != 0;
}

char lowered(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::vector<WordCount> count_words(std::string_view text) {
  std::unordered_map<Word, std::uint64_t, HashWord> found;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_letter(text[end])) ++end;
    if (end > at) ++found[Word(text.substr(at, end - at))];
    at = end + 1;
  }
  std::vector<WordCount> counts;
  counts.reserve(found.size());
  for (const auto& [word, times] : found) counts.push_back({word, times});
  std::ranges::sort(counts, {}, &WordCount::word);
  return counts;
}

std::uint64_t checksum(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

bool read_file(const fs::path& path, std::string& text) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return false;
  text.clear();
  std::size_t length = 0;
  do {
    text.resize(length + std::size_t{kReadBytes});
    file.read(text.data() + length, kReadBytes);
    length += static_cast<std::size_t>(file.gcount());
  } while (file);
  text.resize(length);
  return file.eof();
}

bool is_plain_text(const fs::path& path, std::string_view text) {
  return path.extension() != ".gz" && text.substr(0, kProbeBytes).find('\0') == std::string_view::npos;
}

std::vector<fs::path> find_files(const std::vector<std::string>& folders) {
  std::vector<fs::path> files;
  for (const std::string& folder : folders) {
    std::error_code error;
    const fs::path path = fs::canonical(folder, error);
    if (error) throw std::runtime_error(folder + ": " + error.message());
    if (fs::is_regular_file(path)) {
      files.push_back(path);
      continue;
    }
    if (!fs::is_directory(path)) throw std::runtime_error(folder + ": neither a folder nor a file");
    fs::recursive_directory_iterator entry(path, fs::directory_options::skip_permission_denied, error);
    if (error) throw std::runtime_error(folder + ": " + error.message());
    for (; entry != fs::recursive_directory_iterator(); entry.increment(error)) {
      if (error) throw std::runtime_error(folder + ": " + error.message());
      if (fs::is_regular_file(entry->symlink_status(error))) files.push_back(entry->path());
    }
  }
  std::ranges::sort(files);
  files.erase(std::unique(files.begin(), files.end()), files.end());  // folders within folders
  return files;
}

std::vector<Piece> cut(std::string_view text, std::size_t file) {
  std::vector<Piece> pieces;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    end = std::min(begin + kPieceBytes, text.size());
    while (end < text.size() && is_letter(text[end])) ++end;
    pieces.push_back({static_cast<std::uint32_t>(file), static_cast<std::uint32_t>(end - begin), begin,
                      checksum(text.substr(begin, end - begin))});
  }
  return pieces;
}

}  // namespace

Word::Word(std::string_view text) {
  const std::size_t length = std::min(text.size(), letters.size());
  std::transform(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length), letters.begin(), lowered);
}

std::size_t Word::hash() const noexcept {
  return std::hash<std::string_view>()({letters.data(), letters.size()});
}

Corpus read_corpus(const std::vector<std::string>& folders) {
  const auto began = std::chrono::steady_clock::now();
  Corpus corpus;
  std::unordered_map<Word, std::uint64_t, HashWord> total;
  std::string text;
  for (const fs::path& path : find_files(folders)) {
    if (path.extension() == ".gz") continue;
    if (!read_file(path, text)) {
      ++corpus.unreadable;
      continue;
    }
    if (text.empty() || !is_plain_text(path, text)) continue;
    const std::vector<Piece> pieces = cut(text, corpus.files.size());
    corpus.pieces.insert(corpus.pieces.end(), pieces.begin(), pieces.end());
    corpus.files.push_back(path);
    corpus.bytes += text.size();
    for (const auto& [word, times] : count_words(text)) {
      total[word] += times;
      corpus.words += times;
    }
  }
  if (corpus.words == 0) throw std::runtime_error("no words: there is no plain text in the given folders");
  corpus.counts.reserve(total.size());
  for (const auto& [word, times] : total) corpus.counts.push_back({word, times});
  std::ranges::sort(corpus.counts, {}, &WordCount::word);
  corpus.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return corpus;
}

std::vector<WordCount> count_piece(const Corpus& corpus, const Piece& piece) {
  const fs::path& path = corpus.files[piece.file];
  std::string text(piece.bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(piece.offset));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file || checksum(text) != piece.checksum) {
    throw std::runtime_error(path.string() + ": changed while it was being counted");
  }
  return count_words(text);
}

}  // namespace demo
