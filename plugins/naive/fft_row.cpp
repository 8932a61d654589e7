// Mixed-radix Stockham transforms, and Bluestein's chirp convolution for lengths with a large prime
// factor (L. Bluestein, A linear filtering approach to the computation of the DFT, 1970).
// No normalisation and no inverse here: callers scale and conjugate.
#include "plugins/naive/fft_row.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

namespace quern::naive {
namespace {

using Complex = FftRow::Complex;

constexpr std::int64_t kLargestFactor = 31;  // a factor p costs p multiplications an element

// 4 first, then the primes; 0 when none up to kLargestFactor divides n > 1.
std::int64_t next_factor(std::int64_t n) {
  if (n % 4 == 0) return 4;
  for (std::int64_t p = 2; p <= kLargestFactor; ++p) {
    if (n % p == 0) return p;
  }
  return 0;
}

bool has_small_factors(std::int64_t n) {
  while (n > 1) {
    const std::int64_t p = next_factor(n);
    if (p == 0) return false;
    n /= p;
  }
  return true;
}

// The length of the transforms done by factors: n, or a power of two that holds the convolution.
std::int64_t inner_size(std::int64_t n) {
  if (has_small_factors(n)) return n;
  std::int64_t size = 1;
  while (size < 2 * n - 1) size *= 2;
  return size;
}

// exp(-2 pi i k / n).
Complex root(std::int64_t k, std::int64_t n) {
  const double angle = 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n);
  return {std::cos(angle), -std::sin(angle)};
}

// Plain products: no factor here is infinite, and what is NaN stays NaN.
Complex times(const Complex& x, const Complex& y) {
  return {x.real() * y.real() - x.imag() * y.imag(), x.real() * y.imag() + x.imag() * y.real()};
}
Complex minus_i(const Complex& x) { return {x.imag(), -x.real()}; }

}  // namespace

std::uint64_t FftRow::memory_for(std::int64_t n) {
  const std::int64_t size = inner_size(n);
  return static_cast<std::uint64_t>(size == n ? 3 * n : 4 * size + n);
}

FftRow::FftRow(std::int64_t n, Complex* memory) : n_(n), size_(inner_size(n)) {
  roots_ = memory;
  a_ = roots_ + size_;
  b_ = a_ + size_;
  chirp_ = filter_ = nullptr;
  for (std::int64_t k = 0; k < size_; ++k) roots_[k] = root(k, size_);
  if (size_ == n_) return;
  filter_ = b_ + size_;
  chirp_ = filter_ + size_;
  // k * k modulo 2n keeps the angle exact for long rows.
  std::int64_t square = 0;
  for (std::int64_t k = 0; k < n_; ++k) {
    chirp_[k] = root(square, 2 * n_);
    square = (square + 2 * k + 1) % (2 * n_);
  }
  std::fill_n(a_, size_, Complex{});
  a_[0] = std::conj(chirp_[0]);
  for (std::int64_t k = 1; k < n_; ++k) a_[k] = a_[size_ - k] = std::conj(chirp_[k]);
  std::copy_n(by_factors(a_, b_), size_, filter_);
}

// x, transformed, in x or y; both are overwritten. One pass a factor p: `s` rows of transforms of
// length n, interleaved, become s * p rows of length n / p.
Complex* FftRow::by_factors(Complex* x, Complex* y) const {
  std::array<Complex, kLargestFactor> in, twisted;
  std::int64_t s = 1;
  for (std::int64_t n = size_; n > 1;) {
    const std::int64_t p = next_factor(n), m = n / p, unit = size_ / p;
    for (std::int64_t j = 0; j < m; ++j) {
      for (std::int64_t t = 0; t < p; ++t) twisted[static_cast<std::size_t>(t)] = roots_[j * t * s];
      for (std::int64_t q = 0; q < s; ++q) {
        const Complex* from = x + q + s * j;
        Complex* to = y + q + s * p * j;
        if (p == 4) {
          const Complex x0 = from[0], x1 = from[s * m], x2 = from[2 * s * m], x3 = from[3 * s * m];
          const Complex even = x0 + x2, odd = x1 + x3, left = x0 - x2, right = minus_i(x1 - x3);
          to[0] = even + odd;
          to[s] = times(left + right, twisted[1]);
          to[2 * s] = times(even - odd, twisted[2]);
          to[3 * s] = times(left - right, twisted[3]);
          continue;
        }
        for (std::int64_t r = 0; r < p; ++r) in[static_cast<std::size_t>(r)] = from[s * m * r];
        for (std::int64_t t = 0; t < p; ++t) {
          Complex sum = in[0];
          for (std::int64_t r = 1; r < p; ++r)
            sum += times(in[static_cast<std::size_t>(r)], roots_[r * t % p * unit]);
          to[s * t] = times(sum, twisted[static_cast<std::size_t>(t)]);
        }
      }
    }
    std::swap(x, y);
    n = m;
    s *= p;
  }
  return x;
}

void FftRow::transform(Complex* x) const {
  if (!filter_) {
    const Complex* done = by_factors(x, a_);
    if (done != x) std::copy_n(done, n_, x);
    return;
  }
  for (std::int64_t k = 0; k < n_; ++k) a_[k] = times(x[k], chirp_[k]);
  std::fill(a_ + n_, a_ + size_, Complex{});
  Complex* spectrum = by_factors(a_, b_);
  Complex* other = spectrum == a_ ? b_ : a_;
  // The inverse transform as a forward one of conjugates.
  for (std::int64_t k = 0; k < size_; ++k) spectrum[k] = std::conj(times(spectrum[k], filter_[k]));
  const Complex* done = by_factors(spectrum, other);
  const double scale = 1 / static_cast<double>(size_);
  for (std::int64_t k = 0; k < n_; ++k) x[k] = times(std::conj(done[k]) * scale, chirp_[k]);
}

}  // namespace quern::naive
