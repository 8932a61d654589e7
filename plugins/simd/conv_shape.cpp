// Which convolutions are served by transformed tiles, with which tiles, and what they cost.
#include "plugins/simd/conv_shape.h"

#include <cstdio>
#include <cstring>

namespace quern::simd {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

// The tiles of one axis: the fewest products an output, over the ways to cut the filter.
void choose_tiles(ConvAxis& a, int n) {
  a.n = n;
  double best = 0;
  // Other splits of the points lose accuracy: their powers grow with taps and outputs.
  const int least = n == 6 ? 3 : 4, most = n == 6 ? 3 : 5;
  for (int r = least; r <= most; ++r) {
    const int m = n + 1 - r;
    const std::int64_t chunks = (a.taps + r - 1) / r, each = (a.out + a.dilation - 1) / a.dilation;
    const std::int64_t tiles = (each + m - 1) / m;
    const double cost = static_cast<double>(chunks * tiles);
    if (best > 0 && cost >= best) continue;
    best = cost;
    a.r = r, a.m = m, a.chunks = chunks, a.tiles = tiles;
  }
}

void plain_axis(ConvAxis& a) {
  a.n = a.m = a.r = 1;
  a.chunks = 1;
  a.tiles = (a.out + a.dilation - 1) / a.dilation;
}

// Runs of 4 taps nested in a polynomial of 2 to 4 runs, where that takes fewer products than the
// tiles of the one axis chosen already. over_tiles: the sums are over tiles, not channels.
void choose_nested(ConvShape& s, bool over_tiles) {
  ConvAxis &h = s.axis[0], &w = s.axis[1];
  constexpr int kOuter = 6, kInner = 7, kRun = 4;
  const double plain = static_cast<double>(w.n * w.chunks * w.tiles);
  double best = plain;
  for (int r = 2; r <= 4; ++r) {
    const int m = kOuter + 1 - r;
    const std::int64_t chunks = (w.taps + r * kRun - 1) / (r * kRun);
    const std::int64_t each = (w.out + w.dilation - 1) / w.dilation;
    const std::int64_t tiles = (each + m * kRun - 1) / (m * kRun);
    const double cost = static_cast<double>(kOuter * kInner * chunks * tiles);
    if (cost >= 0.9 * plain || cost >= best || chunks * s.cg > kMostSum) continue;
    if (over_tiles && s.images * w.dilation * tiles > kMostSum * kMostShards) continue;
    best = cost;
    s.nested = true;
    h.n = kOuter, h.m = m, h.r = r, h.chunks = chunks, h.tiles = 1;
  }
  if (!s.nested) return;
  w.n = kInner, w.m = w.r = kRun, w.chunks = 1;
  w.tiles = ((w.out + w.dilation - 1) / w.dilation + h.m * kRun - 1) / (h.m * kRun);
}

// Tiles for both axes from taps and sizes; false when there are none.
bool choose(ConvShape& s, bool one_axis, bool over_tiles) {
  ConvAxis &h = s.axis[0], &w = s.axis[1];
  if (h.taps == 1) {
    plain_axis(h);
  } else if (h.taps < 3) {
    return false;
  }
  if (w.taps < 3) return false;
  // Filters of three taps lose accuracy with 8 points; the axes share one size of tile.
  const bool small = w.taps == 3 || h.taps == 3;
  if (small && (w.taps > 3 || h.taps > 3)) return false;
  if (h.taps > 1) choose_tiles(h, small ? 6 : 8);
  choose_tiles(w, small ? 6 : 8);
  if (one_axis) choose_nested(s, over_tiles);
  return true;
}

std::uint32_t spatial_axis(std::uint32_t k, bool nhwc) { return nhwc ? 1 + k : 2 + k; }

double vectors(std::int64_t padded, std::int64_t lanes) {
  // Tails run on shorter vectors, which cost half and a quarter where they are narrower.
  const std::int64_t full = padded / lanes, rest = padded % lanes;
  return static_cast<double>(full) + (rest == 0 ? 0 : rest <= 4 ? 0.6 : rest <= 8 ? 0.8 : 1.4);
}

}  // namespace

