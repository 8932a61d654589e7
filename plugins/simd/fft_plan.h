// What a planned Fourier transform knows: its passes over axes and their tables.
// Not here: the loops over rows of vectors (fft.h).
#pragma once
#include "plugins/simd/common.h"
#include "plugins/simd/fft.h"

namespace quern::simd {

inline constexpr std::int64_t kFftLongest = 8192;  // rows that a worker transforms in its scratch

// A length n = first * second as two rounds of shorter transforms with a turn between them
// (W. M. Gentleman and G. Sande, Fast Fourier transforms: for fun and profit, 1966).
struct FftCut {
  std::int64_t first = 0, second = 0, groups = 0;  // groups of lanes in `second`
  FftTable tables[2];                              // the second is empty when it is the first
  std::vector<float> line;  // (groups, first) complex: the turn of a group's first lane
  std::vector<float> lane;  // (first) rows: the turn between lanes
  const FftTable& second_table() const { return tables[second == first ? 0 : 1]; }
};

// The smaller part of n, at least kFftLanes, the other at most kFftLongest; 0 when there is none.
std::int64_t fft_cut(std::int64_t n);
FftCut fft_cut_table(std::int64_t n, std::int64_t lanes);

// How numbers lie in memory: complex; real; or the first half of a spectrum that is symmetric.
enum class FftForm { complex, real, half };

struct FftArray {
  enum Place { input, output, workspace } place = input;
  FftForm form = FftForm::complex;
  std::int64_t length = 0;  // along the axis
};

// Transforms of length n along one axis.
struct FftPass {
  std::int64_t n = 0, outer = 1, inner = 1;  // numbers before and after the axis
  FftArray from, to;
  bool swap = false;  // inverse
  float scale = 1;
  bool cut = false;
  FftTable table;
  FftCut parts;
};

}  // namespace quern::simd
