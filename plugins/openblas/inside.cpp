// Regions, and what the linker sends here of OpenBLAS's calls (--wrap, see plugin.cmake): its
// buffers, malloc and free, and the routine that prints about a wrong argument. C++ code of the
// plugin allocates by operator new, which is not touched.
#include "plugins/openblas/inside.h"

#include <sys/mman.h>

#include <cstddef>
#include <new>

extern "C" {
void* __real_malloc(std::size_t);
void __real_free(void*);
void* __real_blas_memory_alloc(int);
void __real_blas_memory_free(void*);
void* __wrap_malloc(std::size_t);
void __wrap_free(void*);
void* __wrap_blas_memory_alloc(int);
void __wrap_blas_memory_free(void*);
void __wrap_xerbla_(const char*, const int*, long);
}

namespace quern::openblas {
namespace {

// OpenBLAS's own constant for its buffers on 64-bit processors; and the most that its kernels for
// small matrices copy, 8 rows of f32 or 4 of f64 with m * n * k up to 10^6.
constexpr std::size_t kBuffer = std::size_t{128} << 20, kCopied = std::size_t{33} << 20;

// Static storage of the thread: there from its start, nothing is allocated at the first use.
struct Here {
  char* region = nullptr;
  bool buffer_taken = false, copy_taken = false;
};
[[gnu::tls_model("initial-exec")]] thread_local constinit Here here;

}  // namespace

Regions::~Regions() {
  for (void* region : all_) munmap(region, kBuffer + kCopied);
}

void Regions::reserve(std::uint32_t n) {
  const std::lock_guard lock(mutex_);
  all_.reserve(n);
  free_.reserve(n);
  while (all_.size() < n) {
    void* region = mmap(nullptr, kBuffer + kCopied, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED) throw std::bad_alloc();
    all_.push_back(region);
    free_.push_back(region);
    given_.notify_one();
  }
}

void* Regions::take() noexcept {
  std::unique_lock lock(mutex_);
  given_.wait(lock, [&] { return !free_.empty(); });
  void* region = free_.back();
  free_.pop_back();
  return region;
}

void Regions::give(void* region) noexcept {
  {
    const std::lock_guard lock(mutex_);
    free_.push_back(region);  // within the capacity that reserve made
  }
  given_.notify_one();
}

Inside::Inside(Regions& regions) noexcept : regions_(regions), region_(regions.take()) {
  here = {static_cast<char*>(region_)};
}
Inside::~Inside() {
  here = {};
  regions_.give(region_);
}

}  // namespace quern::openblas

using quern::openblas::here;
using quern::openblas::kBuffer;
using quern::openblas::kCopied;

void* __wrap_malloc(std::size_t n) {
  if (!here.region || here.copy_taken || n > kCopied) return __real_malloc(n);
  here.copy_taken = true;
  return here.region + kBuffer;
}

void __wrap_free(void* p) {
  if (!p || !here.region || p != here.region + kBuffer) return __real_free(p);
  here.copy_taken = false;
}

void* __wrap_blas_memory_alloc(int where) {
  if (!here.region || here.buffer_taken) return __real_blas_memory_alloc(where);
  here.buffer_taken = true;
  return here.region;
}

void __wrap_blas_memory_free(void* p) {
  if (p != here.region) return __real_blas_memory_free(p);
  here.buffer_taken = false;
}

// Wrong arguments are none of a user's: the routine's `info` says so, and it is read.
void __wrap_xerbla_(const char*, const int*, long) {}
