// slice_update: what lies around the slice is copied from x and the slice from the update, each
// element once; nothing around it is touched where the result takes the place of x.
// Not here: updates at index arrays (scatter.cpp).
#include "plugins/simd/families.h"
#include "plugins/simd/pieces.h"

namespace quern::simd {
namespace {

struct UpdatePlan : Plan {
  Pieces all, update;
  std::uint32_t n_tiles = 1;
  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const Pieces& pieces = run.out[0].data == run.in[0].data ? update : all;
    const std::int64_t units = pieces.units();
    pieces.run(run, split(units, n_tiles, t), split(units, n_tiles, t + 1));
  }
};

// An axis of the slice: positions first, first + step, .. in the order of the update.
struct Cut {
  std::int64_t first = 0, step = 1, count = 0;
  std::int64_t stride() const { return step < 0 ? -step : step; }
  std::int64_t low() const { return step < 0 ? first + (count - 1) * step : first; }
  std::int64_t high() const { return low() + (count - 1) * stride(); }
};

// Python's slice of an axis of n; a stop below -n means before the first element.
Cut cut_of(std::int64_t start, std::int64_t stop, std::int64_t step, std::int64_t n) {
  const std::int64_t least = step > 0 ? 0 : -1, most = step > 0 ? n : n - 1;
  const auto place = [&](std::int64_t i) { return std::clamp(i < 0 ? i + n : i, least, most); };
  start = place(start);
  stop = place(stop);
  const std::int64_t span = step > 0 ? stop - start : start - stop;
  const std::int64_t by = step > 0 ? step : -(step + 1) + 1;
  return {start, step, span > 0 ? (span - 1) / by + 1 : 0};
}

bool cuts_of(const qn_opdesc& op, Cut* cuts) {
  const qn_array_desc& x = op.in[0];
  const std::uint32_t n = x.ndim;
  const bool steps = sdk::attr_count(op, 2) != 0;
  if (sdk::attr_count(op, 0) != n || sdk::attr_count(op, 1) != n ||
      (steps && sdk::attr_count(op, 2) != n))
    return false;
  for (std::uint32_t k = 0; k < n; ++k) {
    const std::int64_t step = steps ? sdk::attr_ints(op, 2)[k] : 1;
    if (step == 0 || step == std::numeric_limits<std::int64_t>::min()) return false;
    cuts[k] = cut_of(sdk::attr_ints(op, 0)[k], sdk::attr_ints(op, 1)[k], step, x.shape[k]);
  }
  return true;
}

// All pieces, or those of the update alone.
bool arrange(const qn_opdesc& op, Pieces& pieces, bool all) {
  const qn_array_desc &x = op.in[0], &u = op.in[1], &y = op.out[0];
  const std::uint32_t n = x.ndim, size = sdk::itemsize(x.dtype);
  Cut cuts[kMaxWalkAxes];
  if (x.dtype != u.dtype || x.dtype != y.dtype || y.ndim != n || u.ndim > n || n >= kMaxWalkAxes ||
      sdk::element_count(u) == 0 || !cuts_of(op, cuts))
    return false;
  const std::vector<std::int64_t> in = element_strides(x), from = element_strides(u),
                                  out = sdk::dense_strides(y);
  Axis axes[kMaxWalkAxes];
  std::int64_t x_at = 0, y_at = 0;
  for (std::uint32_t k = 0; k < n; ++k) {
    const std::uint32_t lead = n - u.ndim;
    const std::int64_t have = k < lead ? 1 : u.shape[k - lead];
    if (cuts[k].count == 0 || x.shape[k] != y.shape[k] || (have != 1 && have != cuts[k].count))
      return false;
    axes[k] = {cuts[k].count, have == 1 ? 0 : from[k - lead], cuts[k].step * out[k]};
    y_at += cuts[k].first * out[k];
  }
  if (!pieces.add(1, axes, n, size, 0, y_at)) return false;
  if (!all) {
    pieces.in_order();
    return true;
  }
  // Around the slice: for each axis what is before, behind and between its positions, within the
  // slice along the axes in front of it and whole along those behind it.
  y_at = 0;
  for (std::uint32_t k = 0; k < n; ++k) axes[k] = {x.shape[k], in[k], out[k]};
  for (std::uint32_t k = 0; k < n; ++k) {
    const Cut& c = cuts[k];
    const auto part = [&](std::int64_t first, std::int64_t count) {
      axes[k].n = count;
      return pieces.add(0, axes, n, size, x_at + first * in[k], y_at + first * out[k]);
    };
    if (!part(0, c.low()) || !part(c.high() + 1, x.shape[k] - c.high() - 1)) return false;
    if (c.stride() > 1 && c.count > 1) {
      axes[k] = {c.count - 1, c.stride() * in[k], c.stride() * out[k]};
      axes[n] = {c.stride() - 1, in[k], out[k]};
      if (!pieces.add(0, axes, n + 1, size, x_at + (c.low() + 1) * in[k],
                      y_at + (c.low() + 1) * out[k]))
        return false;
    }
    axes[k] = {c.count, c.stride() * in[k], c.stride() * out[k]};
    x_at += c.low() * in[k];
    y_at += c.low() * out[k];
  }
  pieces.side_by_side();
  return true;
}

double bytes_of(const qn_opdesc& op) {
  return 2.0 * static_cast<double>(sdk::element_count(op.out[0])) * sdk::itemsize(op.out[0].dtype);
}

}  // namespace

void query_slice_update(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  Pieces pieces;
  if (sdk::element_count(op.out[0]) == 0 || !arrange(op, pieces, true))
    return host.refuse(answer, "slice_update", "no elements, or more axes than it serves");
  qn_candidate c = sdk::candidate("slice_update", 1,
                                  estimate_ns(bytes_of(op), pieces.compute_ns(), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.inplace_mask = 1;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_slice_update(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<UpdatePlan>();
  if (!arrange(op, p->all, true) || !arrange(op, p->update, false)) return nullptr;
  p->n_tiles = free_tiles(std::max(bytes_of(op) / 20.0, p->all.compute_ns()), op.max_workers,
                          p->all.units());
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
