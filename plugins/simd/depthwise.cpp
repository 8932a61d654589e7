// Offers and plans for convolution with one filter a channel, and its gradient by the input.
// Not here: the gradient by the weights, several filters a channel, the loops (depthwise_ops.cpp).
#include "plugins/simd/depthwise.h"

#include "plugins/simd/conv_shape.h"
#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

constexpr const char* kName = "conv.depthwise";

struct DepthwisePlan : Plan {
  DepthwiseShape shape{};
  DepthwiseFn loop = nullptr;
  sdk::ConvChain chain;
  ChannelSteps steps;
  WeightStrides strides{};
  bool backwards = false;  // taps are read from the last
  std::int64_t vectors = 1, lanes = 1;
  std::uint32_t row_tiles = 1, channel_tiles = 1;
  std::int64_t most_channels = 0;  // of a tile

  std::int64_t first_channel(std::uint32_t t) const noexcept {
    return t == channel_tiles ? shape.c : split(vectors, channel_tiles, t) * lanes;
  }

  // [worker] The filters of the part's channels, tap by tap.
  void pack(const float* from, const float* scale, DepthwisePart& part, float* w) const noexcept {
    const std::int64_t kh = shape.axis[0].taps, kw = shape.axis[1].taps, n = part.c1 - part.c0;
    part.w = w, part.w_pitch = n;
    for (std::int64_t k = 0; k < kh * kw; ++k, w += n) {
      const std::int64_t i = backwards ? kh * kw - 1 - k : k;
      const float* tap = from + i / kw * strides.h + i % kw * strides.w + part.c0 * strides.o;
      if (strides.o == 1)
        for (std::int64_t c = 0; c < n; ++c) w[c] = tap[c] * scale[c];
      else
        for (std::int64_t c = 0; c < n; ++c) w[c] = tap[c * strides.o] * scale[c];
    }
  }

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const std::uint32_t row = t / channel_tiles, channel = t % channel_tiles;
    DepthwisePart part{};
    part.x = static_cast<const float*>(run.in[0].data);
    part.y = static_cast<float*>(run.out[0].data);
    part.unit0 = split(shape.units(), row_tiles, row);
    part.unit1 = split(shape.units(), row_tiles, row + 1);
    part.c0 = first_channel(channel), part.c1 = first_channel(channel + 1);
    auto* scale = static_cast<float*>(scratch);
    float *shift = scale + most_channels, *w = shift + most_channels;
    std::fill_n(scale, part.c1 - part.c0, 1.0f);
    std::fill_n(shift, part.c1 - part.c0, 0.0f);
    part.bounds = steps.apply(chain.at(run), part.c0, part.c1 - part.c0, scale, shift);
    part.shift = shift;
    const auto* from = static_cast<const float*>(run.in[1].data);
    const bool even = shape.axis[0].taps == 1 || strides.h == shape.axis[1].taps * strides.w;
    if (!backwards && !steps.scales && strides.o == 1 && even)
      part.w = from + part.c0, part.w_pitch = strides.w;
    else
      pack(from, scale, part, w);
    const sdk::ConvEpilogue rest = steps.rest.at(run);
    part.rest = steps.rest.steps.n ? &rest : nullptr;
    loop(shape, part);
  }
};

// Null on success, else why not.
const char* describe(const qn_opdesc& op, DepthwiseShape& s, bool& backwards) {
  const bool grad = op.op == QN_OP_CONV_INPUT_GRAD;
  const unsigned at = grad ? 1 : 0;
  for (std::uint32_t i = 0; i < op.n_op_in; ++i)
    if (op.in[i].dtype != QN_F32) return "only f32";
  const qn_array_desc &x = op.in[0], &w = op.in[1], &y = op.out[0];
  if (x.ndim != 3 && x.ndim != 4) return "only one or two spatial axes";
  if (sdk::element_count(x) == 0 || sdk::element_count(y) == 0 || sdk::element_count(w) == 0)
    return "an empty array";
  const bool nhwc = sdk::is_nhwc(op);
  const std::uint32_t spatial = x.ndim - 2, channel = nhwc ? x.ndim - 1 : 1;
  s.images = x.shape[0], s.c = x.shape[channel];
  if (sdk::attr_int(op, at + 5) != s.c || y.shape[channel] != s.c)
    return "not one filter for each channel";
  backwards = (sdk::attr_int(op, at + 6) != 0) != grad;
  s.axis[0] = {1, 1, 1, 1, 1, 1, 0};
  for (std::uint32_t k = 0; k < spatial; ++k) {
    DepthwiseAxis& a = s.axis[2 - spatial + k];
    const std::uint32_t axis = (nhwc ? 1 : 2) + k;
    a.in = x.shape[axis], a.out = y.shape[axis], a.taps = w.shape[axis];
    a.stride = sdk::attr_ints(op, at)[k], a.padding = sdk::attr_ints(op, at + 1)[k];
    a.dilation = sdk::attr_ints(op, at + 3)[k], a.spread = sdk::attr_ints(op, at + 4)[k];
    constexpr std::int64_t kMost = std::int64_t{1} << 30;
    if (a.stride > kMost || a.dilation > kMost || a.spread > kMost || a.padding > kMost ||
        a.padding < -kMost || a.taps > kMost)
      return "attributes beyond any image";
    if (grad) {
      a.padding = a.dilation * (a.taps - 1) - a.padding;
      std::swap(a.stride, a.spread);
    }
    if (a.spread > 1 && a.dilation > 1) return "input_dilation and dilation together";
    if (a.spread > 1 && a.stride > 1) return "input_dilation and stride together";
  }
  return nullptr;
}

