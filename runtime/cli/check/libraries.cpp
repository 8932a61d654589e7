// What the dynamic loader has mapped.
#include "runtime/cli/check/libraries.h"

#include <link.h>

namespace quern_cli::check {
namespace {

struct Loaded {
  std::uintptr_t address;
  Library library;
};

std::vector<Loaded> loaded() {
  std::vector<Loaded> all;
  dl_iterate_phdr(
      [](dl_phdr_info* o, std::size_t, void* self) {
        const std::string path = o->dlpi_name ? o->dlpi_name : "";
        Loaded l{o->dlpi_addr, {path.substr(path.rfind('/') + 1), {}}};
        for (unsigned i = 0; i < o->dlpi_phnum; ++i) {
          const auto& p = o->dlpi_phdr[i];
          const std::uintptr_t from = o->dlpi_addr + p.p_vaddr;
          if (p.p_type == PT_LOAD && (p.p_flags & PF_X))
            l.library.code.push_back({from, from + p.p_memsz});
        }
        static_cast<std::vector<Loaded>*>(self)->push_back(std::move(l));
        return 0;
      },
      &all);
  return all;
}

}  // namespace

Libraries::Libraries() {
  for (const Loaded& l : loaded()) before_.insert(l.address);
}

std::vector<Library> Libraries::arrived(const void* inside) const {
  std::vector<Library> v;
  for (Loaded& l : loaded())
    if (!before_.contains(l.address) && !l.library.holds(inside)) v.push_back(std::move(l.library));
  return v;
}

}  // namespace quern_cli::check
