// The heap of this program: malloc's family counts blocks and can fail. Sanitizers have a malloc of
// their own, which must stay; then operator new is replaced instead.
#include <link.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "inject.h"

namespace {
std::atomic<std::int64_t> live{0};
struct Code {
  std::atomic<std::uintptr_t> from{0}, to{0};
};
Code spared;

// `caller`: the code that asks.
bool fails(const void* caller) {
  const auto at = reinterpret_cast<std::uintptr_t>(caller);
  if (at >= spared.from && at < spared.to) return false;
  return faults::event(faults::Source::heap);
}
}  // namespace

namespace faults {
void spare(const char* library) {
  dl_iterate_phdr(
      [](dl_phdr_info* o, std::size_t, void* name) {
        if (!o->dlpi_name || !std::strstr(o->dlpi_name, static_cast<const char*>(name))) return 0;
        for (unsigned i = 0; i < o->dlpi_phnum; ++i) {
          const auto& segment = o->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
          spared.from = o->dlpi_addr + segment.p_vaddr;
          spared.to = spared.from + segment.p_memsz;
        }
        return 1;
      },
      const_cast<char*>(library));
}
std::int64_t live_blocks() { return live.load(std::memory_order_relaxed); }
}  // namespace faults

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

namespace {
void* take(std::size_t n, std::size_t align) {
  if (fails(nullptr)) return nullptr;
  n = n ? n : 1;
  void* p = align > alignof(std::max_align_t)
                ? std::aligned_alloc(align, (n + align - 1) / align * align)
                : std::malloc(n);
  if (p) live.fetch_add(1, std::memory_order_relaxed);
  return p;
}
void* take_or_throw(std::size_t n, std::size_t align) {
  void* p = take(n, align);
  if (!p) throw std::bad_alloc();
  return p;
}
void give(void* p) noexcept {
  if (p) live.fetch_sub(1, std::memory_order_relaxed);
  std::free(p);
}
}  // namespace

void* operator new(std::size_t n) { return take_or_throw(n, 0); }
void* operator new[](std::size_t n) { return take_or_throw(n, 0); }
void* operator new(std::size_t n, std::align_val_t a) {
  return take_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return take_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return take(n, 0); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return take(n, 0); }
void operator delete(void* p) noexcept { give(p); }
void operator delete[](void* p) noexcept { give(p); }
void operator delete(void* p, std::size_t) noexcept { give(p); }
void operator delete[](void* p, std::size_t) noexcept { give(p); }
void operator delete(void* p, std::align_val_t) noexcept { give(p); }
void operator delete[](void* p, std::align_val_t) noexcept { give(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { give(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { give(p); }

#else

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

static void* counted(void* p) {
  if (p) live.fetch_add(1, std::memory_order_relaxed);
  return p;
}
#define CALLER __builtin_return_address(0)
static void* refused() {
  errno = ENOMEM;
  return nullptr;
}

void* malloc(std::size_t n) { return fails(CALLER) ? refused() : counted(__libc_malloc(n)); }
void* calloc(std::size_t n, std::size_t size) {
  return fails(CALLER) ? refused() : counted(__libc_calloc(n, size));
}
void* realloc(void* p, std::size_t n) {
  if (fails(CALLER)) return refused();
  void* q = __libc_realloc(p, n);
  if (!p) return counted(q);
  if (!q && n == 0) live.fetch_sub(1, std::memory_order_relaxed);
  return q;
}
void* aligned_alloc(std::size_t align, std::size_t n) {
  return fails(CALLER) ? refused() : counted(__libc_memalign(align, n));
}
void* memalign(std::size_t align, std::size_t n) {
  return fails(CALLER) ? refused() : counted(__libc_memalign(align, n));
}
int posix_memalign(void** out, std::size_t align, std::size_t n) {
  if (fails(CALLER)) return ENOMEM;
  void* p = counted(__libc_memalign(align, n));
  if (!p) return ENOMEM;
  *out = p;
  return 0;
}
void free(void* p) {
  if (p) live.fetch_sub(1, std::memory_order_relaxed);
  __libc_free(p);
}
}

#endif
