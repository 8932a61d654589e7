// Offers and plans for dequantize to f32, in groups. Not here: the loop (dequantize_ops.cpp).
#include "plugins/simd/dequantize.h"

#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

struct DequantizePlan : Plan {
  std::int64_t rows = 0, n = 0, bits = 0, group = 0;
  std::uint32_t n_tiles = 1;
  DequantizeFn row = nullptr;

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const auto* words = static_cast<const std::uint32_t*>(run.in[0].data);
    const auto* scales = static_cast<const float*>(run.in[1].data);
    const auto* biases = static_cast<const float*>(run.in[2].data);
    auto* y = static_cast<float*>(run.out[0].data);
    // Rows follow one another without gaps, groups too: all of them are one long row.
    const std::int64_t groups = rows * n / group;
    const std::int64_t first = split(groups, n_tiles, t), last = split(groups, n_tiles, t + 1);
    row(words + first * group * bits / 32, scales + first, biases + first, bits, group,
        (last - first) * group, y + first * group);
  }
};

double ns_of(const qn_opdesc& op) {
  return 0.15 * static_cast<double>(sdk::element_count(op.out[0]));
}

}  // namespace

void query_dequantize(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  if (op.in[0].dtype != QN_U32 || op.in[1].dtype != QN_F32 || op.in[2].dtype != QN_F32 ||
      op.out[0].dtype != QN_F32)
    return host.refuse(answer, "dequantize", "only u32 to f32");
  const std::int64_t bits = sdk::attr_int(op, 1), group = sdk::attr_int(op, 0);
  if (bits < 1 || bits > 8 || group < 32 || group % 32 != 0)
    return host.refuse(answer, "dequantize", "groups of 32, 1 to 8 bits");
  std::vector<std::int64_t> strides[3];
  qn_layout in[3];
  for (std::uint32_t i = 0; i < 3; ++i) {
    strides[i] = sdk::dense_strides(op.in[i]);
    in[i] = sdk::with_strides(strides[i].data());
  }
  const double bytes = 4.5 * static_cast<double>(sdk::element_count(op.out[0]));
  qn_candidate c = sdk::candidate("dequantize", 1, estimate_ns(bytes, ns_of(op), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = 3;
  c.in = in;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_dequantize(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  if (op.n_in != 3 || op.in[1].dtype != QN_F32 || op.out[0].dtype != QN_F32) return nullptr;
  for (std::uint32_t i = 0; i < 3; ++i)
    if (!sdk::is_row_major(op.in[i])) return nullptr;
  auto p = std::make_unique<DequantizePlan>();
  const qn_array_desc& y = op.out[0];
  p->group = sdk::attr_int(op, 0);
  p->bits = sdk::attr_int(op, 1);
  p->n = y.shape[y.ndim - 1];
  p->rows = p->n ? sdk::element_count(y) / p->n : 0;
  p->row = dequantize_row();
  p->n_tiles = free_tiles(ns_of(op), op.max_workers, p->rows * p->n / p->group);
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
