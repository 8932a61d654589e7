// malloc and free as OpenBLAS sees them: the linker (--wrap, see plugin.cmake) sends its calls
// here. C++ code of the plugin allocates by operator new, which is not touched.
#include "plugins/openblas/lent.h"

#include <atomic>

extern "C" {
void* __real_malloc(std::size_t);
void __real_free(void*);
void* __wrap_malloc(std::size_t);
void __wrap_free(void*);
}

namespace quern::openblas {
namespace {

// Written inside the lock of a BLAS call; read also by OpenBLAS where it prepares itself.
struct Loan {
  std::atomic<void*> memory{nullptr};
  std::atomic<std::size_t> bytes{0};  // 0 = taken, or none
};
Loan& loan() {
  static Loan one;
  return one;
}

}  // namespace

Lent::Lent(void* memory, std::uint64_t bytes) {
  loan().memory = memory;
  loan().bytes = bytes;
}
Lent::~Lent() {
  loan().bytes = 0;
  loan().memory = nullptr;
}

}  // namespace quern::openblas

void* __wrap_malloc(std::size_t n) {
  auto& loan = quern::openblas::loan();
  std::size_t bytes = loan.bytes;
  if (n <= bytes && loan.bytes.compare_exchange_strong(bytes, 0)) return loan.memory;
  return __real_malloc(n);
}

void __wrap_free(void* p) {
  if (p && p == quern::openblas::loan().memory) return;
  __real_free(p);
}
