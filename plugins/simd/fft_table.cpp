// Factors and twiddles of Fourier transforms, and the cut of long ones in two.
// Not here: the loops (fft_ops.cpp).
#include <array>
#include <cmath>
#include <numbers>

#include "plugins/simd/fft_plan.h"

namespace quern::simd {
namespace {

constexpr std::array<std::int64_t, 7> kRadices{4, 2, 3, 5, 7, 11, 13};

// exp(-2 pi i k / n).
void put_root(std::int64_t k, std::int64_t n, float* to) {
  const double angle = 2 * std::numbers::pi * static_cast<double>(k % n) / static_cast<double>(n);
  to[0] = static_cast<float>(std::cos(angle));
  to[1] = static_cast<float>(-std::sin(angle));
}

}  // namespace

bool fft_has_factors(std::int64_t n) {
  for (const std::int64_t r : kRadices)
    while (n % r == 0) n /= r;
  return n == 1;
}

FftTable fft_table(std::int64_t n) {
  FftTable t;
  t.n = n;
  std::int64_t same = 1;
  for (const std::int64_t r : kRadices) {
    for (; n % r == 0; n /= r, same *= r) {
      t.stages.push_back({r, n / r, same, t.twiddles.size()});
      for (std::int64_t p = 0; p < n / r; ++p) {
        for (std::int64_t k = 1; k < r; ++k) {
          t.twiddles.resize(t.twiddles.size() + 2);
          put_root(p * k, n, &t.twiddles[t.twiddles.size() - 2]);
        }
      }
    }
  }
  return t;
}

std::int64_t fft_cut(std::int64_t n) {
  for (auto a = static_cast<std::int64_t>(std::sqrt(static_cast<double>(n))); a >= kFftLanes; --a)
    if (n % a == 0) return n / a <= kFftLongest ? a : 0;
  return 0;
}

FftCut fft_cut_table(std::int64_t n, std::int64_t lanes) {
  FftCut c;
  c.first = fft_cut(n);
  c.second = n / c.first;
  c.groups = (c.second + lanes - 1) / lanes;
  c.tables[0] = fft_table(c.first);
  if (c.second != c.first) c.tables[1] = fft_table(c.second);
  c.line.resize(static_cast<std::size_t>(2 * c.groups * c.first));
  for (std::int64_t g = 0; g < c.groups; ++g)
    for (std::int64_t k = 0; k < c.first; ++k)
      put_root(g * lanes * k, n, &c.line[static_cast<std::size_t>(2 * (g * c.first + k))]);
  c.lane.resize(static_cast<std::size_t>(2 * lanes * c.first));
  for (std::int64_t k = 0; k < c.first; ++k) {
    float* row = &c.lane[static_cast<std::size_t>(2 * lanes * k)];
    for (std::int64_t l = 0; l < lanes; ++l) {
      float w[2];
      put_root(l * k, n, w);
      row[l] = w[0], row[lanes + l] = w[1];
    }
  }
  return c;
}

}  // namespace quern::simd
