// sum, prod, max, min, all and any over any axes, in an order that no thread count changes.
// Not here: the vector loops (reduce-inl.h), softmax and other row-wise ops (rows.cpp), places of
// extremes (arg.cpp).
#include "plugins/simd/families.h"
#include "plugins/simd/reduce_ops.h"
#include "plugins/simd/walk.h"

namespace quern::simd {
namespace {

constexpr std::int64_t kGrain = 32768;  // elements of input in one unit of work
constexpr std::int64_t kRowBlock = 64;  // rows that are joined in lanes before totals take over
constexpr std::int64_t kColumnGroup = 1024;  // columns in one unit of work
constexpr std::int64_t kThin = 64;  // columns; fewer are joined with those of the next rows

const ReduceOps* ops_of(const qn_opdesc& op) {
  const qn_dtype t = op.in[0].dtype;
  if (t != op.out[0].dtype) return nullptr;
  switch (op.op) {
    case QN_OP_SUM:
      return total_ops(false, t == QN_C64 ? QN_F32 : t);
    case QN_OP_PROD:
      return total_ops(true, t);
    case QN_OP_MAX:
      return extreme_ops(true, t);
    case QN_OP_MIN:
      return extreme_ops(false, t);
    case QN_OP_ANY:
      return t == QN_BOOL ? extreme_ops(true, t) : nullptr;
    default:
      return t == QN_BOOL ? extreme_ops(false, t) : nullptr;
  }
}

// kept x reduced x inner run. The run is either reduced (rows) or kept (columns), and contiguous.
struct ReducePlan : Plan {
  const ReduceOps* ops = nullptr;
  std::vector<Axis> kept, reduced;
  bool rows = true;
  bool short_rows = false;  // many rows at a time, along the last kept axis
  std::int64_t itemsize = 4;
  std::int64_t in_start = 0, out_start = 0;  // of the first element, where strides are negative
  std::int64_t run_length = 1, run_out = 0;
  std::int64_t n_kept = 1, n_reduced = 1;
  std::int64_t fold = 1, rest = 0;  // thin columns: rows joined to one, rows left over
  std::int64_t parts = 1;           // of the reduced range of one output or of one group of columns
  std::int64_t group = 1;           // outputs in one unit of work, rows only
  std::int64_t column_group = 1;    // columns in one unit of work
  std::int64_t n_units = 1, column_groups = 1;
  std::uint32_t workers = 1;
  bool small = true;  // not worth waking other threads

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
    if (short_rows)
      short_unit(r, k);
    else if (rows)
      row_unit(r, k);
    else
      column_unit(r, k, worker);
  }

  const char* input(const qn_run& r, std::int64_t at) const noexcept {
    return static_cast<const char*>(r.in[0].data) + (in_start + at) * itemsize;
  }
  char* output(const qn_run& r, std::int64_t at) const noexcept {
    return static_cast<char*>(r.out[0].data) + (out_start + at) * itemsize;
  }
  std::int64_t part_start(std::int64_t n, std::int64_t part) const noexcept {
    return split(n, static_cast<std::uint32_t>(parts), static_cast<std::uint32_t>(part));
  }

  void short_unit(const qn_run& r, std::int64_t k) const noexcept {
    const Axis& line = kept.back();
    const std::int64_t last = std::min(n_kept, (k + 1) * group);
    for (std::int64_t o = k * group; o < last;) {
      const Walk at(kept, o);
      const std::int64_t n = std::min(last - o, line.n - o % line.n);
      ops->short_rows(input(r, at.in), n, run_length, line.in, output(r, at.out), line.out);
      o += n;
    }
  }

  void row_unit(const qn_run& r, std::int64_t k) const noexcept {
    const std::int64_t first = k / parts * group, last = std::min(n_kept, first + group),
                       part = k % parts;
    Walk at(kept, first);
    for (std::int64_t o = first; o < last; ++o, at.next()) {
      std::uint64_t own;
      void* total = &own;
      if (parts > 1) total = static_cast<char*>(r.workspace) + (part * n_kept + o) * ops->acc_bytes;
      ops->start(total, 1);
      if (n_reduced > 1) {
        const std::int64_t lo = part_start(n_reduced, part), hi = part_start(n_reduced, part + 1);
        Walk over(reduced, lo);
        for (std::int64_t j = lo; j < hi; ++j, over.next())
          ops->row(input(r, at.in + over.in), run_length, total);
      } else {
        const std::int64_t lo = part_start(run_length, part), hi = part_start(run_length, part + 1);
        ops->row(input(r, at.in + lo), hi - lo, total);
      }
      if (parts == 1) ops->store(total, output(r, at.out), 1, 1);
    }
  }

