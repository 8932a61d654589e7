// Memory that OpenBLAS takes inside a call: lent to it from the host's, because some of its kernels
// do not ask whether malloc gave them any.
#pragma once
#include <cstddef>
#include <cstdint>

namespace quern::openblas {

// How much a product of these sizes takes at most, in bytes: the kernels for small matrices on
// AVX-512 copy up to 8 rows of f32 or 4 of f64.
constexpr std::uint64_t taken_inside(std::int64_t m, std::int64_t n, std::int64_t k) {
  const bool small = double(m) * double(n) * double(k) <= 1e6;
  return small && k >= 16 ? 32 * static_cast<std::uint64_t>(k) : 0;
}

// While it lives, the first block that OpenBLAS takes is `memory`, if `bytes` suffice. One at a
// time in the process: only inside the lock of a BLAS call.
class Lent {
 public:
  Lent(void* memory, std::uint64_t bytes);
  ~Lent();
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
};

}  // namespace quern::openblas
