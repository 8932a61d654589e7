// concatenate: every input is copied straight to its place, whatever its strides.
// Arrays of several dtypes come promoted.
#include "plugins/simd/families.h"
#include "plugins/simd/pieces.h"

namespace quern::simd {
namespace {

struct ConcatenatePlan : Plan {
  Pieces pieces;
  std::uint32_t n_tiles = 1;
  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    pieces.run(run, split(pieces.units(), n_tiles, t), split(pieces.units(), n_tiles, t + 1));
  }
};

bool arrange(const qn_opdesc& op, Pieces& pieces) {
  const qn_array_desc& y = op.out[0];
  std::int64_t axis = sdk::attr_int(op, 0), at = 0;
  if (axis < 0) axis += y.ndim;
  if (axis < 0 || axis >= y.ndim || y.ndim > kMaxWalkAxes) return false;
  const std::vector<std::int64_t> out = sdk::dense_strides(y);
  for (std::uint32_t i = 0; i < op.n_op_in; ++i) {
    const qn_array_desc& x = op.in[i];
    if (x.dtype != y.dtype || x.ndim != y.ndim) return false;
    const std::vector<std::int64_t> in = element_strides(x);
    Axis axes[kMaxWalkAxes];
    for (std::uint32_t k = 0; k < x.ndim; ++k) {
      if (x.shape[k] != y.shape[k] && k != axis) return false;
      axes[k] = {x.shape[k], in[k], out[k]};
    }
    if (x.shape[axis] > y.shape[axis] - at ||
        !pieces.add(i, axes, x.ndim, sdk::itemsize(x.dtype), 0, at * out[axis]))
      return false;
    at += x.shape[axis];
  }
  pieces.side_by_side();
  return at == y.shape[axis];
}

double bytes_of(const qn_opdesc& op) {
  return 2.0 * static_cast<double>(sdk::element_count(op.out[0])) * sdk::itemsize(op.out[0].dtype);
}

}  // namespace

void query_concatenate(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  Pieces pieces;
  if (sdk::element_count(op.out[0]) == 0 || !arrange(op, pieces))
    return host.refuse(answer, "concatenate", "no elements, or more axes than it serves");
  qn_candidate c = sdk::candidate("concatenate", 1,
                                  estimate_ns(bytes_of(op), pieces.compute_ns(), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_concatenate(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<ConcatenatePlan>();
  if (!arrange(op, p->pieces)) return nullptr;
  p->n_tiles = free_tiles(std::max(bytes_of(op) / 20.0, p->pieces.compute_ns()), op.max_workers,
                          p->pieces.units());
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
