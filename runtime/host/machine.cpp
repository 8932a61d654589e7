// cpuid on x86, the kernel's words elsewhere; ELF notes for builds.
#include "runtime/host/machine.h"

#include <link.h>
#include <sys/auxv.h>
#include <sys/utsname.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "quern/kernel.h"
#include "runtime/core/error.h"

namespace quern {
namespace {

#if defined(__x86_64__) || defined(__i386__)
std::string processor() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  unsigned brand[13] = {};
  for (unsigned i = 0; i < 3; ++i)
    __get_cpuid(0x80000002u + i, &brand[4 * i], &brand[4 * i + 1], &brand[4 * i + 2],
                &brand[4 * i + 3]);
  const char* model = reinterpret_cast<const char*>(brand);
  while (*model == ' ') ++model;
  __get_cpuid(1, &a, &b, &c, &d);
  const unsigned signature = a, basic = c;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) b = c = d = 0;
  return str(model, " ", std::hex, signature, " ", basic & ~(1u << 27), " ", b, " ", c, " ", d);
}
#else
std::string processor() { return str(std::hex, getauxval(AT_HWCAP), " ", getauxval(AT_HWCAP2)); }
#endif

constexpr const char* kIsaNames[] = {"baseline", "sse4", "avx2", "avx512", "avx512_vnni", "amx"};

std::uint32_t read_max_isa(const char* name) {
  if (!name || !*name) return QN_ISA_AMX;
  for (std::uint32_t i = 0; i <= QN_ISA_AMX; ++i)
    if (std::strcmp(name, kIsaNames[i]) == 0) return i;
  fail_invalid("[runtime] QUERN_MAX_ISA is '", name,
               "', expected baseline, sse4, avx2, avx512, avx512_vnni or amx");
}

struct Search {
  std::uintptr_t address;
  bool found = false;
  unsigned char id[8] = {};
};

bool holds(const dl_phdr_info& o, std::uintptr_t address) {
  for (unsigned i = 0; i < o.dlpi_phnum; ++i) {
    const auto& p = o.dlpi_phdr[i];
    const std::uintptr_t start = o.dlpi_addr + p.p_vaddr;
    if (p.p_type == PT_LOAD && address >= start && address - start < p.p_memsz) return true;
  }
  return false;
}

// Notes: three words (sizes of name and contents, type), then both, each padded to words.
void read_notes(const char* at, std::size_t bytes, Search& s) {
  while (bytes >= 12) {
    std::uint32_t word[3];
    std::memcpy(word, at, sizeof word);
    const std::size_t name = (word[0] + std::size_t{3}) / 4 * 4,
                      body = (word[1] + std::size_t{3}) / 4 * 4;
    if (name > bytes - 12 || body > bytes - 12 - name) return;
    if (word[2] == NT_GNU_BUILD_ID && word[0] == 4 && std::memcmp(at + 12, "GNU", 4) == 0 &&
        word[1] >= sizeof s.id) {
      std::memcpy(s.id, at + 12 + name, sizeof s.id);
      s.found = true;
      return;
    }
    at += 12 + name + body;
    bytes -= 12 + name + body;
  }
}

int visit(dl_phdr_info* o, std::size_t, void* self) {
  Search& s = *static_cast<Search*>(self);
  if (!holds(*o, s.address)) return 0;
  for (unsigned i = 0; i < o->dlpi_phnum && !s.found; ++i)
    if (const auto& p = o->dlpi_phdr[i]; p.p_type == PT_NOTE)
      read_notes(reinterpret_cast<const char*>(o->dlpi_addr + p.p_vaddr), p.p_memsz, s);
  return 1;
}

}  // namespace

std::string cpu_identity() {
  struct utsname u;
  const char* machine = ::uname(&u) == 0 ? u.machine : "unknown";
  std::string line = str(machine, " ", processor());
  if (max_isa() != QN_ISA_AMX) line += str(" up to ", kIsaNames[max_isa()]);
  return line;
}

const std::uint32_t& max_isa() {
  static const std::uint32_t isa = read_max_isa(std::getenv("QUERN_MAX_ISA"));
  return isa;
}

std::string build_of(const void* address) {
  Search s{reinterpret_cast<std::uintptr_t>(address)};
  dl_iterate_phdr(visit, &s);
  std::string hex;
  for (const unsigned char c : s.id) {
    if (!s.found) break;
    hex += "0123456789abcdef"[c >> 4];
    hex += "0123456789abcdef"[c & 15];
  }
  return hex;
}

}  // namespace quern
