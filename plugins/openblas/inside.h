// Memory that OpenBLAS uses inside a call, in regions reserved beforehand and one for each thread
// that is inside: so a call never fails for want of memory, and any number of threads may call.
// Debian's serial build alone hands one block to two threads, and some of its kernels do not ask
// whether malloc gave them anything; the linker (plugin.cmake) sends both to inside.cpp.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

namespace quern::openblas {

// The regions of one runtime. A region is address space: only what a call touches becomes memory,
// and that is kept for the next call.
class Regions {
 public:
  Regions() = default;
  ~Regions();
  Regions(const Regions&) = delete;
  Regions& operator=(const Regions&) = delete;

  // From now on at least n threads work at a time. Throws std::bad_alloc. [any]
  void reserve(std::uint32_t n);

 private:
  friend class Inside;
  void* take() noexcept;  // waits while all are taken
  void give(void* region) noexcept;

  std::mutex mutex_;
  std::condition_variable given_;
  std::vector<void*> all_, free_;
};

// While it lives, this thread may call OpenBLAS. Not nested; `reserve` comes first.
class Inside {
 public:
  explicit Inside(Regions& regions) noexcept;
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  Regions& regions_;
  void* region_;
};

}  // namespace quern::openblas
