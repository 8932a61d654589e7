// What a planned Fourier transform knows: its passes over axes and their tables.
// Not here: the loops over rows of vectors (fft.h).
#pragma once
#include "plugins/simd/common.h"
#include "plugins/simd/fft.h"
#include "plugins/simd/walk.h"

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

enum class FftPlace { input, output, workspace };

// Transforms of all lines along one axis.
struct FftPass {
  FftTask task;
  FftPlace from = FftPlace::input, to = FftPlace::output;
  std::int64_t in_length = 0, out_length = 0;  // along the axis
  std::int64_t in_step = 1, out_step = 1;      // in numbers
  std::vector<Axis> axes;                      // the others
  std::int64_t lines = 1;
  bool brief = false;  // groups are runs of memory
  bool cut = false;    // a line at a time
  FftCut parts;
};

}  // namespace quern::simd
