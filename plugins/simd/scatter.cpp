// scatter, scatter_add, scatter_add_along_axis and put_along_axis: a copy of x with updates at
// given indices. A tile owns a part of the result: it copies that part of x and combines it with
// all updates that fall there, in their order, so the result is the same for any number of tiles.
// Halves are combined in f32 and rounded once.
#include "plugins/simd/families.h"
#include "plugins/simd/map.h"
#include "plugins/simd/places.h"
#include "plugins/simd/scatter_ops.h"
#include "plugins/simd/strided_copy.h"

namespace quern::simd {
namespace {

// How the parts are cut from an axis of x: `free`, one that the updates run along; or `indexed`,
// the slowest one, of which each tile takes the indices that fall into its part.
enum class Parts : std::uint8_t { one, free, indexed };

struct ScatterPlan : Plan {
  Places p;  // not merged
  Axis x[kMaxPlaceAxes];
  std::uint32_t ndim = 0, updates = 1;  // the operand with the updates
  std::int64_t size = 4;
  CombineFns combine;
  HalfFns half{};  // of halves that are computed with: results grow as f32 in the workspace
  Parts parts = Parts::one;
  std::uint32_t axis = 0, n_tiles = 1;

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const std::int64_t lo = split(x[axis].n, n_tiles, t), hi = split(x[axis].n, n_tiles, t + 1);
    const auto* from = static_cast<const char*>(run.in[0].data);
    auto* y = static_cast<char*>(run.out[0].data);
    if (from != y) {
      Axis axes[kMaxPlaceAxes];
      std::copy(x, x + ndim, axes);
      if (ndim) axes[axis].n = hi - lo;
      StridedCopy copy;
      copy.arrange(axes, ndim, static_cast<std::uint32_t>(size));
      copy.run(from + lo * x[axis].in * size, y + lo * x[axis].out * size, 0, copy.units());
    }
    if (!half.widen) return update(run, y, lo, hi);
    auto* sums = static_cast<char*>(run.workspace);
    each_line(lo, hi,
              [&](std::int64_t at, std::size_t n) { half.widen(y + at * 2, sums + at * 4, n); });
    update(run, sums, lo, hi);
    each_line(lo, hi,
              [&](std::int64_t at, std::size_t n) { half.narrow(sums + at * 4, y + at * 2, n); });
  }

  // f(first element, elements) for the stretches of the result that make up a part.
  template <class F>
  void each_line(std::int64_t lo, std::int64_t hi, F&& f) const {
    const std::int64_t step = x[axis].n * x[axis].out, stretch = (hi - lo) * x[axis].out;
    std::int64_t count = 1;
    for (std::uint32_t k = 0; k < axis; ++k) count *= x[k].n;
    for (std::int64_t i = 0; i < count; ++i)
      f(i * step + lo * x[axis].out, static_cast<std::size_t>(ndim ? stretch : 1));
  }

  // y: the result, or its f32 form.
  void update(const qn_run& run, char* y, std::int64_t lo, std::int64_t hi) const {
    const std::int64_t width = half.widen ? 4 : size;
    const auto* u = static_cast<const char*>(run.in[updates].data);
    Places q = p;
    if (parts == Parts::free) {
      for (PlaceAxes* axes : {&q.outer, &q.places, &q.inner})
        for (std::uint32_t k = 0; k < axes->n; ++k) {
          PlaceAxis& a = axes->axis[k];
          if (a.of != static_cast<std::int32_t>(axis)) continue;
          a.n = std::min(a.n, hi) - lo;
          if (a.n <= 0) return;
          y += lo * a.array * width;
          u += lo * a.list * size;
          for (std::uint32_t i = 0; i < q.n_index; ++i) q.index[i].from = lo * a.index[i];
        }
    }
    q.merge();
    Range range{parts == Parts::indexed, lo * x[axis].out, hi * x[axis].out};
    const std::int64_t n_outer = q.outer.count();
    each_run(q, run.in, 0, q.places.count(),
             [&](const std::int64_t* off, std::int64_t n, std::int64_t list, std::int64_t step) {
               PlaceWalk at(q.outer, q.outer.n, 0);
               for (std::int64_t k = 0; k < n_outer; ++k, at.next())
                 put(q, y + at.array * width, off, n, u + (list + at.list) * size, step, range);
             });
  }

  // Which starts of blocks are this tile's.
  struct Range {
    bool some;
    std::int64_t lo, hi;
    bool has(std::int64_t off) const { return !some || (off >= lo && off < hi); }
  };

