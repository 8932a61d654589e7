// sum, max and min of f32 over any axes of a dense array, in an order that no thread count changes.
// Not here: the vector loops (reduce_ops.cpp), softmax and other row-wise ops (rows.cpp).
#include <limits>

#include "plugins/simd/families.h"
#include "plugins/simd/reduce_ops.h"
#include "plugins/simd/walk.h"

namespace quern::simd {
namespace {

constexpr std::int64_t kGrain = 32768;  // elements of input in one unit of work
constexpr std::int64_t kRowBlock = 64;  // rows that are summed in f32 before a double takes over

// kept x reduced x inner run. The run is either reduced (rows) or kept (columns), and contiguous.
struct ReducePlan : Plan {
  const ReduceOps* ops = nullptr;
  double start = 0;
  std::vector<Axis> kept, reduced;
  bool rows = true;
  std::int64_t run_length = 1, run_out = 0;
  std::int64_t n_kept = 1, n_reduced = 1;
  std::int64_t parts = 1;         // of the reduced range of one output or of one group of columns
  std::int64_t group = 1;         // outputs in one unit of work, rows only
  std::int64_t column_group = 1;  // columns in one unit of work
  std::int64_t n_units = 1, column_groups = 1;

  void tile(const qn_run&, std::uint32_t, void*) const noexcept override {}

  void run(const qn_run& r) const noexcept override {
    struct Job {
      const ReducePlan* plan;
      const qn_run* run;
    } job{this, &r};
    const auto call = [](void* j, std::uint32_t k, std::uint32_t worker) noexcept {
      const auto& [plan, run] = *static_cast<Job*>(j);
      plan->unit(*run, k, worker);
    };
    if (small)
      for (std::int64_t k = 0; k < n_units; ++k) unit(r, k, 0);
    else
      r.executor->parallel_for(r.executor->self, call, &job, static_cast<std::uint32_t>(n_units),
                               workers);
    if (parts > 1) finish(r);
  }

  void unit(const qn_run& r, std::int64_t k, std::uint32_t worker) const noexcept {
    if (rows)
      row_unit(r, k);
    else
      column_unit(r, k, worker);
  }

  void row_unit(const qn_run& r, std::int64_t k) const noexcept {
    const float* x = static_cast<const float*>(r.in[0].data);
    float* y = static_cast<float*>(r.out[0].data);
    const std::int64_t first = k / parts * group, last = std::min(n_kept, first + group),
                       part = k % parts;
    Walk at(kept, first);
    for (std::int64_t o = first; o < last; ++o, at.next()) {
      double total = start;
      if (n_reduced > 1 || parts == 1) {
        const std::int64_t lo =
            split(n_reduced, static_cast<std::uint32_t>(parts), static_cast<std::uint32_t>(part));
        const std::int64_t hi = split(n_reduced, static_cast<std::uint32_t>(parts),
                                      static_cast<std::uint32_t>(part + 1));
        Walk over(reduced, lo);
        for (std::int64_t j = lo; j < hi; ++j, over.next())
          total = merge(total, ops->row(x + at.in + over.in, run_length));
      } else {
        const std::int64_t lo =
            split(run_length, static_cast<std::uint32_t>(parts), static_cast<std::uint32_t>(part));
        const std::int64_t hi = split(run_length, static_cast<std::uint32_t>(parts),
                                      static_cast<std::uint32_t>(part + 1));
        total = ops->row(x + at.in + lo, hi - lo);
      }
      if (parts == 1)
        y[at.out] = static_cast<float>(total);
      else
        static_cast<double*>(r.workspace)[part * n_kept + o] = total;
    }
  }

