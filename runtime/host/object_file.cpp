// Program headers against the size of the file.
#include "runtime/host/object_file.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "runtime/io/file.h"

namespace quern {
namespace {

template <typename T>
bool read_at(const File& in, std::uint64_t at, T& to) {
  return ::pread(in.fd(), &to, sizeof to, static_cast<off_t>(at)) == sizeof to;
}

}  // namespace

std::string object_file_fault(const std::string& path) {
  const File in(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status;
  if (!in || ::fstat(in.fd(), &status) != 0) return "";
  if (!S_ISREG(status.st_mode)) return "it is not a regular file";
  const auto size = static_cast<std::uint64_t>(status.st_size);
  Elf64_Ehdr h;
  if (!read_at(in, 0, h)) return "";
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
