// Program headers against the size of the file.
#include "runtime/host/object_file.h"

#include <elf.h>

#include <cstring>
#include <filesystem>
#include <fstream>

namespace quern {
namespace {

template <typename T>
bool read_at(std::ifstream& in, std::uint64_t at, T& to) {
  in.clear();
  in.seekg(static_cast<std::streamoff>(at));
  return static_cast<bool>(in.read(reinterpret_cast<char*>(&to), sizeof to));
}

}  // namespace

std::string object_file_fault(const std::string& path) {
  std::error_code ec;
  const std::filesystem::file_status status = std::filesystem::status(path, ec);
  if (ec || !std::filesystem::exists(status)) return "";
  if (!std::filesystem::is_regular_file(status)) return "it is not a regular file";
  const std::uint64_t size = std::filesystem::file_size(path, ec);
  std::ifstream in(path, std::ios::binary);
  Elf64_Ehdr h;
  if (ec || !in || !read_at(in, 0, h)) return "";
  if (std::memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 || h.e_ident[EI_CLASS] != ELFCLASS64) return "";
  for (unsigned i = 0; i < h.e_phnum; ++i) {
    Elf64_Phdr p;
    if (h.e_phentsize != sizeof p || !read_at(in, h.e_phoff + i * sizeof p, p) ||
        p.p_filesz > size || p.p_offset > size - p.p_filesz)
      return "the file is cut short";
  }
  return "";
}

}  // namespace quern