  void column_unit(const qn_run& r, std::int64_t k, std::uint32_t worker) const noexcept {
    const std::int64_t part = k % parts, g = k / parts % column_groups,
                       o = k / parts / column_groups;
    const std::int64_t width = run_length * fold, c0 = g * column_group,
                       n = std::min(column_group, width - c0);
    char* totals = static_cast<char*>(r.scratch) + worker * scratch_bytes();
    if (parts > 1)
      totals =
          static_cast<char*>(r.workspace) + ((part * n_kept + o) * width + c0) * ops->acc_bytes;
    ops->start(totals, n);
    const Walk at(kept, o);
    const std::int64_t lo = part_start(n_reduced, part), hi = part_start(n_reduced, part + 1);
    const void* list[kRowBlock];
    Walk over(reduced, lo);
    for (std::int64_t j = lo; j < hi;) {
      std::int64_t m = 0;
      for (; m < kRowBlock && j < hi; ++m, ++j, over.next())
        list[m] = input(r, at.in + c0 + over.in);
      ops->columns(list, m, n, totals);
    }
    if (rest > 0 && part == parts - 1) {
      list[0] = input(r, at.in + n_reduced * width);
      ops->columns(list, 1, rest * run_length, totals);
    }
    if (parts > 1) return;
    finish_columns(totals, n, output(r, at.out + c0 * run_out));
  }

  void finish_columns(char* totals, std::int64_t n, char* y) const noexcept {
    if (fold > 1) {
      for (std::int64_t k = 1; k < fold; ++k)
        ops->merge(totals, totals + k * run_length * ops->acc_bytes, run_length);
      n = run_length;
    }
    ops->store(totals, y, n, run_out);
  }

  void finish(const qn_run& r) const noexcept {
    auto* totals = static_cast<char*>(r.workspace);
    const std::int64_t width = rows ? 1 : run_length * fold, stride = n_kept * width;
    for (std::int64_t p = 1; p < parts; ++p)
      ops->merge(totals, totals + p * stride * ops->acc_bytes, stride);
    Walk at(kept, 0);
    for (std::int64_t o = 0; o < n_kept; ++o, at.next())
      finish_columns(totals + o * width * ops->acc_bytes, width, output(r, at.out));
  }

  std::size_t scratch_bytes() const {
    return (static_cast<std::size_t>(column_group * ops->acc_bytes) + 63) & ~std::size_t{63};
  }
  std::uint64_t workspace_bytes() const {
    if (parts == 1) return 0;
    const std::int64_t width = rows ? 1 : run_length * fold;
    return static_cast<std::uint64_t>(parts * n_kept * width * ops->acc_bytes);
  }
};

// Splits the axes, in memory order, into kept, reduced and the inner run; false when nothing is
// contiguous.
bool arrange(const qn_opdesc& op, const std::int64_t* strides, ReducePlan& p) {
  const qn_array_desc& x = op.in[0];
  if (x.ndim + 1 > kMaxWalkAxes) return false;
  const std::int64_t* axes = sdk::attr_ints(op, 0);
  const unsigned n_axes = sdk::attr_count(op, 0);
  // A complex number is two columns.
  const std::int64_t columns = x.dtype == QN_C64 ? 2 : 1;
  p.itemsize = sdk::itemsize(x.dtype) / columns;
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < x.ndim; ++i)
    if (x.shape[i] != 1) order.push_back(i);
  // Repeated axes, of stride 0, outermost.
  const auto far = [&](std::uint32_t i) {
    return strides[i] == 0 ? std::numeric_limits<std::int64_t>::max() : std::abs(strides[i]);
  };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return far(a) > far(b); });
  std::vector<std::int64_t> out(x.ndim, 0);
  std::int64_t step = columns;
  for (std::uint32_t i = x.ndim; i-- > 0;) {
    if (std::find(axes, axes + n_axes, static_cast<std::int64_t>(i)) != axes + n_axes) continue;
    out[i] = step;
    step *= x.shape[i];
  }
  std::vector<Axis> all;
  const auto append = [&](Axis a) {
    if (a.in < 0) {
      p.in_start += (a.n - 1) * a.in;
      p.out_start += (a.n - 1) * a.out;
      a.in = -a.in;
      a.out = -a.out;
    }
    if (!all.empty() && all.back().in == a.in * a.n && all.back().out == a.out * a.n &&
        (all.back().out == 0) == (a.out == 0)) {
      all.back().n *= a.n;
      all.back().in = a.in;
      all.back().out = a.out;
    } else {
      all.push_back(a);
    }
  };
  for (std::uint32_t i : order) append({x.shape[i], strides[i] * columns, out[i]});
  if (columns > 1) append({columns, 1, 1});
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
    p.short_rows = p.n_reduced == 1 && p.run_length <= kShortReduced && !p.kept.empty() &&
                   p.kept.back().n > 1 &&
                   (p.ops->gathers ? p.kept.back().in < 1 << 24 : p.kept.back().in == p.run_length);
    const std::int64_t divisible = p.n_reduced > 1 ? p.n_reduced : p.run_length / 1024;
    if (p.n_kept < 64 && !p.short_rows)
      p.parts = std::clamp<std::int64_t>(std::min(each / kGrain, divisible), 1, 64);
    if (p.parts > 1) p.group = 1;
    p.n_units = (p.n_kept + p.group - 1) / p.group * p.parts;
  } else {
    if (p.run_length < kThin && p.reduced.size() == 1 && p.reduced[0].in == p.run_length) {
      Axis& along = p.reduced[0];
      p.fold = std::min((kThin + p.run_length - 1) / p.run_length, along.n);
      p.rest = along.n % p.fold;
      along.n /= p.fold;
      along.in *= p.fold;
      p.n_reduced = along.n;
    }
    const std::int64_t width = p.run_length * p.fold;
    p.column_group = std::min<std::int64_t>(width, kColumnGroup);
    p.column_groups = (width + p.column_group - 1) / p.column_group;
    const std::int64_t each = p.n_reduced * p.column_group, units = p.n_kept * p.column_groups;
    if (units < 64)
      p.parts = std::clamp<std::int64_t>(std::min(each / kGrain, p.n_reduced / kRowBlock), 1, 64);
    p.n_units = units * p.parts;
  }
  return p.n_kept * p.run_length > 0 && p.n_units < std::int64_t{1} << 31;
}

