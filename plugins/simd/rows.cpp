// Offers and plans for ops that treat each row of trailing axes alone: softmax, log_softmax,
// logsumexp, layer_norm and rms_norm of f32, f16 and bf16 (which take the way through a row of
// f32); softmax and its kin also over other axes. Not here: the loops (row_ops.cpp), columns
// (columns.cpp), sums and maxima (reduce.cpp).
#include "plugins/simd/rows.h"

#include "plugins/simd/columns.h"
#include "plugins/simd/families.h"
#include "plugins/simd/map.h"

namespace quern::simd {
namespace {

constexpr std::int64_t kShort = 24;  // rows of this length or less are done many at a time

bool is_norm(std::uint32_t op) { return op == QN_OP_LAYER_NORM || op == QN_OP_RMS_NORM; }

struct RowPlan : Plan {
  std::uint32_t op = 0, n_tiles = 1;
  std::int64_t rows = 0, length = 0, block = 1;
  float eps = 0;
  bool half = false, w_scalar = false, b_scalar = false;
  HalfFns convert{};
  const RowOps* ops = nullptr;
  const NormOps* norms = nullptr;
  ShortRowFn short_rows = nullptr;

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const std::int64_t lo = split(rows, n_tiles, t), hi = split(rows, n_tiles, t + 1);
    auto* room = static_cast<float*>(scratch);
    const float *w = nullptr, *b = nullptr;
    if (is_norm(op)) w = weights(run.in[1].data, w_scalar, room);
    if (op == QN_OP_LAYER_NORM) b = weights(run.in[2].data, b_scalar, room + length);
    if (is_norm(op)) room += 2 * length;
    const std::int64_t out = op == QN_OP_LOGSUMEXP ? 1 : length, size = half ? 2 : 4;
    const char* x = static_cast<const char*>(run.in[0].data);
    char* y = static_cast<char*>(run.out[0].data);
    for (std::int64_t r = lo; r < hi; r += block) {
      const std::int64_t n = std::min(block, hi - r);
      const char* from = x + r * length * size;
      char* to = y + r * out * size;
      if (!half) {
        some_rows(reinterpret_cast<const float*>(from), reinterpret_cast<float*>(to), n, w, b);
        continue;
      }
      convert.widen(from, room, static_cast<std::size_t>(n * length));
      some_rows(room, room, n, w, b);
      convert.narrow(room, to, static_cast<std::size_t>(n * out));
    }
  }

  // y may be x: a result never lies behind the row it is of.
  void some_rows(const float* x, float* y, std::int64_t n, const float* w,
                 const float* b) const noexcept {
    const std::int64_t out = op == QN_OP_LOGSUMEXP ? 1 : length;
    if (op == QN_OP_LAYER_NORM) return norms->layer_norm(x, w, b, eps, y, n, length);
    if (op == QN_OP_RMS_NORM) return norms->rms_norm(x, w, eps, y, n, length);
    std::int64_t r = short_rows ? short_rows(x, y, n, length) : 0;
    for (; r < n; ++r) {
      const float* a = x + r * length;
      if (op == QN_OP_SOFTMAX)
        ops->softmax(a, y + r * out, length);
      else if (op == QN_OP_LOG_SOFTMAX)
        ops->log_softmax(a, y + r * out, length);
      else
        y[r] = ops->logsumexp(a, length);
    }
  }

