// Direct convolution: sums of products over the taps, read in place. The problem as the loops see
// it. Not here: offers and plans (direct.cpp), sizes, pieces and costs (direct_shape.cpp), the
// loops (direct_ops.cpp).
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>

#include "plugins/sdk/conv.hpp"

namespace quern::simd {

struct DirectAxis {
  std::int64_t in, out, taps, stride, dilation, padding;
};

// x (n, h, w, c) -> y (n, oh, ow, o), both dense and channels-last; the gradient by the input is
// the same problem with other weights. cg and og are the channels of one group.
//
// The sum of an output runs over `runs` of neighbouring values of x: the channels of a tap, or,
// where the taps of a row lie side by side (`merged`), those of all of them; at the sides of the
// image these are copied with zeros around them. Filters are computed in blocks of two vectors, the
// last of a group may be one.
struct DirectShape {
  std::int64_t images, c, o, groups, cg, og;
  DirectAxis h, w;
  bool flip;  // taps are read backwards
  bool merged;
  // Small groups as wide as deep are bundled to one whose filters fill a vector; each filter reads
  // the `small` channels of its own. 0: none.
  std::int64_t small;
  std::int64_t lanes, rows;  // floats of a vector, pixels that are computed together

  std::int64_t pixels() const { return images * h.out * w.out; }
  std::int64_t runs() const { return h.taps * (merged ? 1 : w.taps); }
  std::int64_t run() const { return small ? small : merged ? w.taps * cg : cg; }
  std::int64_t depth() const { return runs() * run(); }
  std::int64_t block() const { return 2 * lanes; }
  std::int64_t blocks() const { return (og + block() - 1) / block(); }
  // Filters of a block with those that fill its vectors up.
  std::int64_t width(std::int64_t b) const {
    return std::min(block(), (og - b * block() + lanes - 1) / lanes * lanes);
  }
  // Floats of the packed weights, [group][block][depth][width].
  std::int64_t block_floats() const { return depth() * block(); }
  std::int64_t group_floats() const { return depth() * ((og + lanes - 1) / lanes * lanes); }
  std::int64_t weight_floats() const { return groups * group_floats(); }

  // Pixels of a row, from its first and from its last, whose runs leave the image.
  std::int64_t left() const {
    return std::clamp<std::int64_t>((w.padding + w.stride - 1) / w.stride, 0, w.out);
  }
  std::int64_t right() const {
    const std::int64_t room = w.in - w.taps + w.padding;  // of the first tap of a run inside
    return room < 0 ? w.out : std::max<std::int64_t>(0, w.out - 1 - room / w.stride);
  }

  // Work is cut into chunks of the pixels of all images, and parts of the blocks of all groups.
  std::int64_t chunks, parts;
  bool by_part;  // neighbouring tasks share the weights, else the pixels
  std::int64_t chunk() const { return (pixels() + chunks - 1) / chunks; }
  std::int64_t chunk_rows() const { return (chunk() - 1) / w.out + 2; }

  // What a worker needs, in bytes: the places of the runs of all pixels, sums, zeros, and what is
  // copied.
  std::int64_t table_bytes() const { return (runs() * chunk() * 8 + 63) / 64 * 64; }
  std::int64_t sums_bytes() const { return chunk() * block() * 4; }
  std::int64_t zeros() const { return (std::max(c, run()) + 15) / 16 * 16; }
  std::int64_t copied() const {
    return merged ? chunk_rows() * std::min(left() + right(), w.out) * runs() * run() : 0;
  }
  std::int64_t scratch_bytes() const {
    return table_bytes() + sums_bytes() + (zeros() + copied()) * 4;
  }
};

struct DirectOps {
  std::int64_t lanes, rows;
  // Task `task` of chunks * parts.
  void (*tile)(const DirectShape& s, const float* x, const float* w, float* y,
               const sdk::ConvEpilogue* e, std::int64_t task, void* scratch);
};
const DirectOps& direct_ops();

// Bundles groups where that can be, given all sizes of channels and lanes.
inline void bundle(DirectShape& s) {
  if (s.cg != s.og || (s.og != 4 && s.og != 8) || s.og >= s.lanes || s.c % s.lanes) return;
  s.small = s.og;
  s.groups = s.c / s.lanes, s.cg = s.og = s.lanes;
}

// Null when the op is served, else why not. For conv_input_grad the shape describes the convolution
// of dy that gives dx. The pieces of work depend on the problem alone.
const char* direct_shape(const qn_opdesc& op, DirectShape& s);
// Expected time, with so many steps of an epilogue.
double direct_ns(const DirectShape& s, std::uint32_t steps, std::uint32_t workers);

// Name of the layout of the packed weights.
std::string direct_weights_name(const qn_opdesc& op, const DirectShape& s);

}  // namespace quern::simd
