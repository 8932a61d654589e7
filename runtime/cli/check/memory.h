// Memory with guard pages and canaries, read-only inputs, and a handler that names what a stray
// access hit. One thread makes and destroys blocks; any thread may touch them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/cli/check/libraries.h"

namespace quern_cli::check {

enum class Use { INPUT, OUTPUT, WORKSPACE, SCRATCH };

// `bytes` usable bytes between two guard pages, either ending at the upper page (an overrun of one
// byte faults) or starting at the lower one, always aligned to `align`. The rest of the pages holds
// canaries.
class Block {
 public:
  Block() = default;
  Block(Use use, std::size_t bytes, std::size_t align, bool at_end);  // throws std::bad_alloc
  ~Block();
  Block(Block&& o) noexcept;
  Block& operator=(Block&& o) noexcept;
  unsigned char* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  void protect();    // read only from now on
  void unprotect();  // as made
  bool canaries_whole() const;

 private:
  unsigned char* base_ = nullptr;  // lower guard page
  unsigned char* data_ = nullptr;
  std::size_t bytes_ = 0, span_ = 0;  // span: without the guard pages
  int slot_ = -1;
};

// From now on a fault in a block's pages is written to fd as a failed check ("run.overrun",
// "run.writes_input", "run.reads_outside", "run.workspace") and ends the process with kFaultExit;
// other faults keep their usual end. `subject` is printed with it; it must outlive the process.
constexpr int kFaultExit = 86;
void install_fault_handler(int fd);
void set_fault_subject(const char* subject);

// While `libraries` are set, a fault in the code of one of them, on a thread on which memory that
// this very library asked for was refused, is written as the event "library_crash" and ends the
// process with kLibraryExit. Null = none. They must outlive the process.
constexpr int kLibraryExit = 87;
void set_fault_libraries(const std::vector<Library>* libraries);

}  // namespace quern_cli::check
