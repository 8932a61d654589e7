// Offers and plans for max_pool, avg_pool and their gradients over one or two spatial axes, f32.
// Not here: the loops (pool_ops.cpp); three spatial axes, which the plain kernels serve.
#include "plugins/simd/pool.h"

#include "plugins/sdk/epilogue.hpp"
#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

// Which inputs the mask of an epilogue reads, when that is how it begins: x > above ? dx : other.
struct MaskInputs {
  static constexpr std::uint32_t kInstructions = 2;
  bool found = false;
  std::uint32_t x = 0, above = 0, other = 0;
};

MaskInputs find_mask(const qn_opdesc& op) {
  const qn_program* p = op.program;
  if (op.op != QN_OP_MAX_POOL_GRAD || !p || p->n_inst < MaskInputs::kInstructions ||
      p->n_out != 1 || p->in_dtype[0] != QN_F32)
    return {};
  const auto n_in = static_cast<std::int32_t>(p->n_in);
  const qn_inst &test = p->inst[0], &where = p->inst[1];
  if (test.op != QN_OP_GREATER || where.op != QN_OP_WHERE || where.dtype != QN_F32 ||
      where.a != n_in || where.b != 0 ||
      !sdk::epilogue_prefix_closed(*p, MaskInputs::kInstructions))
    return {};
  const auto input = [&](std::int32_t v, bool whole, std::uint32_t& at) {
    if (v < 1 || v >= n_in) return false;
    at = op.n_op_in + static_cast<std::uint32_t>(v) - 1;
    if (at >= op.n_in || op.in[at].dtype != QN_F32) return false;
    const qn_array_desc &a = op.in[at], &y = op.out[0];
    return whole ? a.ndim == y.ndim && std::equal(a.shape, a.shape + a.ndim, y.shape)
                 : sdk::element_count(a) == 1 && a.ndim <= y.ndim;
  };
  MaskInputs m;
  m.found =
      input(test.a, true, m.x) && input(test.b, false, m.above) && input(where.c, false, m.other);
  return m;
}

struct PoolPlan : Plan {
  PoolShape shape{};
  std::uint32_t op = 0, n_tiles = 1;
  MaskInputs mask;
  std::int64_t units = 0;
  const PoolOps* ops = nullptr;

  static const float* in(const qn_run& run, std::uint32_t k) {
    return static_cast<const float*>(run.in[k].data);
  }

  void masked_grad(const qn_run& run, std::int64_t lo, std::int64_t hi) const noexcept {
    const PoolMask m{mask.found ? in(run, mask.x) : nullptr,
                     mask.found ? in(run, mask.above) : nullptr,
                     mask.found ? in(run, mask.other) : nullptr};
    ops->max_grad(shape, in(run, 0), in(run, 1), in(run, 2), static_cast<float*>(run.out[0].data),
                  mask.found ? &m : nullptr, lo, hi);
  }

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const std::int64_t lo = split(units, n_tiles, t), hi = split(units, n_tiles, t + 1);
    float* out = static_cast<float*>(run.out[0].data);
    switch (op) {
      case QN_OP_MAX_POOL:
        ops->max(shape, in(run, 0), out, lo, hi);
        break;
      case QN_OP_AVG_POOL:
        ops->avg(shape, in(run, 0), out, lo, hi);
        break;
      case QN_OP_MAX_POOL_GRAD:
        masked_grad(run, lo, hi);
        break;
      default:
        ops->avg_grad(shape, in(run, 0), out, lo, hi);
        break;
    }
  }
};

bool is_grad(std::uint32_t op) { return op == QN_OP_MAX_POOL_GRAD || op == QN_OP_AVG_POOL_GRAD; }

// Fills all but channels_last; false for more than two spatial axes.
bool describe(const qn_opdesc& op, PoolShape& s, bool& nhwc) {
  const unsigned first = op.op == QN_OP_AVG_POOL_GRAD ? 1 : 0;
  const qn_array_desc& big = is_grad(op.op) ? op.out[0] : op.in[0];
  const qn_array_desc& small = op.op == QN_OP_MAX_POOL_GRAD   ? op.in[1]
                               : op.op == QN_OP_AVG_POOL_GRAD ? op.in[0]
                                                              : op.out[0];
  if (big.ndim != 3 && big.ndim != 4) return false;
  nhwc = sdk::attr_str(op, first + 3) == "nhwc";
  const unsigned spatial = big.ndim - 2, at = nhwc ? 1 : 2;
  const std::int64_t *k = sdk::attr_ints(op, first), *st = sdk::attr_ints(op, first + 1),
                     *pad = sdk::attr_ints(op, first + 2);
  s.n = big.shape[0];
  s.c = big.shape[nhwc ? big.ndim - 1 : 1];
  s.h = s.oh = s.kh = s.sh = 1;
  s.ph = 0;
  if (spatial == 2)
    s.h = big.shape[at], s.oh = small.shape[at], s.kh = k[0], s.sh = st[0], s.ph = pad[0];
  const unsigned w = spatial - 1;
  s.w = big.shape[at + w], s.ow = small.shape[at + w], s.kw = k[w], s.sw = st[w], s.pw = pad[w];
  return true;
}

