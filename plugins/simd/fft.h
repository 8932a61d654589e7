// Fourier transforms of several lines at once: a vector holds the same element of as many lines, so
// that nothing is shuffled. Elements are rows of 2 * lanes floats: real parts, then imaginary ones.
// Not here: which lines, inverses, norms and halves (fft.cpp).
#pragma once
#include <cstdint>
#include <vector>

namespace quern::simd {

inline constexpr std::int64_t kFftLanes = 16;  // lines side by side, at most

// One pass over all rows: the radix, how many butterflies differ and how often each comes.
struct FftStage {
  std::int64_t radix, different, same;
  std::size_t twiddle;  // first of different * (radix - 1) complex numbers
};

// Mixed radices 4, 2, 3, 5, 7, 11 and 13 in the self-sorting order of Stockham.
struct FftTable {
  std::int64_t n = 1;
  std::vector<FftStage> stages;
  std::vector<float> twiddles;
};

// False when n has another factor.
bool fft_has_factors(std::int64_t n);
FftTable fft_table(std::int64_t n);

struct FftOps {
  std::int64_t lanes;
  // n rows in `a`, `b` as large; returns the one that holds the result.
  float* (*transform)(const FftTable& t, float* a, float* b);
  // n rows from `lanes` adjacent complex numbers each, `step` numbers apart; swap: i and 1 change
  // places, which turns a transform into its inverse.
  void (*load)(const float* x, std::int64_t n, std::int64_t step, bool swap, float* rows);
  void (*store)(const float* rows, std::int64_t n, std::int64_t step, bool swap, float scale,
                float* y);
  // Row k times line[k] (a complex number) and lane[k] (a row).
  void (*turn)(const float* rows, std::int64_t n, const float* line, const float* lane, float* y);
};

const FftOps& fft_ops();

}  // namespace quern::simd