  void put(const Places& q, char* y, const std::int64_t* off, std::int64_t n, const char* u,
           std::int64_t step, const Range& range) const {
    const PlaceAxes& inner = q.inner;
    UpdateLine line;
    if (inner.n) {
      const PlaceAxis& a = inner.axis[inner.n - 1];
      line = {a.n, a.array, a.list};
    }
    const std::int64_t lines = inner.count() / line.m, width = half.widen ? 4 : size;
    if (inner.n == 0 || (lines == 1 && !half.widen))
      return put_lines(y, off, n, u, step, line, range);
    for (std::int64_t j = 0; j < n; ++j) {
      if (!range.has(off[j])) continue;
      PlaceWalk at(inner, inner.n - 1, 0);
      for (std::int64_t l = 0; l < lines; ++l, at.next())
        put_line(y + at.array * width, off[j], u + (j * step + at.list) * size, line);
    }
  }

  // At most kRun lines; of halves, lines of one element.
  void put_lines(char* y, const std::int64_t* off, std::int64_t n, const char* u, std::int64_t step,
                 const UpdateLine& line, const Range& range) const {
    float wide[kRun];
    const void* from = u;
    if (half.widen) {
      widen(u, step, n, wide);
      from = wide;
      step = 1;
    }
    if (range.some)
      combine.within(y, off, n, from, step, line, range.lo, range.hi);
    else
      combine.lines(y, off, n, from, step, line);
  }

  void put_line(char* y, std::int64_t off, const char* u, const UpdateLine& line) const {
    if (!half.widen) return combine.lines(y, &off, 1, u, 0, line);
    float wide[kRun];
    for (std::int64_t i = 0; i < line.m; i += kRun) {
      const std::int64_t n = std::min(kRun, line.m - i), at = off + i * line.array;
      widen(u + i * line.list * size, line.list, n, wide);
      combine.lines(y, &at, 1, wide, 0, {n, line.array, 1});
    }
  }

