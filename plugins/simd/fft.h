// Fourier transforms of some lines at once, in one worker's memory. Numbers in work are rows: one
// vector of real parts, one of imaginary parts. Two ways to fill the lanes of a row:
// along: `across` neighbours of a line, so that few lines are at work and stay near; the transform
// of length n is one of length n / across in each lane, a turn, and one of length across between
// lanes; beside: the same element of as many lines, for any length and any strides.
// Not here: which lines, passes over axes, long lines (fft.cpp).
#pragma once
#include <cstdint>
#include <vector>

namespace quern::simd {

inline constexpr std::int64_t kFftLanes = 16;  // at most

// One pass over all rows: the radix, how many butterflies differ and how often each comes.
struct FftStage {
  std::int64_t radix, different, same;
  std::size_t twiddle;  // first of different * (radix - 1) complex numbers
};

// Mixed radices 8, 4, 2, 3, 5, 7, 11 and 13 in the self-sorting order of Stockham. A length
// with another factor is a convolution with a chirp, of `rows` >= 2 n - 1 (L. Bluestein, A linear
// filtering approach to the computation of the discrete Fourier transform, 1970).
struct FftTable {
  std::int64_t n = 1;
  std::int64_t across = 1;  // 1: beside
  std::int64_t folds = 1;   // along, fewer rows than lanes: groups that are crossed as one
  std::int64_t rows = 1;    // what the stages transform: n, or the convolution, / across
  std::vector<FftStage> stages;
  std::vector<float> twiddles;
  std::vector<float> turn;  // along: rows of factors before the step between lanes
  // Of a convolution; else empty. Beside: n and `rows` complex numbers. Along, where `across` is
  // all lanes: rows for n numbers, with zeros after them, and rows in the order of Convolve().
  std::vector<float> chirp, filter;
};

// How numbers lie in memory: complex; real; or the first half of a spectrum that is symmetric.
// complex to complex, real to either of the others, half to real.
enum class FftForm { complex, real, half };

// What is done to each line.
struct FftTask {
  std::int64_t n = 1;  // of the whole transform
  FftForm from = FftForm::complex, to = FftForm::complex;
  bool swap = false;  // i and 1 change places, which turns a transform into its inverse
  float scale = 1;
  FftTable table;             // of n numbers or, with `halves`, of n / 2
  std::vector<float> halves;  // along, real: n / 4 + 1 cosines, as many sines, of 2 pi k / n
  std::int64_t group = 1;     // lines at once
  bool staged = false;        // along: lines are copied, not being what the first pass reads
};

// Lines of one group, at most task.group. Steps in numbers; adjacent: each line begins one number
// after the one before.
struct FftLines {
  std::int64_t count, in_step, out_step;
  bool in_adjacent, out_adjacent;
  const float* in[2 * kFftLanes];
  float* out[2 * kFftLanes];
};

struct FftOps {
  std::int64_t lanes;
  // Both read all lines before they write the first. Scratch: fft_scratch() floats.
  void (*along)(const FftTask& task, const FftLines& lines, float* scratch);
  void (*beside)(const FftTask& task, const FftLines& lines, float* scratch);
  // Complex lines one after the other in memory, of a length that is a power of two, at least 2 and
  // at most `lanes`. Such memory may be one.
  void (*brief)(const FftTask& task, const float* x, float* y, std::int64_t numbers);
  // For the rounds of long lines, of complex rows. Transforms rows in `a`, `b` as large; returns
  // the one that holds the result.
  float* (*transform)(const FftTable& table, float* a, float* b);
  // n rows from and to `lanes` adjacent complex numbers each, `step` numbers apart.
  void (*load)(const float* x, std::int64_t n, std::int64_t step, bool swap, float* rows);
  void (*store)(const float* rows, std::int64_t n, std::int64_t step, bool swap, float scale,
                float* y);
  // Row k times line[k] (a complex number) and lane[k] (a row).
  void (*turn)(const float* rows, std::int64_t n, const float* line, const float* lane, float* y);
  // `count` rows to the lanes of `n` rows; the other lanes are zero.
  void (*fold)(const float* rows, std::int64_t count, std::int64_t n, float* y);
};

// Null on processors without vectors.
const FftOps* fft_ops();
std::int64_t fft_scratch(const FftTask& task, std::int64_t lanes);

// False when n has a factor above 13.
bool fft_has_factors(std::int64_t n);
// How the lines of a pass lie: their numbers are neighbours, or those of lines, or neither.
enum class FftAccess { along, beside, scattered };
// The cheapest way for `lines` lines of n, which has small factors or is at most kFftPrime.
FftTask fft_task(std::int64_t n, FftForm from, FftForm to, bool swap, double scale,
                 std::int64_t lines, FftAccess access, std::int64_t lanes);
inline constexpr std::int64_t kFftPrime = 1 << 18;
// For lines beside each other.
FftTable fft_table(std::int64_t n);
// Nanoseconds for a line, estimated.
double fft_ns(std::int64_t n);

}  // namespace quern::simd