  // As many f32 as a row has elements.
  const float* weights(const void* data, bool scalar, float* room) const noexcept {
    if (!half && !scalar) return static_cast<const float*>(data);
    if (half)
      convert.widen(data, room, scalar ? 1 : static_cast<std::size_t>(length));
    else
      *room = *static_cast<const float*>(data);
    if (scalar) std::fill_n(room + 1, length - 1, *room);
    return room;
  }
};

double row_ns(const qn_opdesc& op, const Cut& c) {
  double each = is_norm(op.op) ? 0.12 : op.op == QN_OP_LOGSUMEXP ? 0.45 : 0.5;
  if (op.in[0].dtype != QN_F32) each += 0.1;
  const double row = !is_norm(op.op) && c.n <= kShort ? 2.0 : 30.0;
  return static_cast<double>(c.outer) * (row + static_cast<double>(c.n) * each);
}

AxisSet axes_of(const qn_opdesc& op) { return {sdk::attr_ints(op, 0), sdk::attr_count(op, 0)}; }

// Norms are of the last axis of row-major arrays, whatever their attributes.
bool cut_rows(const qn_opdesc& op, const AxisOrder& order, Cut& c) {
  const qn_array_desc& x = op.in[0];
  if (!is_norm(op.op)) return cut_lines(x, axes_of(op), order, c);
  c = {};
  c.n = x.shape[x.ndim - 1];
  c.outer = sdk::element_count(x) / c.n;
  return true;
}

// The op on x lying in this order, its result lying alike.
void offer_lines(const qn_host& host, const qn_opdesc& op, qn_answer* answer,
                 const AxisOrder& order) {
  const qn_array_desc& x = op.in[0];
  const bool reduces = op.op == QN_OP_LOGSUMEXP;
  Cut c;
  if (!cut_rows(op, order, c) || (reduces && !keeps_order(x, axes_of(op), order))) return;
  const std::vector<std::int64_t> strides = strides_in_order(x, order);
  const std::int64_t one[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  std::vector<qn_layout> in(op.n_in, sdk::with_strides(strides.data()));
  for (std::uint32_t i = 1; i < op.n_in; ++i)
    in[i] = op.in[i].ndim == 0 ? sdk::any_strides() : sdk::with_strides(one);
  const double bytes =
      static_cast<double>(sdk::element_count(x)) * sdk::itemsize(x.dtype) * (reduces ? 1 : 2);
  const double ns = c.inner > 1 ? columns_ns(op, c) : row_ns(op, c);
  qn_candidate offer =
      sdk::candidate(c.inner > 1 ? "columns" : "rows", 1, estimate_ns(bytes, ns, op.max_workers));
  offer.threading = QN_THREADING_TILES;
  offer.n_in = op.n_in;
  offer.in = in.data();
  offer.confidence = QN_CONFIDENCE_MODEL;
  if (!reduces) {
    offer.n_out = 1;
    offer.out = in.data();
    offer.inplace_mask = 1;
  }
  host.offer(answer, &offer);
}

}  // namespace

void query_rows(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& x = op.in[0];
  const std::int64_t n = sdk::element_count(x);
  for (std::uint32_t i = 0; i < op.n_in; ++i)
    if ((x.dtype != QN_F32 && !is_half(x.dtype)) || op.in[i].dtype != x.dtype)
      return host.refuse(answer, "rows", "only f32, f16 and bf16");
  if (op.out[0].dtype != x.dtype) return host.refuse(answer, "rows", "changes the dtype");
  if ((op.op == QN_OP_LAYER_NORM && op.n_in != 3) || (op.op == QN_OP_RMS_NORM && op.n_in != 2))
    return host.refuse(answer, "rows", "takes no further inputs");
  if (n == 0 || x.ndim == 0) return host.refuse(answer, "rows", "no elements or no axes");
  for (std::uint32_t i = 1; i < op.n_in; ++i) {
    const std::int64_t k = sdk::element_count(op.in[i]);
    if (op.in[i].ndim > 1 || (k != 1 && k != x.shape[x.ndim - 1]))
      return host.refuse(answer, "rows", "w and b are scalars or rows");
  }
  const AxisOrder order = row_major(x);
  offer_lines(host, op, answer, order);
  if (is_norm(op.op)) return;
  AxisOrder own = order;
  if (x.layout.strides && !sdk::is_row_major(x) && dense_order(x, own))
    offer_lines(host, op, answer, own);
  // Rows, whatever the axes are.
  const AxisOrder moved = moved_last(x, axes_of(op));
  if (moved != order && moved != own) offer_lines(host, op, answer, moved);
}

std::unique_ptr<Plan> plan_rows(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  Cut c;
  AxisOrder order;
  if (!dense_order(op.in[0], order) || !cut_rows(op, order, c)) return nullptr;
  if (c.inner > 1) return plan_columns(op, c, info);
  auto p = std::make_unique<RowPlan>();
  p->op = op.op;
  p->rows = c.outer;
  p->length = c.n;
  p->ops = &row_ops();
  p->norms = &norm_ops();
  p->half = is_half(op.in[0].dtype);
  if (p->half) p->convert = half_fns(op.in[0].dtype);
  // Halves by blocks of which an f32 copy stays in the first-level cache.
  p->block = p->half ? std::max<std::int64_t>(2048 / p->length, 1) : p->rows;
  std::int64_t room = p->half ? p->block * p->length : 0;
  if (is_norm(op.op)) {
    p->eps = static_cast<float>(sdk::attr_float(op, 0));
    p->w_scalar = sdk::element_count(op.in[1]) != p->length;
    p->b_scalar = op.op == QN_OP_LAYER_NORM && sdk::element_count(op.in[2]) != p->length;
    room += 2 * p->length;
  } else if (p->length <= kShort) {
    const ShortRowOps ops = short_row_ops();
    p->short_rows = op.op == QN_OP_SOFTMAX       ? ops.softmax
                    : op.op == QN_OP_LOG_SOFTMAX ? ops.log_softmax
                                                 : ops.logsumexp;
  }
  info.worker_scratch = static_cast<std::uint64_t>(room * 4 + 63) / 64 * 64;
  p->n_tiles = free_tiles(row_ns(op, c), op.max_workers, p->rows);
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