  void widen(const char* u, std::int64_t step, std::int64_t n, float* wide) const {
    std::uint16_t near[kRun];
    if (step != 1) {
      const auto* from = reinterpret_cast<const std::uint16_t*>(u);
      for (std::int64_t i = 0; i < n; ++i) near[i] = from[i * step];
      u = reinterpret_cast<const char*>(near);
    }
    half.widen(u, wide, static_cast<std::size_t>(n));
  }
};

bool mode_of(const qn_opdesc& op, Combine& mode) {
  mode = Combine::add;
  if (op.op == QN_OP_SCATTER_ADD || op.op == QN_OP_SCATTER_ADD_ALONG_AXIS) return true;
  mode = Combine::set;
  if (op.op == QN_OP_PUT_ALONG_AXIS) return true;
  const std::string_view s = sdk::attr_str(op, 1);
  mode = s == "add"    ? Combine::add
         : s == "prod" ? Combine::prod
         : s == "max"  ? Combine::max
         : s == "min"  ? Combine::min
                       : Combine::set;
  return mode != Combine::set || s == "set";
}

const char* name_of(const qn_opdesc& op) {
  switch (op.op) {
    case QN_OP_SCATTER:
      return "scatter";
    case QN_OP_SCATTER_ADD:
      return "scatter_add";
    case QN_OP_PUT_ALONG_AXIS:
      return "put_along_axis";
    default:
      return "scatter_add_along_axis";
  }
}

const char* arrange(const qn_opdesc& op, ScatterPlan& plan) {
  const qn_array_desc& x = op.in[0];
  plan.updates = op.op == QN_OP_SCATTER ? 1 : 2;
  if (op.n_op_in <= plan.updates) return "operands are missing";
  const qn_array_desc& u = op.in[plan.updates];
  if (sdk::element_count(x) == 0 || sdk::element_count(u) == 0) return "no elements";
  if (x.ndim > kMaxPlaceAxes) return "more axes than it serves";
  if (x.dtype != u.dtype || x.dtype != op.out[0].dtype) return "dtypes that differ";
  Combine mode;
  if (!mode_of(op, mode)) return "unknown mode";
  const bool halves = is_half(x.dtype) && mode != Combine::set;
  if (halves) plan.half = half_fns(x.dtype);
  plan.combine = combine_fns(mode, halves ? QN_F32 : x.dtype);
  if (!plan.combine.lines) return "arithmetic on bool, or on complex numbers beyond sums";
  const std::vector<std::int64_t> in = element_strides(x), out = sdk::dense_strides(x);
  plan.ndim = x.ndim;
  plan.size = sdk::itemsize(x.dtype);
  for (std::uint32_t k = 0; k < x.ndim; ++k) plan.x[k] = {x.shape[k], in[k], out[k]};
  if (x.ndim == 0) plan.x[0] = {1, 0, 0};
  const bool known = op.op == QN_OP_SCATTER       ? plan.p.by_blocks(op, 2, out.data(), u)
                     : op.op == QN_OP_SCATTER_ADD ? plan.p.by_take(op, out.data(), u)
                                                  : plan.p.by_axis(op, out.data(), u);
  if (op.op == QN_OP_SCATTER) plan.p.slow_axes_outward();
  return known ? nullptr : "only indices of 32 or 64 bits, and no more than 8 of them";
}

bool runs_along(const PlaceAxes& axes, std::uint32_t axis) {
  for (std::uint32_t k = 0; k < axes.n; ++k)
    if (axes.axis[k].of == static_cast<std::int32_t>(axis)) return true;
  return false;
}

double scatter_ns(const qn_opdesc& op, const ScatterPlan& plan) {
  const double n = static_cast<double>(sdk::element_count(op.in[plan.updates]));
  const double places = static_cast<double>(plan.p.places.count());
  return places * (1.0 + 0.6 * plan.p.n_index) + n * (plan.p.inner.count() > 1 ? 0.4 : 1.5) +
         static_cast<double>(sdk::element_count(op.in[0]) * plan.size) / 10.0;
}

std::uint64_t workspace(const qn_opdesc& op, const ScatterPlan& plan) {
  return plan.half.widen ? static_cast<std::uint64_t>(sdk::element_count(op.in[0])) * 4 : 0;
}

// The slowest axis, when indices choose along it and no block reaches beyond one of them; else -1.
int indexed_axis(const ScatterPlan& plan) {
  std::uint32_t axis = 0;
  while (axis < plan.ndim && plan.x[axis].n == 1) ++axis;
  const Places& p = plan.p;
  if (axis == plan.ndim || p.outer.count() > 1 || runs_along(p.places, axis) ||
      runs_along(p.inner, axis))
    return -1;
  for (std::uint32_t k = 0; k < p.inner.n; ++k)
    if (p.inner.axis[k].n > 1 && p.inner.axis[k].array >= plan.x[axis].out) return -1;
  return static_cast<int>(axis);
}

// Parts that fit the second-level cache, which is where a part is copied and then updated. With
// parts of an indexed axis or of the blocks, all tiles go through all indices.
void cut(const qn_opdesc& op, ScatterPlan& plan) {
  constexpr std::int64_t kNear = 1 << 18, kFar = 1 << 20, kLeastLine = 256;  // bytes
  const double ns = scatter_ns(op, plan);
  if (ns < 30000 || op.max_workers < 2) return;
  const std::int64_t bytes = sdk::element_count(op.in[0]) * plan.size, workers = op.max_workers;
  const std::int64_t want = std::clamp<std::int64_t>(bytes / kNear, workers * 4, 256);
  const auto take = [&](Parts parts, std::uint32_t axis, std::int64_t tiles) {
    plan.parts = parts;
    plan.axis = axis;
    plan.n_tiles = static_cast<std::uint32_t>(std::min(tiles, plan.x[axis].n));
  };
  for (std::uint32_t k = 0; k < plan.ndim; ++k)
    if ((runs_along(plan.p.outer, k) || runs_along(plan.p.places, k)) && plan.x[k].n >= workers &&
        (plan.x[k].out > 1 || plan.x[k].n * plan.size / want > kLeastLine))
      return take(Parts::free, k, want);
  const double looks = static_cast<double>(plan.p.places.count()) * 2;  // of a tile, ns
  const auto most = static_cast<std::int64_t>(0.3 * ns / looks);
  const int indexed = indexed_axis(plan);
  if (indexed >= 0 && most >= workers && plan.x[indexed].n >= workers)
    return take(Parts::indexed, static_cast<std::uint32_t>(indexed), std::min(want, most));
  for (std::uint32_t k = 0; k < plan.ndim; ++k) {
    const std::int64_t lines =
        plan.x[k].out == 1 ? plan.x[k].n * plan.size / kLeastLine : plan.x[k].n;
    if (runs_along(plan.p.inner, k) && lines >= workers)
      return take(Parts::free, k, std::min(lines, workers * 2));
  }
  if (indexed >= 0 && bytes >= kFar)
    take(Parts::indexed, static_cast<std::uint32_t>(indexed), workers);
}

}  // namespace

void query_scatter(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  ScatterPlan plan;
  if (const char* why = arrange(op, plan)) return host.refuse(answer, name_of(op), why);
  qn_candidate c =
      sdk::candidate(name_of(op), 1, estimate_ns(0, scatter_ns(op, plan), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.inplace_mask = 1;
  c.workspace_max = workspace(op, plan);
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_scatter(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto plan = std::make_unique<ScatterPlan>();
  if (arrange(op, *plan)) return nullptr;
  cut(op, *plan);
  info.n_tiles = plan->n_tiles;
  info.workspace = workspace(op, *plan);
  return plan;
}

}  // namespace quern::simd
