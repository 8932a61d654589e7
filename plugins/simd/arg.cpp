// argmax and argmin over one axis or all, of every real dtype.
// Not here: the loops (arg_ops.cpp), the extremes themselves (reduce.cpp).
#include "plugins/simd/arg.h"

#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

constexpr std::int64_t kStrip = 64;            // columns in one unit of work
constexpr std::int64_t kLong = 131072;         // from here a row is cut into parts of half as much
constexpr std::int64_t kLongest = 0xffffffff;  // indices are 32 bits wide

AxisSet axes_of(const qn_opdesc& op) { return {sdk::attr_ints(op, 0), sdk::attr_count(op, 0)}; }

double arg_ns(const qn_opdesc& op, const Cut& c) {
  const double wide = sdk::itemsize(op.in[0].dtype) == 8 ? 2 : 1;
  if (c.inner == 1) {
    const double row = c.n <= kShortRow ? 2 + 0.6 * static_cast<double>(c.n)
                                        : 25 + 0.08 * static_cast<double>(c.n);
    return static_cast<double>(c.outer) * row * wide;
  }
  const double columns = static_cast<double>((c.inner + 15) / 16 * 16 * c.outer);
  return columns * (1 + 0.1 * static_cast<double>(c.n)) * wide;
}

struct ArgPlan : Plan {
  Cut c;
  const ArgOps* ops = nullptr;
  std::int64_t itemsize = 4, parts = 1;  // parts of the one row
  std::uint32_t n_tiles = 1, workers = 1;

  std::int64_t strips() const { return (c.inner + kStrip - 1) / kStrip; }

  // One long row: the places in its parts, then the best of them. The smallest index wins among
  // equals, whoever computes which part.
  void run(const qn_run& r) const noexcept override {
    struct Job {
      const ArgPlan* plan;
      const qn_run* run;
    } job{this, &r};
    const auto call = [](void* j, std::uint32_t k, std::uint32_t) noexcept {
      const auto& [p, run] = *static_cast<Job*>(j);
      const auto parts = static_cast<std::uint32_t>(p->parts);
      const std::int64_t lo = split(p->c.n, parts, k), hi = split(p->c.n, parts, k + 1);
      const auto* x = static_cast<const char*>(run->in[0].data) + lo * p->itemsize;
      static_cast<std::int64_t*>(run->workspace)[k] =
          lo + static_cast<std::int64_t>(p->ops->row(x, hi - lo));
    };
    r.executor->parallel_for(r.executor->self, call, &job, static_cast<std::uint32_t>(parts),
                             workers);
    const auto* places = static_cast<const std::int64_t*>(r.workspace);
    std::int64_t best = places[0];
    for (std::int64_t k = 1; k < parts; ++k)
      if (ops->better(r.in[0].data, best, places[k])) best = places[k];
    *static_cast<std::uint32_t*>(r.out[0].data) = static_cast<std::uint32_t>(best);
  }

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const auto* x = static_cast<const char*>(run.in[0].data);
    auto* y = static_cast<std::uint32_t*>(run.out[0].data);
    const std::int64_t units = c.inner == 1 ? c.outer : c.outer * strips();
    const std::int64_t lo = split(units, n_tiles, t), hi = split(units, n_tiles, t + 1);
    std::int64_t u = lo;
    if (c.inner == 1 && c.n <= kShortRow)
      u += ops->short_rows(x + lo * c.n * itemsize, hi - lo, c.n, y + lo);
    for (; u < hi; ++u) {
      if (c.inner == 1) {
        y[u] = static_cast<std::uint32_t>(ops->row(x + u * c.n * itemsize, c.n));
        continue;
      }
      const std::int64_t o = u / strips(), first = u % strips() * kStrip;
      ops->columns(x + (o * c.n * c.inner + first) * itemsize, c.n, c.inner,
                   std::min(kStrip, c.inner - first), y + o * c.inner + first);
    }
  }
};

bool one_long_row(const Cut& c) { return c.outer == 1 && c.inner == 1 && c.n >= kLong; }
std::int64_t parts_of(const Cut& c) { return std::min<std::int64_t>(c.n / (kLong / 2), 64); }

void offer_lines(const qn_host& host, const qn_opdesc& op, qn_answer* answer,
                 const AxisOrder& order) {
  const qn_array_desc& x = op.in[0];
  Cut c;
  if (!cut_lines(x, axes_of(op), order, c) || !keeps_order(x, axes_of(op), order)) return;
  const std::vector<std::int64_t> strides = strides_in_order(x, order);
  const qn_layout in = sdk::with_strides(strides.data());
  const double bytes = static_cast<double>(sdk::element_count(x)) * sdk::itemsize(x.dtype);
  qn_candidate offer = sdk::candidate("arg", 1, estimate_ns(bytes, arg_ns(op, c), op.max_workers));
  offer.threading = one_long_row(c) ? QN_THREADING_PARALLEL_FOR : QN_THREADING_TILES;
  offer.n_in = 1;
  offer.in = &in;
  offer.confidence = QN_CONFIDENCE_MODEL;
  if (one_long_row(c)) offer.workspace_max = static_cast<std::uint64_t>(parts_of(c)) * 8;
  host.offer(answer, &offer);
}

}  // namespace

void query_arg(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& x = op.in[0];
  if (!arg_ops(x.dtype, true) || op.out[0].dtype != QN_U32 || sdk::element_count(x) == 0 ||
      sdk::element_count(x) > kLongest)
    return host.refuse(answer, "arg", "no elements, too many, or complex ones");
  const AxisOrder order = row_major(x);
  offer_lines(host, op, answer, order);
  // All axes are counted in row-major order; one is counted along itself, wherever it lies.
  if (axes_of(op).size() != 1) return;
  AxisOrder own = order;
  if (x.layout.strides && !sdk::is_row_major(x) && dense_order(x, own))
    offer_lines(host, op, answer, own);
}

std::unique_ptr<Plan> plan_arg(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<ArgPlan>();
  AxisOrder order;
  if (!dense_order(op.in[0], order) || !cut_lines(op.in[0], axes_of(op), order, p->c))
    return nullptr;
  p->ops = arg_ops(op.in[0].dtype, op.op == QN_OP_ARGMAX);
  p->itemsize = sdk::itemsize(op.in[0].dtype);
  p->workers = op.max_workers;
  if (one_long_row(p->c)) {
    p->parts = parts_of(p->c);
    info.workspace = static_cast<std::uint64_t>(p->parts) * 8;
    return p;
  }
  const std::int64_t units = p->c.inner == 1 ? p->c.outer : p->c.outer * p->strips();
  p->n_tiles = free_tiles(arg_ns(op, p->c), op.max_workers, units);
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