// Of one core. Measured: some 2 ns for a vector of outputs and 0.17 for each of its taps.
double work_ns(const DepthwiseShape& s) {
  double outputs = static_cast<double>(s.images), taps = 1;
  for (const DepthwiseAxis& a : s.axis) {
    outputs *= static_cast<double>(a.out);
    taps *= std::max(1.0, static_cast<double>(a.taps) / static_cast<double>(a.spread));
  }
  const std::int64_t lanes = depthwise_lanes();
  const double vectors = s.c >= lanes ? static_cast<double>((s.c + lanes - 1) / lanes)
                                      : 2 * static_cast<double>((s.c + 3) / 4);
  return outputs * vectors * (2 + 0.17 * taps);
}

std::int64_t weight_floats(const DepthwiseShape& s) {
  return s.axis[0].taps * s.axis[1].taps * s.c;
}

// Strides of weights that lie tap by tap: a few channels of all taps are then read at once.
std::vector<std::int64_t> by_taps(const qn_array_desc& w, bool nhwc) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i + 2 < w.ndim; ++i) order.push_back((nhwc ? 1 : 2) + i);
  order.push_back(nhwc ? w.ndim - 1 : 1);
  order.push_back(0);
  return strides_in_order(w, order);
}

// Tiles are rows first, as the kernels before and after are cut, but of some 64 outputs at least: a
// tile reads the filters of all its channels.
void cut(DepthwisePlan& p, std::uint32_t workers) {
  constexpr std::int64_t kOutputs = 64;
  const DepthwiseShape& s = p.shape;
  p.lanes = depthwise_lanes();
  p.vectors = std::max<std::int64_t>(s.c / p.lanes, 1);
  const std::int64_t rows =
      std::clamp<std::int64_t>(s.images * s.axis[0].out * s.axis[1].out / kOutputs, 1, s.units());
  const std::uint32_t tiles = free_tiles(work_ns(s), workers, rows * p.vectors);
  p.row_tiles = static_cast<std::uint32_t>(std::min<std::int64_t>(tiles, rows));
  p.channel_tiles = static_cast<std::uint32_t>(
      std::min<std::int64_t>((tiles + p.row_tiles - 1) / p.row_tiles, p.vectors));
  p.most_channels = 0;
  for (std::uint32_t t = 0; t < p.channel_tiles; ++t)
    p.most_channels = std::max(p.most_channels, p.first_channel(t + 1) - p.first_channel(t));
}

}  // namespace

bool is_depthwise(const qn_opdesc& op) {
  const std::int64_t groups = sdk::attr_int(op, op.op == QN_OP_CONV ? 5 : 6);
  return groups > 1 && op.in[1].ndim > 0 && groups == op.in[1].shape[0];
}

void query_depthwise(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  DepthwiseShape s{};
  bool backwards = false;
  if (const char* why = describe(op, s, backwards)) return host.refuse(answer, kName, why);
  const bool nhwc = sdk::is_nhwc(op);
  const auto x = sdk::channels_last_strides(op.in[0], nhwc),
             y = sdk::channels_last_strides(op.out[0], nhwc);
  const qn_layout out = sdk::with_strides(y.data());
  // A constant is brought into order once; others are read as they lie.
  const auto w = by_taps(op.in[1], nhwc);
  const bool constant = (op.const_mask & 2) != 0;
  std::vector<qn_layout> in{sdk::with_strides(x.data()),
                            constant ? sdk::with_strides(w.data()) : sdk::any_strides()};
  const sdk::ConvChain chain(op, nhwc, sdk::EpilogueSteps::all);
  const auto operands = chain.layouts(op, y, in);
  const double bytes =
      static_cast<double>(sdk::element_count(op.in[0]) + sdk::element_count(op.out[0])) * 4;
  qn_candidate c = sdk::candidate(
      kName, 2,
      estimate_ns(bytes, work_ns(s) + static_cast<double>(weight_floats(s)), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.n_out = 1;
  c.in = in.data();
  c.out = &out;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.epilogue_taken = chain.steps.taken;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_depthwise(const qn_opdesc& op, qn_plan_info& info) {
  auto p = std::make_unique<DepthwisePlan>();
  if (describe(op, p->shape, p->backwards)) return nullptr;
  const bool nhwc = sdk::is_nhwc(op);
  p->chain = sdk::ConvChain(op, nhwc, sdk::EpilogueSteps::all);
  p->steps = ChannelSteps(p->chain);
  if (op.program && p->chain.steps.taken != op.program->n_inst) return nullptr;
  const qn_array_desc& w = op.in[1];
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < w.ndim; ++i) order.push_back(i);
  std::vector<std::int64_t> own = strides_in_order(w, order);
  if (w.layout.kind != QN_LAYOUT_STRIDED) return nullptr;
  if (w.layout.strides) own.assign(w.layout.strides, w.layout.strides + w.ndim);
  p->strides = sdk::weight_strides(own.data(), w.ndim, nhwc, false, 1);
  p->loop = depthwise_loop();
  cut(*p, op.max_workers);
  info.n_tiles = p->row_tiles * p->channel_tiles;
  const std::int64_t taps = p->shape.axis[0].taps * p->shape.axis[1].taps;
  info.worker_scratch =
      (static_cast<std::uint64_t>((taps + 2) * p->most_channels) * 4 + 63) / 64 * 64;
  return p;
}

}  // namespace quern::simd
