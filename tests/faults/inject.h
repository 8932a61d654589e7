// Faults on demand: the k-th allocation or the k-th system call of a kind fails. The hooks replace
// malloc or operator new, and the file functions of libc, in this test program.
// They do nothing while no fault is armed, and only on the thread that armed it.
#pragma once
#include <cstdint>

namespace faults {

enum class Source : int {
  heap,   // malloc and its family; under a sanitizer, operator new
  hooks,  // qn_allocator, as given to a runtime
  files,  // open, fstat, pread, pwrite, fsync, rename, flock
  kill,   // the same; but the process dies there
};

struct Fault {
  Source source = Source::heap;
  std::uint64_t k = UINT64_MAX;  // counted from 1
  bool forever = false;          // also every later one
  int error = 0;                 // files: errno
};

void set(const Fault& f);  // also starts counting anew
void arm();
void disarm();
std::uint64_t count();  // events of the source since set()
bool injected();        // whether a fault happened since set()
bool memory_fault();    // whether the fault set is one of memory

// For the hooks: one event; true if it shall fail.
bool event(Source s);
int error();

// From now on no allocation fails that the code of this library asks for by malloc or its family
// (operator new is another library's). One library at a time; it is loaded.
void spare(const char* library);

// Blocks that the heap has handed out and not got back.
std::int64_t live_blocks();

}  // namespace faults