  void column_unit(const qn_run& r, std::int64_t k, std::uint32_t worker) const noexcept {
    const std::int64_t part = k % parts, g = k / parts % column_groups,
                       o = k / parts / column_groups;
    const std::int64_t c0 = g * column_group, n = std::min(column_group, run_length - c0);
    double* acc =
        reinterpret_cast<double*>(static_cast<char*>(r.scratch) + worker * scratch_bytes());
    if (parts > 1) acc = static_cast<double*>(r.workspace) + (part * n_kept + o) * run_length + c0;
    std::fill_n(acc, n, start);
    const Walk at(kept, o);
    const float* x = static_cast<const float*>(r.in[0].data) + at.in + c0;
    const std::int64_t lo =
        split(n_reduced, static_cast<std::uint32_t>(parts), static_cast<std::uint32_t>(part));
    const std::int64_t hi =
        split(n_reduced, static_cast<std::uint32_t>(parts), static_cast<std::uint32_t>(part + 1));
    const float* list[kRowBlock];
    Walk over(reduced, lo);
    for (std::int64_t j = lo; j < hi;) {
      std::int64_t m = 0;
      for (; m < kRowBlock && j < hi; ++m, ++j, over.next()) list[m] = x + over.in;
      ops->columns(list, m, n, acc);
    }
    if (parts > 1) return;
    float* y = static_cast<float*>(r.out[0].data) + at.out + c0 * run_out;
    for (std::int64_t c = 0; c < n; ++c) y[c * run_out] = static_cast<float>(acc[c]);
  }

  void finish(const qn_run& r) const noexcept {
    const auto* partial = static_cast<const double*>(r.workspace);
    float* y = static_cast<float*>(r.out[0].data);
    const std::int64_t width = rows ? 1 : run_length, stride = n_kept * width;
    Walk at(kept, 0);
    for (std::int64_t o = 0; o < n_kept; ++o, at.next()) {
      for (std::int64_t c = 0; c < width; ++c) {
        double total = partial[o * width + c];
        for (std::int64_t p = 1; p < parts; ++p)
          total = merge(total, partial[p * stride + o * width + c]);
        y[at.out + c * run_out] = static_cast<float>(total);
      }
    }
  }

  double merge(double a, double b) const noexcept {
    if (start == 0) return a + b;
    if (a != a || b != b) return a != a ? a : b;
    return start < 0 ? std::max(a, b) : std::min(a, b);
  }

  std::size_t scratch_bytes() const {
    return (static_cast<std::size_t>(column_group) * 8 + 63) & ~std::size_t{63};
  }
  std::uint32_t workers = 1;
  bool small = true;  // not worth waking other threads
};

// Splits the axes, in memory order, into kept, reduced and the inner run; false when nothing is
// contiguous.
bool arrange(const qn_opdesc& op, const std::int64_t* strides, ReducePlan& p) {
  const qn_array_desc& x = op.in[0];
  if (x.ndim > kMaxWalkAxes) return false;
  const std::int64_t* axes = sdk::attr_ints(op, 0);
  const unsigned n_axes = sdk::attr_count(op, 0);
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < x.ndim; ++i)
    if (x.shape[i] != 1) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return strides[a] > strides[b]; });
  std::vector<std::int64_t> out(x.ndim, 0);
  std::int64_t step = 1;
  for (std::uint32_t i = x.ndim; i-- > 0;) {
    if (std::find(axes, axes + n_axes, static_cast<std::int64_t>(i)) != axes + n_axes) continue;
    out[i] = step;
    step *= x.shape[i];
  }
  std::vector<Axis> all;
  for (std::uint32_t i : order) {
    const Axis a{x.shape[i], strides[i], out[i]};
    if (!all.empty() && all.back().in == a.in * a.n && all.back().out == a.out * a.n &&
        (all.back().out == 0) == (a.out == 0)) {
      all.back().n *= a.n;
      all.back().in = a.in;
      all.back().out = a.out;
    } else {
      all.push_back(a);
    }
  }
  if (all.empty()) all.push_back({1, 1, 0});
  if (all.back().in != 1) return false;
  p.rows = all.back().out == 0;
  p.run_length = all.back().n;
  p.run_out = all.back().out;
  all.pop_back();
  for (const Axis& a : all) (a.out == 0 ? p.reduced : p.kept).push_back(a);
  p.n_kept = count(p.kept);
  p.n_reduced = count(p.reduced);
  if (p.rows) {
    const std::int64_t each = std::max<std::int64_t>(p.n_reduced * p.run_length, 1);
    p.group = std::clamp<std::int64_t>(kGrain / each, 1, std::max<std::int64_t>(p.n_kept, 1));
    const std::int64_t divisible = p.n_reduced > 1 ? p.n_reduced : p.run_length / 1024;
    if (p.n_kept < 64)
      p.parts = std::clamp<std::int64_t>(std::min(each / kGrain, divisible), 1, 64);
    if (p.parts > 1) p.group = 1;
    p.n_units = (p.n_kept + p.group - 1) / p.group * p.parts;
  } else {
    p.column_group = std::min<std::int64_t>(p.run_length, 1024);
    p.column_groups = (p.run_length + p.column_group - 1) / p.column_group;
    const std::int64_t each = p.n_reduced * p.column_group, units = p.n_kept * p.column_groups;
    if (units < 64)
      p.parts = std::clamp<std::int64_t>(std::min(each / kGrain, p.n_reduced / kRowBlock), 1, 64);
    p.n_units = units * p.parts;
  }
  return p.n_kept * p.run_length > 0 && p.n_units < std::int64_t{1} << 31;
}

