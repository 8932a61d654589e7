// A convolution op as a transformed problem: which tiles, what it costs, where the weights lie.
// Offers nothing itself.
#pragma once
#include <string>

#include "plugins/simd/common.h"
#include "plugins/simd/conv.h"

namespace quern::simd {

// Null and `why` when the transforms do not serve the op. For conv_input_grad the shape describes
// the convolution of dy that gives dx.
const ConvOps* conv_shape(const qn_opdesc& op, ConvShape& s, const char** why);

// Name of the layout of the transformed weights.
std::string weights_name(const qn_opdesc& op, const ConvShape& s);
// True when the layout of `to` is transformed weights of an array of that shape.
const ConvOps* parse_weights_name(const qn_array_desc& from, const qn_layout& to, ConvShape& s,
                                  WeightStrides& strides);

// Products in a sum of a nested problem: longer sums come near the bound of the default class (512
// are 5.6e-5 of the rms off, 256 are 3.4e-5). The gradient by the weights sums over the tiles of a
// shard.
inline constexpr std::int64_t kMostSum = 256;
inline constexpr std::int64_t kMostShards = 16;

// Nanoseconds of one core: products, and the transforms of inputs and outputs.
double product_ns(const ConvShape& s, const ConvOps& ops);
double data_ns(const ConvShape& s, const ConvOps& ops);
double output_ns(const ConvShape& s, const ConvOps& ops);
// Transformed weights beyond this do not stay in the caches.
inline constexpr std::int64_t kFarBytes = 6 << 20;
// Groups of a block: those whose channels fill a few cache lines.
std::int64_t block_groups(const ConvShape& s);
// How many such there are.
std::int64_t group_blocks(const ConvShape& s);
// How many tiles to transform at once: those that stay in the second-level cache, or more.
std::int64_t block_tiles(const ConvShape& s);

}  // namespace quern::simd
