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
  WeightStrides strides{};
  bool backwards = false;  // taps are read from the last
  std::int64_t units = 0;
  std::uint32_t n_tiles = 1;

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const auto* from = static_cast<const float*>(run.in[1].data);
    auto* w = static_cast<float*>(scratch);
    const std::int64_t kh = shape.axis[0].taps, kw = shape.axis[1].taps;
    for (std::int64_t k = 0; k < kh * kw; ++k) {
      const std::int64_t i = backwards ? kh * kw - 1 - k : k;
      const float* tap = from + i / kw * strides.h + i % kw * strides.w;
      for (std::int64_t c = 0; c < shape.c; ++c) w[k * shape.c + c] = tap[c * strides.o];
    }
    const ConvEpilogue e = chain.at(run);
    loop(shape, static_cast<const float*>(run.in[0].data), w, static_cast<float*>(run.out[0].data),
         chain.steps.n ? &e : nullptr, split(units, n_tiles, t), split(units, n_tiles, t + 1));
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

double work_ns(const DepthwiseShape& s) {
  double taps = 1;
  for (const DepthwiseAxis& a : s.axis)
    taps *= static_cast<double>(a.out) *
            std::max(1.0, static_cast<double>(a.taps) / static_cast<double>(a.spread));
  const std::int64_t lanes = depthwise_lanes();
  const double vectors =
      static_cast<double>(s.c / lanes) + static_cast<double>((s.c % lanes + 3) / 4) * 1.5;
  return static_cast<double>(s.images) * vectors * taps * 0.38 + static_cast<double>(s.images);
}

std::int64_t weight_floats(const DepthwiseShape& s) {
  return s.axis[0].taps * s.axis[1].taps * s.c;
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
  std::vector<qn_layout> in{sdk::with_strides(x.data()), sdk::any_strides()};
  const sdk::ConvChain chain(op, nhwc);
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
  p->chain = sdk::ConvChain(op, nhwc);
  if (op.program && p->chain.steps.taken != op.program->n_inst) return nullptr;
  const qn_array_desc& w = op.in[1];
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < w.ndim; ++i) order.push_back(i);
  std::vector<std::int64_t> own = strides_in_order(w, order);
  if (w.layout.kind != QN_LAYOUT_STRIDED) return nullptr;
  if (w.layout.strides) own.assign(w.layout.strides, w.layout.strides + w.ndim);
  p->strides = sdk::weight_strides(own.data(), w.ndim, nhwc, false, 1);
  p->loop = depthwise_loop();
  p->units = p->shape.images * p->shape.axis[0].out * depthwise_segments(p->shape.axis[1]);
  p->n_tiles = free_tiles(work_ns(p->shape), op.max_workers, p->units);
  info.n_tiles = p->n_tiles;
  info.worker_scratch = (static_cast<std::uint64_t>(weight_floats(p->shape)) * 4 + 63) / 64 * 64;
  return p;
}

}  // namespace quern::simd