const ConvOps* conv_shape(const qn_opdesc& op, ConvShape& s, const char** why) {
  const auto fail = [&](const char* text) {
    *why = text;
    return nullptr;
  };
  const unsigned at = op.op == QN_OP_CONV ? 0 : 1;  // the gradients begin with a shape
  const bool grad = op.op == QN_OP_CONV_INPUT_GRAD;
  if (op.accuracy < QN_CLASS_DEFAULT) return fail("the strict class takes no transforms");
  for (std::uint32_t i = 0; i < op.n_op_in; ++i)
    if (op.in[i].dtype != QN_F32) return fail("only f32");
  const qn_array_desc& x = grad ? op.out[0] : op.in[0];
  const qn_array_desc& w = op.op == QN_OP_CONV_WEIGHT_GRAD ? op.out[0] : op.in[1];
  const qn_array_desc& y = op.op == QN_OP_CONV              ? op.out[0]
                           : op.op == QN_OP_CONV_INPUT_GRAD ? op.in[0]
                                                            : op.in[1];
  if (x.ndim != 3 && x.ndim != 4) return fail("only one or two spatial axes");
  for (const qn_array_desc* a : {&x, &w, &y}) {
    const std::int64_t n = sdk::element_count(*a);
    if (n == 0 || n > kMaxElements) return fail("an empty or a huge array");
  }
  const bool nhwc = sdk::is_nhwc(op);
  const std::uint32_t spatial = x.ndim - 2, channel = nhwc ? x.ndim - 1 : 1;
  s = {};
  s.images = x.shape[0];
  s.groups = sdk::attr_int(op, at + 5);
  s.c = x.shape[channel], s.o = y.shape[channel];
  s.flip = sdk::attr_int(op, at + 6) != 0;
  s.axis[0] = {1, 1, 1, 1, 0, 1, 1, 1, 1, 1};
  for (std::uint32_t k = 0; k < spatial; ++k) {
    ConvAxis& a = s.axis[2 - spatial + k];
    const std::uint32_t axis = spatial_axis(k, nhwc);
    if (sdk::attr_ints(op, at)[k] != 1) return fail("strides are not served");
    if (sdk::attr_ints(op, at + 4)[k] != 1) return fail("input_dilation is not served");
    a.in = x.shape[axis], a.out = y.shape[axis], a.taps = w.shape[axis];
    a.padding = sdk::attr_ints(op, at + 1)[k];
    a.dilation = sdk::attr_ints(op, at + 3)[k];
    if (a.padding > kMaxElements || a.padding < -kMaxElements || a.dilation > a.out)
      return fail("padding or dilation beyond the image");
    if (grad) {
      std::swap(a.in, a.out);
      a.padding = a.dilation * (a.taps - 1) - a.padding;
    }
  }
  if (grad) {
    std::swap(s.c, s.o);
    s.flip = !s.flip;
  }
  if (s.groups < 1 || s.c % s.groups || s.o % s.groups) return fail("uneven groups");
  s.cg = s.c / s.groups, s.og = s.o / s.groups;
  if (s.cg < 4 || s.og < 4) return fail("fewer than 4 channels in a group");
  if (!choose(s, spatial == 1, op.op == QN_OP_CONV_WEIGHT_GRAD))
    return fail("needs filters of 3 taps, or of 4 or more, along each axis");
  const ConvOps* ops = conv_ops(s);
  if (!ops) return fail("no loops for these tiles");
  return ops;
}

namespace {
constexpr const char kFormat[] = "simd/points:%d:%d:%d:%lld:%dx%d:%dx%d";
}

std::string weights_name(const qn_opdesc& op, const ConvShape& s) {
  char text[128];
  const ConvAxis &h = s.axis[0], &w = s.axis[1];
  std::snprintf(text, sizeof text, kFormat, sdk::is_nhwc(op) ? 1 : 0,
                op.op == QN_OP_CONV_INPUT_GRAD ? 1 : 0, s.flip ? 1 : 0,
                static_cast<long long>(s.groups), h.n, h.r, w.n, w.r);
  return text;
}

