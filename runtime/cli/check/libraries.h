// The shared objects that came into the process with a plugin: the libraries it needs and brings.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace quern_cli::check {

struct Library {
  std::string name;  // of the file, without its folder
  struct Code {
    std::uintptr_t from, to;
  };
  std::vector<Code> code;
  bool holds(const void* address) const {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    for (const Code& c : code)
      if (at >= c.from && at < c.to) return true;
    return false;
  }
};

// What is loaded when it is made, and what came since.
class Libraries {
 public:
  Libraries();
  // Without the object that holds `inside`: the plugin itself.
  std::vector<Library> arrived(const void* inside) const;

 private:
  std::set<std::uintptr_t> before_;  // their addresses
};

}  // namespace quern_cli::check
