// One discrete Fourier transform of any length, in complex f64.
// Knows nothing of arrays: fft.cpp brings the rows.
#pragma once
#include <complex>
#include <cstdint>

namespace quern::naive {

// The transform out[k] = sum(x[j] * exp(-2 pi i j k / n)) of rows of length n, O(n log n): mixed
// radix when n has small prime factors only, else Bluestein's convolution. Allocates nothing.
class FftRow {
 public:
  using Complex = std::complex<double>;

  // Elements that `memory` must hold.
  static std::uint64_t memory_for(std::int64_t n);
  // n >= 1. Fills tables in `memory`, which must outlive this.
  FftRow(std::int64_t n, Complex* memory);
  // In place; not from two threads at once.
  void transform(Complex* x) const;

 private:
  std::int64_t n_, size_;     // of a row, and of the transforms that are done by factors
  Complex *roots_, *a_, *b_;  // exp(-2 pi i k / size_); two rows to work in
  Complex *chirp_, *filter_;  // Bluestein only: exp(-pi i k^2 / n_), transformed conjugate
  Complex* by_factors(Complex* x, Complex* y) const;
};

}  // namespace quern::naive
