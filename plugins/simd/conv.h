// Convolution by transformed tiles (Toom-Cook, "Winograd"): the problem as the loops see it.
// A tile of n inputs along an axis gives m = n - r + 1 outputs of r taps with n products instead of
// m * r. S. Winograd, Arithmetic complexity of computations (1980); A. Lavin, S. Gray, Fast
// algorithms for convolutional neural networks (2015).
// Not here: offers and plans (conv.cpp, conv_weights.cpp), the loops (conv_ops.cpp).
#pragma once
#include <cstddef>
#include <cstdint>

#include "plugins/sdk/conv.hpp"

namespace quern::simd {

using sdk::ConvEpilogue;
using sdk::WeightStrides;

// One spatial axis. Long filters are cut into `chunks` of r taps, dilated problems into `dilation`
// interleaved plain ones.
struct ConvAxis {
  std::int64_t in, out, taps, dilation, padding;
  int n, m, r;  // points, outputs of a tile, taps of a chunk; n = 1: the axis is not transformed
  std::int64_t chunks, tiles;  // tiles of one of the interleaved problems
};

// A nested problem has one axis, axis[1], whose filter is cut into runs of axis[1].r taps; tiles
// are cut into runs of as many outputs. A run is a polynomial, and the runs are the coefficients of
// one in a second variable: the rows of a tile, along axis[0], which no array has.
//
// x (n, h, w, c) -> y (n, oh, ow, o), both dense and channels-last; the gradient by the input is
// the same problem with other weights. cg and og are the channels of one group.
struct ConvShape {
  std::int64_t images, c, o, groups, cg, og;
  ConvAxis axis[2];
  bool flip;  // taps are read backwards
  bool nested;

  // Columns of the image between the rows of a tile, beside the rows of the image.
  std::int64_t skew() const { return nested ? axis[1].r : 0; }
  std::int64_t tiles() const {
    return images * axis[0].dilation * axis[0].tiles * axis[1].dilation * axis[1].tiles;
  }
  std::int64_t points() const { return std::int64_t{axis[0].n} * axis[1].n; }
  std::int64_t c_padded() const { return (cg + 3) / 4 * 4; }
  std::int64_t o_padded() const { return (og + 3) / 4 * 4; }
  // Channels of a transformed input: those of all chunks of the filter, one after the other.
  std::int64_t depth_padded() const { return axis[0].chunks * axis[1].chunks * c_padded(); }
  std::int64_t depth() const { return depth_padded() - c_padded() + cg; }
  // Floats of a group's transformed weights, [point][panel][depth_padded][filter], and of all
  // groups'.
  std::int64_t group_floats() const { return points() * depth_padded() * o_padded(); }
  std::int64_t weight_floats() const { return groups * group_floats(); }
};

// Filters side by side in transformed weights; the last panel of a group holds the rest.
inline constexpr std::int64_t kPanel = 32;

// Where channel k of the depth and filter o lie among the weights of a point.
inline std::int64_t weight_place(const ConvShape& s, std::int64_t k, std::int64_t o) {
  const std::int64_t first = o / kPanel * kPanel, wide = s.o_padded() - first;
  return first * s.depth_padded() + k * (wide < kPanel ? wide : kPanel) + o - first;
}

// Floats between the points of a transformed block: an odd number of cache lines, so that the
// points of one tile do not fall on one another in the cache.
inline std::int64_t point_step(std::int64_t tiles, std::int64_t width) {
  return ((tiles * width + 15) / 16 | 1) * 16;
}

// Columns of the image, from `at` on, that a later block reads.
struct ConvAhead {
  const float* at;
  std::int64_t columns;
};

// Tiles first .. first + tiles of `groups` groups from `group` on: transformed inputs
// [group][point][tile][depth_padded], then products [group][point][tile][o_padded].
struct ConvBlock {
  float* memory;  // block_floats()
  std::int64_t first, tiles, group, groups;
  ConvAhead* ahead;  // an entry a tile, to note what the next block reads; or null
};

struct ConvOps {
  std::int64_t lanes;
  // The three phases of a block: tiles lo .. hi to points, noting what the next block reads;
  // products lo .. hi of its groups * points, fetching that; tiles lo .. hi to outputs.
  void (*data)(const ConvShape& s, const ConvBlock& b, const float* x, std::int64_t lo,
               std::int64_t hi);
  void (*products)(const ConvShape& s, const ConvBlock& b, const float* u, std::int64_t lo,
                   std::int64_t hi);
  void (*outputs)(const ConvShape& s, const ConvBlock& b, const ConvEpilogue* e, float* y,
                  std::int64_t lo, std::int64_t hi);
  // The transformed gradient of the weights from a block, [group][point][depth_padded][o_padded];
  // added to what is there unless `first`. du: of all groups.
  void (*weight_grad)(const ConvShape& s, const ConvBlock& b, const float* x, const float* dy,
                      float* du, bool first);
  // Sums `parts` such gradients and turns them back, for channels lo .. hi of the depth. dw: the
  // group's first filter.
  void (*weight_finish)(const ConvShape& s, const float* du, std::int64_t parts,
                        std::int64_t part_step, float* dw, WeightStrides strides, std::int64_t lo,
                        std::int64_t hi);
  // Transformed weights of a group, channels lo .. hi of the depth. w: of the group.
  void (*weights)(const ConvShape& s, const float* w, WeightStrides strides, float* u,
                  std::int64_t lo, std::int64_t hi);
};

// Null when there are no loops for the sizes of tiles of s.
const ConvOps* conv_ops(const ConvShape& s);

inline std::int64_t block_floats(const ConvShape& s, std::int64_t tiles, std::int64_t groups) {
  return groups * s.points() *
         (point_step(tiles, s.depth_padded()) + point_step(tiles, s.o_padded()));
}

}  // namespace quern::simd