Reduce kind_of(std::uint32_t op) {
  return op == QN_OP_SUM ? Reduce::kSum : op == QN_OP_MAX ? Reduce::kMax : Reduce::kMin;
}

void offer_with(const qn_host& host, const qn_opdesc& op, qn_answer* answer,
                const std::int64_t* strides) {
  ReducePlan p;
  if (!arrange(op, strides, p)) return;
  const qn_layout in = sdk::with_strides(strides);
  const double n = static_cast<double>(sdk::element_count(op.in[0]));
  // Rows shorter than a vector cost a call each.
  const double calls = p.rows ? static_cast<double>(p.n_kept * p.n_reduced) * 8.0 : 0.0;
  qn_candidate c =
      sdk::candidate("reduce", 1, estimate_ns(n * 4, n * 0.05 + calls, op.max_workers));
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.n_in = 1;
  c.in = &in;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.workspace_max =
      p.parts > 1 ? static_cast<std::uint64_t>(p.parts * p.n_kept * (p.rows ? 1 : p.run_length)) * 8
                  : 0;
  host.offer(answer, &c);
}

}  // namespace

void query_reduce(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& x = op.in[0];
  if (x.dtype != QN_F32 || op.out[0].dtype != QN_F32 || sdk::element_count(x) == 0)
    return host.refuse(answer, "reduce", "only non-empty f32 arrays");
  std::vector<std::uint32_t> order;
  std::vector<std::int64_t> rows;
  for (std::uint32_t i = 0; i < x.ndim; ++i) order.push_back(i);
  rows = strides_in_order(x, order);
  offer_with(host, op, answer, rows.data());
  if (x.layout.kind == QN_LAYOUT_STRIDED && x.layout.strides && dense_order(x, order) &&
      !sdk::is_row_major(x))
    offer_with(host, op, answer, strides_in_order(x, order).data());
}

std::unique_ptr<Plan> plan_reduce(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<ReducePlan>();
  if (!op.in[0].layout.strides || !arrange(op, op.in[0].layout.strides, *p)) return nullptr;
  const Reduce kind = kind_of(op.op);
  p->ops = &reduce_ops(kind);
  constexpr double inf = std::numeric_limits<double>::infinity();
  p->start = kind == Reduce::kSum ? 0 : kind == Reduce::kMax ? -inf : inf;
  p->workers = op.max_workers;
  p->small = p->n_units == 1 || op.max_workers <= 1 || sdk::element_count(op.in[0]) < 2 * kGrain;
  info.workspace =
      p->parts > 1
          ? static_cast<std::uint64_t>(p->parts * p->n_kept * (p->rows ? 1 : p->run_length)) * 8
          : 0;
  info.worker_scratch = p->rows ? 0 : p->scratch_bytes();
  return p;
}

}  // namespace quern::simd
