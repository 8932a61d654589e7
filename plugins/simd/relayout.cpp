// relayout between strided layouts, as one strided copy.
// Not here: opaque layouts; this plugin's own are made in conv_points.cpp and direct_weights.cpp.
#include "plugins/simd/families.h"
#include "plugins/simd/strided_copy.h"

namespace quern::simd {
namespace {

struct RelayoutPlan : Plan {
  StridedCopy copy;
  std::uint32_t n_tiles = 1;

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    copy.run(run.in[0].data, run.out[0].data, split(copy.units(), n_tiles, t),
             split(copy.units(), n_tiles, t + 1));
  }
};

bool arrange(const qn_opdesc& op, StridedCopy& copy) {
  const qn_array_desc &x = op.in[0], &y = op.out[0];
  if (x.layout.kind != QN_LAYOUT_STRIDED || y.layout.kind != QN_LAYOUT_STRIDED ||
      x.ndim > kMaxWalkAxes)
    return false;
  const std::vector<std::int64_t> in = element_strides(x), out = element_strides(y);
  Axis axes[kMaxWalkAxes];
  for (std::uint32_t k = 0; k < x.ndim; ++k) axes[k] = {x.shape[k], in[k], out[k]};
  return copy.arrange(axes, x.ndim, sdk::itemsize(x.dtype));
}

double bytes_of(const qn_opdesc& op) {
  return 2.0 * static_cast<double>(sdk::element_count(op.in[0])) * sdk::itemsize(op.in[0].dtype);
}

}  // namespace

void query_relayout(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  if (sdk::element_count(op.in[0]) == 0) return host.refuse(answer, "relayout", "an empty array");
  if (offer_points(host, op, answer) || offer_direct_weights(host, op, answer)) return;
  StridedCopy copy;
  if (!arrange(op, copy)) return host.refuse(answer, "relayout", "only strided layouts");
  const qn_candidate c = sdk::relayout_candidate(
      op, "relayout", 1, estimate_ns(bytes_of(op), copy.compute_ns(), op.max_workers));
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_relayout(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  if (op.out[0].layout.kind == QN_LAYOUT_NAMED) {
    auto points = plan_points(op, info);
    return points ? std::move(points) : plan_direct_weights(op, info);
  }
  auto p = std::make_unique<RelayoutPlan>();
  if (!arrange(op, p->copy)) return nullptr;
  p->n_tiles = free_tiles(std::max(bytes_of(op) / 20.0, p->copy.compute_ns()), op.max_workers,
                          p->copy.units());
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
