// The relayout of weights to the form that transformed convolution reads.
// Not here: the way back, which nothing needs.
#include "plugins/simd/conv_shape.h"
#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

struct PointsPlan : Plan {
  ConvShape shape{};
  WeightStrides strides{};
  const ConvOps* ops = nullptr;
  std::uint32_t parts = 1;  // of a group's channels

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const std::int64_t group = t / parts, depth = shape.depth_padded();
    ops->weights(
        shape, static_cast<const float*>(run.in[0].data) + group * strides.group, strides,
        static_cast<float*>(run.out[0].data) + group * shape.points() * depth * shape.o_padded(),
        split(depth, parts, t % parts), split(depth, parts, t % parts + 1));
  }
};

double points_ns(const ConvShape& s) {
  // A point costs a few operations a vector; the taps are gathered one by one.
  const double taps = static_cast<double>(s.axis[0].taps * s.axis[1].taps * s.cg * s.o);
  return taps * 0.8 + static_cast<double>(s.weight_floats()) * 0.12;
}

}  // namespace

bool offer_points(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  ConvShape s;
  WeightStrides strides;
  if (!parse_weights_name(op.in[0], op.out[0].layout, s, strides)) return false;
  const qn_candidate c = sdk::relayout_candidate(
      op, "relayout.points", 2,
      estimate_ns(static_cast<double>(s.weight_floats()) * 4, points_ns(s), op.max_workers));
  host.offer(answer, &c);
  return true;
}

std::unique_ptr<Plan> plan_points(const qn_opdesc& op, qn_plan_info& info) {
  auto p = std::make_unique<PointsPlan>();
  p->ops = parse_weights_name(op.in[0], op.out[0].layout, p->shape, p->strides);
  if (!p->ops) return nullptr;
  p->parts = free_tiles(points_ns(p->shape) / static_cast<double>(p->shape.groups), op.max_workers,
                        p->shape.depth_padded());
  info.n_tiles = static_cast<std::uint32_t>(p->shape.groups) * p->parts;
  return p;
}

}  // namespace quern::simd