const ConvOps* parse_weights_name(const qn_array_desc& from, const qn_layout& to, ConvShape& s,
                                  WeightStrides& strides) {
  if (to.kind != QN_LAYOUT_NAMED || to.name.len >= 128 || from.dtype != QN_F32) return nullptr;
  if (from.ndim != 3 && from.ndim != 4) return nullptr;
  if (from.layout.kind != QN_LAYOUT_STRIDED) return nullptr;
  const std::string name(to.name.ptr, to.name.len);
  int nhwc = 0, grad = 0, flip = 0, used = 0;
  long long groups = 0;
  s = {};
  ConvAxis &h = s.axis[0], &w = s.axis[1];
  const std::string format = std::string(kFormat) + "%n";
  if (std::sscanf(name.c_str(), format.c_str(), &nhwc, &grad, &flip, &groups, &h.n, &h.r, &w.n,
                  &w.r, &used) != 8 ||
      static_cast<std::size_t>(used) != name.size())
    return nullptr;
  const ConvOps* ops = conv_ops(s);
  for (ConvAxis* a : {&h, &w}) {
    if (a->r < 1 || a->r > (a->n == 1 ? 1 : 5)) return nullptr;
    a->taps = 1;
    a->chunks = 1;
  }
  const std::int64_t filters = from.shape[0];
  if (!ops || groups < 1 || filters % groups || sdk::element_count(from) == 0 ||
      sdk::element_count(from) > kMaxElements)
    return nullptr;
  const std::uint32_t spatial = from.ndim - 2;
  for (std::uint32_t k = 0; k < spatial; ++k) {
    ConvAxis& a = s.axis[2 - spatial + k];
    a.taps = from.shape[spatial_axis(k, nhwc != 0)];
    a.chunks = (a.taps + a.r - 1) / a.r;
  }
  if (spatial == 1 && h.n > 1) {
    s.nested = true;
    h.chunks = (w.taps + h.r * w.r - 1) / (h.r * w.r);
    w.chunks = 1;
  }
  s.groups = groups;
  s.flip = flip != 0;
  s.cg = from.shape[nhwc ? from.ndim - 1 : 1], s.og = filters / groups;
  if (grad) std::swap(s.cg, s.og);
  s.c = s.cg * groups, s.o = s.og * groups;
  std::vector<std::int64_t> own = strides_in_order(from, [&] {
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < from.ndim; ++i) order.push_back(i);
    return order;
  }());
  if (from.layout.strides) own.assign(from.layout.strides, from.layout.strides + from.ndim);
  strides = sdk::weight_strides(own.data(), from.ndim, nhwc != 0, grad != 0, filters / groups);
  return to.bytes == static_cast<std::uint64_t>(s.weight_floats()) * 4 ? ops : nullptr;
}

double product_ns(const ConvShape& s, const ConvOps& ops) {
  const double calls = static_cast<double>(s.tiles() * s.groups * s.points());
  // Two cycles' worth of overhead for every 12 rows: the sums are read and written.
  return calls * (static_cast<double>(s.depth()) + 6.0) * vectors(s.o_padded(), ops.lanes) * 0.22;
}

double data_ns(const ConvShape& s, const ConvOps& ops) {
  const double chunks = static_cast<double>(s.axis[0].chunks * s.axis[1].chunks);
  return static_cast<double>(s.tiles() * s.groups * s.points()) * chunks *
             vectors(s.c_padded(), ops.lanes) * 2.8 +
         static_cast<double>(s.images * s.axis[0].in * s.axis[1].in * s.c) * 0.25;
}

double output_ns(const ConvShape& s, const ConvOps& ops) {
  return static_cast<double>(s.tiles() * s.groups * s.points()) * vectors(s.o_padded(), ops.lanes) *
         2.2;
}

std::int64_t block_groups(const ConvShape& s) {
  constexpr std::int64_t kChannels = 32;
  return std::min(s.groups, (kChannels + s.cg - 1) / s.cg);
}

std::int64_t group_blocks(const ConvShape& s) {
  const std::int64_t each = block_groups(s);
  return (s.groups + each - 1) / each;
}

std::int64_t block_tiles(const ConvShape& s) {
  // Nested tiles that pass through the caches leave room for the filter.
  const std::int64_t floats = (s.nested ? 32 : 200) * 1024;
  const std::int64_t each = block_groups(s) * s.points() * (s.depth_padded() + s.o_padded());
  const std::int64_t fit = std::clamp<std::int64_t>(floats / each, s.nested ? 12 : 1, 192);
  // Weights that come from memory for every block must serve many tiles.
  if (s.weight_floats() * 4 > kFarBytes) return std::max<std::int64_t>(fit, 48);
  return fit >= 12 ? fit / 12 * 12 : fit;
}

}  // namespace quern::simd
