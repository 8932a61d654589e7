// What a shared object says of itself: machine, exports, imports, needed libraries, initialisers.
// Reads the file only; nothing is loaded. Every offset is checked against the file's size.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace quern_cli::check {

struct ElfFacts {
  std::string fault;  // why the file is no loadable object for this machine; "" = it is one
  std::vector<std::string> exports, imports, needed;
  std::string run_path;
  std::uint64_t initialisers = 0;  // entries of DT_INIT_ARRAY
  bool text_relocations = false, executable_stack = false, preinit = false;
};

// Throws UsageError when the file can't be read.
ElfFacts read_elf(const std::string& path);

}  // namespace quern_cli::check