// Nanoseconds on one core beyond those of memory.
double compute_ns(const qn_opdesc& op, const ReducePlan& p) {
  const double n = static_cast<double>(sdk::element_count(op.in[0]));
  const double each = op.op == QN_OP_PROD ? 0.1 : 0.05;
  const double wide = static_cast<double>(p.ops->acc_bytes == 8 ? 2 : 1);
  if (p.short_rows) return n * 0.25 * wide;
  // Rows shorter than a vector cost a call each.
  const double calls = p.rows ? static_cast<double>(p.n_kept * p.n_reduced) * 8.0 : 0.0;
  return n * each * wide / 2 + calls;
}

void offer_with(const qn_host& host, const qn_opdesc& op, qn_answer* answer,
                const std::int64_t* strides) {
  ReducePlan p;
  p.ops = ops_of(op);
  if (!arrange(op, strides, p)) return;
  const qn_layout in = sdk::with_strides(strides);
  const double bytes = static_cast<double>(sdk::element_count(op.in[0])) *
                       static_cast<double>(sdk::itemsize(op.in[0].dtype));
  qn_candidate c =
      sdk::candidate("reduce", 1, estimate_ns(bytes, compute_ns(op, p), op.max_workers));
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.n_in = 1;
  c.in = &in;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.workspace_max = p.workspace_bytes();
  host.offer(answer, &c);
}

}  // namespace

void query_reduce(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& x = op.in[0];
  if (!ops_of(op) || sdk::element_count(x) == 0)
    return host.refuse(answer, "reduce", "no elements, or a dtype without a loop");
  const std::vector<std::int64_t> rows = sdk::dense_strides(x);
  offer_with(host, op, answer, rows.data());
  if (x.layout.kind == QN_LAYOUT_STRIDED && x.layout.strides && !sdk::is_row_major(x))
    offer_with(host, op, answer, x.layout.strides);
}

std::unique_ptr<Plan> plan_reduce(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<ReducePlan>();
  p->ops = ops_of(op);
  if (!p->ops || !op.in[0].layout.strides || !arrange(op, op.in[0].layout.strides, *p))
    return nullptr;
  p->workers = op.max_workers;
  p->small = p->n_units == 1 || op.max_workers <= 1 || sdk::element_count(op.in[0]) < 2 * kGrain;
  info.workspace = p->workspace_bytes();
  info.worker_scratch = p->rows ? 0 : p->scratch_bytes();
  return p;
}

}  // namespace quern::simd
