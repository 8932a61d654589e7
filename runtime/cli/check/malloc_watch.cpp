// malloc and its family, forwarding to glibc's own.
// Not for general accounting: a thread that is not watched pays one read of a thread-local.
#include "runtime/cli/check/malloc_watch.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define QUERN_SEES_HEAP 1
#else
#define QUERN_SEES_HEAP 0
#endif

namespace quern_cli::check {
namespace {

struct State {
  bool on = false;
  std::uint64_t count = 0, fail_at = 0, bytes = 0;
};
thread_local State state;

}  // namespace

bool heap_is_visible() { return QUERN_SEES_HEAP != 0; }

HeapWatch::HeapWatch(std::uint64_t fail_at) { state = {true, 0, fail_at, 0}; }
HeapWatch::~HeapWatch() { state.on = false; }
std::uint64_t HeapWatch::allocations() const { return state.count; }
std::uint64_t HeapWatch::bytes() const { return state.bytes; }

HeapPause::HeapPause() : was_on_(state.on) { state.on = false; }
HeapPause::~HeapPause() { state.on = was_on_; }

#if QUERN_SEES_HEAP
namespace {
// True when this allocation is to fail.
bool seen(std::size_t bytes) {
  if (!state.on) return false;
  state.bytes += bytes;
  return ++state.count == state.fail_at;
}
}  // namespace
#endif

}  // namespace quern_cli::check

#if QUERN_SEES_HEAP
#pragma GCC visibility push(default)  // or plugins would go on calling glibc's
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t n) {
  if (quern_cli::check::seen(n)) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t size) {
  if (quern_cli::check::seen(n * size)) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t n) {
  if (quern_cli::check::seen(n)) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_realloc(p, n);
}
void* memalign(std::size_t align, std::size_t n) {
  if (quern_cli::check::seen(n)) {
    errno = ENOMEM;
    return nullptr;
  }
  return __libc_memalign(align, n);
}
void* aligned_alloc(std::size_t align, std::size_t n) { return memalign(align, n); }
int posix_memalign(void** out, std::size_t align, std::size_t n) {
  if (align < sizeof(void*) || (align & (align - 1)) != 0) return EINVAL;
  void* p = memalign(align, n);
  if (!p) return ENOMEM;
  *out = p;
  return 0;
}
void free(void* p) { __libc_free(p); }
}
#pragma GCC visibility pop
#endif
