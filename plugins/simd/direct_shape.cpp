// Which convolutions are summed directly, how the work is cut, what it costs.
// Not here: offers and plans (direct.cpp).
#include <cmath>
#include <cstdio>

#include "plugins/simd/common.h"
#include "plugins/simd/direct.h"

namespace quern::simd {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 40, kFar = std::int64_t{1} << 30;
constexpr std::int64_t kPieces = 32;  // of the work, whatever the number of workers

double flops(const DirectShape& s) {
  return 2.0 * static_cast<double>(s.pixels() * s.o) * static_cast<double>(s.depth());
}

// Chunks of pixels read the weights, parts of the filters read the image: as many of each as read
// the least together.
void choose_pieces(DirectShape& s) {
  const std::int64_t pixels = s.pixels(), blocks = s.groups * s.blocks();
  // What a chunk reads and keeps stays in the second-level cache beside the weights.
  const std::int64_t input = s.images * s.h.in * s.w.in * s.c / pixels * 4;
  const std::int64_t each = s.runs() * 8 + s.block() * 4;
  const std::int64_t fit = std::max<std::int64_t>(1, (384 << 10) / std::max(input, each));
  const auto pieces =
      static_cast<std::int64_t>(std::clamp(flops(s) / 300e3, 1.0, static_cast<double>(kPieces)));
  const auto weights = static_cast<double>(s.weight_floats());
  const auto values = static_cast<double>(s.images * s.h.in * s.w.in * s.c);
  double best = 0;
  for (std::int64_t parts = 1; parts <= std::min(blocks, pieces); ++parts) {
    const std::int64_t wish = std::max((pieces + parts - 1) / parts, (pixels + fit - 1) / fit);
    const std::int64_t chunks = std::min(wish, std::max<std::int64_t>(1, pixels / (2 * s.rows)));
    // Too few pieces leave workers without work.
    const double lack =
        std::max(1.0, static_cast<double>(pieces) / static_cast<double>(chunks * parts));
    const double read =
        (weights * static_cast<double>(chunks) + values * static_cast<double>(parts)) * lack;
    if (best > 0 && read >= best) continue;
    best = read;
    s.parts = parts, s.chunks = chunks;
  }
  s.by_part = weights > values;
}

}  // namespace

const char* direct_shape(const qn_opdesc& op, DirectShape& s) {
  s = {};
  const bool grad = op.op == QN_OP_CONV_INPUT_GRAD;
  const unsigned at = grad ? 1 : 0;  // the gradient begins with a shape
  for (std::uint32_t i = 0; i < op.n_op_in; ++i)
    if (op.in[i].dtype != QN_F32) return "only f32";
  const qn_array_desc &x = op.in[0], &w = op.in[1], &y = op.out[0];
  if (x.ndim != 3 && x.ndim != 4) return "only one or two spatial axes";
  for (const qn_array_desc* a : {&x, &w, &y}) {
    const std::int64_t n = sdk::element_count(*a);
    if (n == 0 || n > kMost) return "an empty or a huge array";
  }
  const bool nhwc = sdk::is_nhwc(op);
  const std::uint32_t spatial = x.ndim - 2, channel = nhwc ? x.ndim - 1 : 1;
  s.images = x.shape[0];
  s.groups = sdk::attr_int(op, at + 5);
  s.c = x.shape[channel], s.o = y.shape[channel];
  s.flip = (sdk::attr_int(op, at + 6) != 0) != grad;
  s.h = {1, 1, 1, 1, 1, 0};
  for (std::uint32_t k = 0; k < spatial; ++k) {
    DirectAxis& a = k + 1 == spatial ? s.w : s.h;
    const std::uint32_t axis = (nhwc ? 1 : 2) + k;
    a = {x.shape[axis],
         y.shape[axis],
         w.shape[axis],
         sdk::attr_ints(op, at)[k],
         sdk::attr_ints(op, at + 3)[k],
         sdk::attr_ints(op, at + 1)[k]};
    if (sdk::attr_ints(op, at + 4)[k] != 1) return "input_dilation is not served";
    if (a.stride > kFar || a.dilation > kFar || a.taps > kFar || a.padding > kFar ||
        a.padding < -kFar)
      return "attributes beyond any image";
    if (grad) {
      if (a.stride != 1) return "strides of the gradient are not served";
      a.padding = a.dilation * (a.taps - 1) - a.padding;
    }
  }
  if (s.groups < 1 || s.c % s.groups || s.o % s.groups) return "uneven groups";
  s.cg = s.c / s.groups, s.og = s.o / s.groups;
  if (s.og < 4) return "fewer than 4 filters in a group";
  s.lanes = direct_ops().lanes, s.rows = direct_ops().rows;
  const std::int64_t groups = s.groups;
  bundle(s);
  const bool inside = s.left() == 0 && s.right() == 0;
  // What is copied at the sides pays off where runs would be short without it.
  s.merged = groups == 1 && s.w.dilation == 1 && s.w.taps > 1 && (inside || s.cg < 32);
  choose_pieces(s);
  if (s.scratch_bytes() > (8 << 20)) return "filters too large";
  if (s.chunks * s.parts > (1 << 28)) return "a huge array";
  return nullptr;
}

double direct_ns(const DirectShape& s, std::uint32_t steps, std::uint32_t workers) {
  const auto vectors = static_cast<double>(s.groups * ((s.og + s.lanes - 1) / s.lanes));
  const auto pixels = static_cast<double>(s.pixels());
  const auto blocks = static_cast<double>(s.groups * s.blocks());
  const auto runs = static_cast<double>(s.runs());
  // A multiply-add of vectors; the start of a run of some pixels; a vector of outputs, which may
  // have to go to memory; the place of a run; a copy at a side.
  const double products =
      pixels * vectors * static_cast<double>(s.depth()) * (s.small ? 0.30 : 0.21);
  const double starts = pixels / static_cast<double>(s.rows) * blocks * (runs * 4 + 12);
  const bool far = pixels * static_cast<double>(s.o) * 4 > 1.5e6;
  const double outputs = pixels * vectors * ((far ? 2.0 : 0.8) + 0.25 * steps);
  const double places = pixels * static_cast<double>(s.parts) * runs * 0.5;
  const double sides = s.merged ? static_cast<double>(s.images * s.h.out) *
                                      static_cast<double>(std::min(s.left() + s.right(), s.w.out)) *
                                      runs * 4
                                : 0;
  // Every chunk reads the weights.
  const double reading = static_cast<double>(s.chunks * s.weight_floats()) * 4 / 20;
  const double all = std::max(products + starts, reading) + outputs + places + sides;
  const auto tasks = static_cast<double>(s.chunks * s.parts);
  const double parallel = std::min(static_cast<double>(std::max(1u, workers)), tasks);
  return all / parallel * (1 + 0.5 * (parallel - 1) / tasks) + (parallel > 1 ? 4000 : 300);
}

std::string direct_weights_name(const qn_opdesc& op, const DirectShape& s) {
  char text[96];
  std::snprintf(text, sizeof text, "simd/direct:%d:%d:%d:%lld:%lld", sdk::is_nhwc(op) ? 1 : 0,
                op.op == QN_OP_CONV_INPUT_GRAD ? 1 : 0, s.flip ? 1 : 0,
                static_cast<long long>(s.small ? s.c / s.small : s.groups),
                static_cast<long long>(s.lanes));
  return text;
}

}  // namespace quern::simd
