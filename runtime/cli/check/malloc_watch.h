// Sees the heap: counts what a thread allocates while it is watched, and lets its k-th allocation
// fail. Works by defining malloc and its family in this program, which plugins then call too; does
// nothing in sanitizer builds, which have their own.
#pragma once
#include <cstdint>

namespace quern_cli::check {

// False where the heap can't be seen: a sanitizer build or another C library than glibc.
bool heap_is_visible();

// Watches the calling thread while it lives.
class HeapWatch {
 public:
  // fail_at 0 = none fails; k = the k-th allocation from here fails, once.
  explicit HeapWatch(std::uint64_t fail_at = 0);
  ~HeapWatch();
  HeapWatch(const HeapWatch&) = delete;
  HeapWatch& operator=(const HeapWatch&) = delete;
  std::uint64_t allocations() const;
  std::uint64_t bytes() const;  // of all of them together
  // Where in the code the allocation was asked for that failed; null when none did. Of the calling
  // thread; may be called by a signal handler.
  static const void* refused();
};

// Does not watch while it lives: for what the tool itself does inside of a watched call.
class HeapPause {
 public:
  HeapPause();
  ~HeapPause();
  HeapPause(const HeapPause&) = delete;
  HeapPause& operator=(const HeapPause&) = delete;

 private:
  bool was_on_;
};

}  // namespace quern_cli::check
