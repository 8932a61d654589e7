// Offers and plans for ops that treat each row of trailing axes alone: softmax, log_softmax,
// logsumexp, layer_norm, rms_norm and argmax of f32. Not here: the loops (row_ops.cpp), sums and
// maxima (reduce.cpp).
#include "plugins/simd/rows.h"

#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

struct RowPlan : Plan {
  std::uint32_t op = 0, n_tiles = 1;
  std::int64_t rows = 0, length = 0;
  float eps = 0;
  bool w_scalar = false, b_scalar = false;
  const RowOps* ops = nullptr;
  const NormOps* norms = nullptr;

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const float* x = static_cast<const float*>(run.in[0].data);
    float* y = static_cast<float*>(run.out[0].data);
    const std::int64_t lo = split(rows, n_tiles, t), hi = split(rows, n_tiles, t + 1);
    const float *w = nullptr, *b = nullptr;
    if (op == QN_OP_LAYER_NORM || op == QN_OP_RMS_NORM)
      w = spread(run.in[1].data, w_scalar, static_cast<float*>(scratch));
    if (op == QN_OP_LAYER_NORM)
      b = spread(run.in[2].data, b_scalar, static_cast<float*>(scratch) + length);
    const float* first = x + lo * length;
    if (op == QN_OP_LAYER_NORM)
      return norms->layer_norm(first, w, b, eps, y + lo * length, hi - lo, length);
    if (op == QN_OP_RMS_NORM)
      return norms->rms_norm(first, w, eps, y + lo * length, hi - lo, length);
    for (std::int64_t r = lo; r < hi; ++r) {
      const float* a = x + r * length;
      switch (op) {
        case QN_OP_SOFTMAX:
          ops->softmax(a, y + r * length, length);
          break;
        case QN_OP_LOG_SOFTMAX:
          ops->log_softmax(a, y + r * length, length);
          break;
        case QN_OP_LOGSUMEXP:
          y[r] = ops->logsumexp(a, length);
          break;
        default:
          static_cast<std::uint32_t*>(run.out[0].data)[r] = ops->argmax(a, length);
          break;
      }
    }
  }

  const float* spread(const void* data, bool scalar, float* room) const noexcept {
    const float* p = static_cast<const float*>(data);
    if (!scalar) return p;
    std::fill_n(room, length, *p);
    return room;
  }
};

// The number of trailing axes in a row; 0 when the axes are not the trailing ones.
bool row_length(const qn_opdesc& op, std::int64_t& length) {
  const qn_array_desc& x = op.in[0];
  length = 1;
  if (x.ndim == 0) return false;
  if (op.op == QN_OP_LAYER_NORM || op.op == QN_OP_RMS_NORM) {
    length = x.shape[x.ndim - 1];
    return true;
  }
  const unsigned n = sdk::attr_count(op, 0);
  const std::int64_t* axes = sdk::attr_ints(op, 0);
  if (n == 0 || n > x.ndim) return false;
  for (unsigned k = 0; k < n; ++k) {
    const std::int64_t axis = static_cast<std::int64_t>(x.ndim - n + k);
    if (std::find(axes, axes + n, axis) == axes + n) return false;
    length *= x.shape[axis];
  }
  return true;
}

double row_ns(const qn_opdesc& op, std::int64_t rows, std::int64_t length) {
  const bool light = op.op == QN_OP_LAYER_NORM || op.op == QN_OP_RMS_NORM || op.op == QN_OP_ARGMAX;
  const double each = light ? 0.12 : op.op == QN_OP_LOGSUMEXP ? 0.45 : 0.5;
  return static_cast<double>(rows) * (30.0 + static_cast<double>(length) * each);
}

}  // namespace

void query_rows(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& x = op.in[0];
  const std::int64_t n = sdk::element_count(x);
  std::int64_t length = 1;
  for (std::uint32_t i = 0; i < op.n_in; ++i)
    if (op.in[i].dtype != QN_F32) return host.refuse(answer, "rows", "only f32");
  if ((op.op == QN_OP_LAYER_NORM && op.n_in != 3) || (op.op == QN_OP_RMS_NORM && op.n_in != 2))
    return host.refuse(answer, "rows", "takes no further inputs");
  if (n == 0 || !row_length(op, length))
    return host.refuse(answer, "rows", "the axes are not the trailing ones");
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < x.ndim; ++i) order.push_back(i);
  const std::vector<std::int64_t> strides = strides_in_order(x, order);
  const std::int64_t one[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  std::vector<qn_layout> in(op.n_in, sdk::with_strides(strides.data()));
  for (std::uint32_t i = 1; i < op.n_in; ++i) {
    const std::int64_t k = sdk::element_count(op.in[i]);
    if (op.in[i].ndim > 1 || (k != 1 && k != length))
      return host.refuse(answer, "rows", "w and b are scalars or rows");
    in[i] = op.in[i].ndim == 0 ? sdk::any_strides() : sdk::with_strides(one);
  }
  const double bytes =
      static_cast<double>(n) * (op.op == QN_OP_LOGSUMEXP || op.op == QN_OP_ARGMAX ? 4 : 8);
  qn_candidate c =
      sdk::candidate("rows", 1, estimate_ns(bytes, row_ns(op, n / length, length), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.in = in.data();
  c.confidence = QN_CONFIDENCE_MODEL;
  if (op.op == QN_OP_SOFTMAX || op.op == QN_OP_LOG_SOFTMAX || op.op == QN_OP_LAYER_NORM ||
      op.op == QN_OP_RMS_NORM)
    c.inplace_mask = 1;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_rows(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<RowPlan>();
  if (!row_length(op, p->length)) return nullptr;
  p->op = op.op;
  p->rows = sdk::element_count(op.in[0]) / p->length;
  p->ops = &row_ops();
  p->norms = &norm_ops();
  if (op.op == QN_OP_LAYER_NORM || op.op == QN_OP_RMS_NORM) {
    p->eps = static_cast<float>(sdk::attr_float(op, 0));
    p->w_scalar = sdk::element_count(op.in[1]) != p->length;
    p->b_scalar = op.op == QN_OP_LAYER_NORM && sdk::element_count(op.in[2]) != p->length;
    info.worker_scratch = static_cast<std::uint64_t>(2 * p->length * 4 + 63) / 64 * 64;
  }
  p->n_tiles = free_tiles(row_ns(op, p->rows, p->length), op.max_workers, p->rows);
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
