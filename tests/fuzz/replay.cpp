// Runs a harness without a fuzzing engine: every file of the corpus, then inputs made from them and
// from nothing by a fixed pseudo-random sequence. The same inputs on every machine.
// usage: replay COUNT CORPUS-FOLDER..
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "fuzz.h"

namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> read_corpus(char** first, char** last) {
  std::vector<std::filesystem::path> files;
  for (; first != last; ++first)
    if (std::filesystem::exists(*first))
      for (const auto& f : std::filesystem::directory_iterator(*first)) files.push_back(f.path());
  std::sort(files.begin(), files.end());
  std::vector<Bytes> corpus;
  for (const auto& f : files) {
    std::ifstream in(f, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

Bytes next_input(const std::vector<Bytes>& corpus, std::mt19937_64& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  Bytes b;
  if (corpus.empty() || below(4) == 0) {
    b.resize(below(256));
    for (auto& byte : b) byte = static_cast<std::uint8_t>(random());
    return b;
  }
  b = corpus[below(corpus.size())];
  for (std::size_t n = 1 + below(6); n > 0 && !b.empty(); --n) {
    const std::size_t at = below(b.size());
    switch (below(5)) {
      case 0:
        b[at] = static_cast<std::uint8_t>(random());
        break;
      case 1:
        b[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 2:
        b.resize(at);
        break;
      case 3:
        b.insert(b.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::uint8_t>(random()));
        break;
      default: {  // the tail of another
        const Bytes& other = corpus[below(corpus.size())];
        b.resize(at);
        if (!other.empty())
          b.insert(b.end(), other.begin() + static_cast<std::ptrdiff_t>(below(other.size())),
                   other.end());
      }
    }
  }
  return b;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s COUNT CORPUS-FOLDER..\n", argv[0]);
    return 2;
  }
  const std::vector<Bytes> corpus = read_corpus(argv + 2, argv + argc);
  const long count = std::strtol(argv[1], nullptr, 10);
  for (const Bytes& b : corpus) LLVMFuzzerTestOneInput(b.data(), b.size());
  std::mt19937_64 random(20240607);
  for (long i = 0; i < count; ++i) {
    const Bytes b = next_input(corpus, random);
    LLVMFuzzerTestOneInput(b.data(), b.size());
  }
  std::printf("[  COUNT   ] %zu inputs of the corpus and %ld made ones replayed\n", corpus.size(),
              count);
  return 0;
}
