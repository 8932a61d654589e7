// A small reader of ELF64 shared objects of this machine, by their program headers.
// Section headers are not used: a stripped file has none.
#include "runtime/cli/check/elf.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "runtime/cli/client.h"

namespace quern_cli::check {
namespace {

#if defined(__x86_64__)
constexpr unsigned kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr unsigned kMachine = EM_RISCV;
#else
constexpr unsigned kMachine = EM_NONE;  // not judged
#endif

struct Truncated : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class File {
 public:
  explicit File(std::vector<char> bytes) : bytes_(std::move(bytes)) {}

  template <class T>
  T at(std::uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T))
      throw Truncated("it ends in the middle of its headers");
    T t;
    std::memcpy(&t, bytes_.data() + offset, sizeof t);
    return t;
  }
  std::string text(std::uint64_t offset) const {
    if (offset >= bytes_.size()) throw Truncated("a name lies outside the file");
    const char* from = bytes_.data() + offset;
    const void* end = std::memchr(from, 0, bytes_.size() - offset);
    if (!end) throw Truncated("a name does not end");
    return {from, static_cast<const char*>(end)};
  }
  // The file offset of a virtual address.
  std::uint64_t offset_of(std::uint64_t address) const {
    for (const Elf64_Phdr& p : segments)
      if (p.p_type == PT_LOAD && address >= p.p_vaddr && address - p.p_vaddr < p.p_filesz)
        return address - p.p_vaddr + p.p_offset;
    throw Truncated("an address lies outside its segments");
  }
  std::uint64_t size() const { return bytes_.size(); }
  std::vector<Elf64_Phdr> segments;

 private:
  std::vector<char> bytes_;
};

struct Dynamic {
  std::uint64_t symbols = 0, strings = 0, hash = 0, gnu_hash = 0;
  std::vector<std::uint64_t> needed;
  std::uint64_t run_path = 0;
};

// The number of dynamic symbols, which no header states.
std::uint64_t symbol_count(const File& f, const Dynamic& d) {
  if (d.hash) return f.at<std::uint32_t>(f.offset_of(d.hash) + 4);
  if (!d.gnu_hash) return 0;
  const std::uint64_t at = f.offset_of(d.gnu_hash);
  const auto buckets = f.at<std::uint32_t>(at), first = f.at<std::uint32_t>(at + 4),
             bloom = f.at<std::uint32_t>(at + 8);
  const std::uint64_t bucket_at = at + 16 + std::uint64_t{8} * bloom;
  std::uint64_t last = 0;
  for (std::uint32_t i = 0; i < buckets; ++i)
    last = std::max<std::uint64_t>(last, f.at<std::uint32_t>(bucket_at + std::uint64_t{4} * i));
  if (last < first) return first;
  const std::uint64_t chain_at = bucket_at + std::uint64_t{4} * buckets;
  while (!(f.at<std::uint32_t>(chain_at + 4 * (last - first)) & 1u)) ++last;
  return last + 1;
}

void read_symbols(const File& f, const Dynamic& d, ElfFacts& facts) {
  if (!d.symbols || !d.strings) return;
  const std::uint64_t names = f.offset_of(d.strings), table = f.offset_of(d.symbols);
  const std::uint64_t n = symbol_count(f, d);
  for (std::uint64_t i = 1; i < n; ++i) {
    const auto s = f.at<Elf64_Sym>(table + i * sizeof(Elf64_Sym));
    const unsigned binding = ELF64_ST_BIND(s.st_info);
    if (binding != STB_GLOBAL && binding != STB_WEAK && binding != STB_GNU_UNIQUE) continue;
    const std::string name = f.text(names + s.st_name);
    if (name.empty() || s.st_shndx == SHN_ABS) continue;  // SHN_ABS: the name of a version
    (s.st_shndx == SHN_UNDEF ? facts.imports : facts.exports).push_back(name);
  }
}

void read_dynamic(const File& f, const Elf64_Phdr& segment, ElfFacts& facts) {
  Dynamic d;
  for (std::uint64_t at = segment.p_offset; at - segment.p_offset < segment.p_filesz;
       at += sizeof(Elf64_Dyn)) {
    const auto e = f.at<Elf64_Dyn>(at);
    if (e.d_tag == DT_NULL) break;
    switch (e.d_tag) {
      case DT_NEEDED:
        d.needed.push_back(e.d_un.d_val);
        break;
      case DT_SYMTAB:
        d.symbols = e.d_un.d_ptr;
        break;
      case DT_STRTAB:
        d.strings = e.d_un.d_ptr;
        break;
      case DT_HASH:
        d.hash = e.d_un.d_ptr;
        break;
      case DT_GNU_HASH:
        d.gnu_hash = e.d_un.d_ptr;
        break;
      case DT_RPATH:
      case DT_RUNPATH:
        d.run_path = e.d_un.d_val;
        break;
      case DT_INIT_ARRAYSZ:
        facts.initialisers = e.d_un.d_val / 8;
        break;
      case DT_PREINIT_ARRAYSZ:
        facts.preinit = e.d_un.d_val > 0;
        break;
      case DT_TEXTREL:
        facts.text_relocations = true;
        break;
      case DT_FLAGS:
        facts.text_relocations |= (e.d_un.d_val & DF_TEXTREL) != 0;
        break;
      default:
        break;
    }
  }
  if (!d.strings) throw Truncated("it has no table of names");
  const std::uint64_t names = f.offset_of(d.strings);
  for (const std::uint64_t n : d.needed) facts.needed.push_back(f.text(names + n));
  if (d.run_path) facts.run_path = f.text(names + d.run_path);
  read_symbols(f, d, facts);
}

std::string header_fault(const Elf64_Ehdr& h) {
  if (std::memcmp(h.e_ident, ELFMAG, SELFMAG) != 0) return "it is not an ELF file";
  if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB)
    return "it is not a 64-bit little-endian object";
  if (kMachine != EM_NONE && h.e_machine != kMachine)
    return "it is for another machine (ELF machine " + std::to_string(h.e_machine) + ", here " +
           std::to_string(kMachine) + ")";
  if (h.e_type != ET_DYN) return "it is not a shared object (link it with -shared)";
  if (h.e_phentsize != sizeof(Elf64_Phdr)) return "its program headers have an unknown size";
  return "";
}

}  // namespace

ElfFacts read_elf(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw UsageError("can't read " + path);
  File f(std::vector<char>{std::istreambuf_iterator<char>(in), {}});
  ElfFacts facts;
  try {
    const auto h = f.at<Elf64_Ehdr>(0);
    facts.fault = header_fault(h);
    if (!facts.fault.empty()) return facts;
    for (unsigned i = 0; i < h.e_phnum; ++i)
      f.segments.push_back(f.at<Elf64_Phdr>(h.e_phoff + i * sizeof(Elf64_Phdr)));
    bool dynamic = false;
    for (const Elf64_Phdr& p : f.segments) {
      if (p.p_filesz > f.size() || p.p_offset > f.size() - p.p_filesz)
        throw Truncated("the file is cut short");
      if (p.p_type == PT_GNU_STACK) facts.executable_stack = (p.p_flags & PF_X) != 0;
      if (p.p_type != PT_DYNAMIC) continue;
      dynamic = true;
      read_dynamic(f, p, facts);
    }
    if (!dynamic) facts.fault = "it has no dynamic section";
  } catch (const Truncated& e) {
    facts.fault = e.what();
  }
  return facts;
}

}  // namespace quern_cli::check
