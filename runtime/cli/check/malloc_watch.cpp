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
  const void* refused = nullptr;
};
thread_local State state;

}  // namespace

bool heap_is_visible() { return QUERN_SEES_HEAP != 0; }

HeapWatch::HeapWatch(std::uint64_t fail_at) { state = {true, 0, fail_at, 0, nullptr}; }
HeapWatch::~HeapWatch() { state.on = false; }
std::uint64_t HeapWatch::allocations() const { return state.count; }
std::uint64_t HeapWatch::bytes() const { return state.bytes; }
const void* HeapWatch::refused() { return state.refused; }

HeapPause::HeapPause() : was_on_(state.on) { state.on = false; }
HeapPause::~HeapPause() { state.on = was_on_; }

#if QUERN_SEES_HEAP
namespace {
// True when this allocation is to fail; `caller` asks for it.
bool seen(std::size_t bytes, const void* caller) {
  if (!state.on) return false;
  state.bytes += bytes;
  if (++state.count != state.fail_at) return false;
  state.refused = caller;
  errno = ENOMEM;
  return true;
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

#define CALLER __builtin_return_address(0)

void* malloc(std::size_t n) {
  return quern_cli::check::seen(n, CALLER) ? nullptr : __libc_malloc(n);
}
void* calloc(std::size_t n, std::size_t size) {
  return quern_cli::check::seen(n * size, CALLER) ? nullptr : __libc_calloc(n, size);
}
void* realloc(void* p, std::size_t n) {
  return quern_cli::check::seen(n, CALLER) ? nullptr : __libc_realloc(p, n);
}
void* memalign(std::size_t align, std::size_t n) {
  return quern_cli::check::seen(n, CALLER) ? nullptr : __libc_memalign(align, n);
}
void* aligned_alloc(std::size_t align, std::size_t n) {
  return quern_cli::check::seen(n, CALLER) ? nullptr : __libc_memalign(align, n);
}
int posix_memalign(void** out, std::size_t align, std::size_t n) {
  if (align < sizeof(void*) || (align & (align - 1)) != 0) return EINVAL;
  void* p = quern_cli::check::seen(n, CALLER) ? nullptr : __libc_memalign(align, n);
  if (!p) return ENOMEM;
  *out = p;
  return 0;
}
void free(void* p) { __libc_free(p); }
}
#pragma GCC visibility pop
#endif