std::vector<std::uint32_t> memory_order(std::uint32_t ndim, bool nhwc, bool channels_last) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < ndim; ++i) order.push_back(i);
  if (!nhwc && channels_last) order.erase(order.begin() + 1), order.push_back(1);
  return order;
}

double pool_ns(const PoolShape& s, bool grad) {
  const double elements =
      static_cast<double>(s.n) * static_cast<double>(s.c * s.oh * s.ow * s.kh * s.kw);
  const bool fast =
      s.channels_last ? s.c >= 4
                      : s.kh == 2 && s.kw == 2 && s.sh == 2 && s.sw == 2 && s.ph == 0 && s.pw == 0;
  return elements * (fast ? 0.1 : 1.2) * (grad ? 2 : 1);
}

void offer(const qn_host& host, const qn_opdesc& op, qn_answer* answer, PoolShape s, bool nhwc,
           bool last) {
  s.channels_last = last;
  std::vector<std::vector<std::int64_t>> strides;
  auto layout = [&](const qn_array_desc& a) {
    strides.push_back(strides_in_order(a, memory_order(a.ndim, nhwc, last)));
    return sdk::with_strides(strides.back().data());
  };
  std::vector<qn_layout> in;
  double bytes = 0;
  const MaskInputs mask = find_mask(op);
  for (std::uint32_t i = 0; i < op.n_in; ++i) {
    const bool like_image = i < op.n_op_in || (mask.found && i == mask.x);
    in.push_back(like_image ? layout(op.in[i]) : sdk::any_strides());
    if (i < op.n_op_in) bytes += static_cast<double>(sdk::element_count(op.in[i])) * 4;
  }
  const qn_layout out = layout(op.out[0]);
  bytes += static_cast<double>(sdk::element_count(op.out[0])) * 4;
  qn_candidate c = sdk::candidate(last ? "pool.channels_last" : "pool.channels_first", last ? 1 : 2,
                                  estimate_ns(bytes, pool_ns(s, is_grad(op.op)), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.n_out = 1;
  c.in = in.data();
  c.out = &out;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.epilogue_taken = mask.found ? MaskInputs::kInstructions : 0;
  host.offer(answer, &c);
}

}  // namespace

void query_pool(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  PoolShape s{};
  bool nhwc = false;
  for (std::uint32_t i = 0; i < op.n_op_in; ++i)
    if (op.in[i].dtype != QN_F32) return host.refuse(answer, "pool", "only f32");
  if (!describe(op, s, nhwc)) return host.refuse(answer, "pool", "only one or two spatial axes");
  offer(host, op, answer, s, nhwc, true);
  if (!nhwc) offer(host, op, answer, s, nhwc, false);
}

std::unique_ptr<Plan> plan_pool(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info) {
  auto p = std::make_unique<PoolPlan>();
  bool nhwc = false;
  PoolShape& s = p->shape;
  if (!describe(op, s, nhwc)) return nullptr;
  if (op.program) {
    p->mask = find_mask(op);
    if (!p->mask.found || op.program->n_inst != MaskInputs::kInstructions) return nullptr;
  }
  s.channels_last = kernel_id == 1;
  p->op = op.op;
  p->ops = &pool_ops();
  const std::int64_t images = s.channels_last ? s.n : s.n * s.c;
  p->units = images * (is_grad(op.op) && !(s.disjoint() && s.oh > 0) ? 1 : s.oh);
  const double bytes =
      static_cast<double>(sdk::element_count(op.in[0]) + sdk::element_count(op.out[0])) * 4;
  p->n_tiles =
      free_tiles(std::max(bytes / 20.0, pool_ns(s, is_grad(op.op))), op.max_workers, p->units);
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
