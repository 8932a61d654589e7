// Offer and plan of quantized_matmul: few rows of f32 times packed weights, which are unpacked in
// registers. Not here: the loop (quantized_ops.cpp); many rows, and weights that are not turned,
// which are unpacked first.
#include "plugins/simd/quantized.h"

#include <cmath>

#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

enum Attr { kGroup, kBits, kTranspose };

struct QuantizedPlan : Plan {
  QuantizedTile shape{};
  QuantizedFn product = nullptr;
  std::uint32_t n_tiles = 1;

  void tile(const qn_run& run, std::uint32_t index, void* scratch) const noexcept override {
    QuantizedTile t = shape;
    const std::int64_t first = split(shape.n, n_tiles, index);
    const std::int64_t words = t.depth * t.bits / 32, groups = t.depth / t.group;
    t.n = split(shape.n, n_tiles, index + 1) - first;
    t.x = static_cast<const float*>(run.in[0].data);
    t.words = static_cast<const std::uint32_t*>(run.in[1].data) + first * words;
    t.scales = static_cast<const float*>(run.in[2].data) + first * groups;
    t.biases = static_cast<const float*>(run.in[3].data) + first * groups;
    t.y = static_cast<float*>(run.out[0].data) + first;
    t.turned = static_cast<float*>(scratch);
    product(t);
  }
};

const char* unfit(const qn_opdesc& op) {
  if (op.n_in != 4 || op.in[0].dtype != QN_F32 || op.in[1].dtype != QN_U32 ||
      op.in[2].dtype != QN_F32 || op.in[3].dtype != QN_F32 || op.out[0].dtype != QN_F32)
    return "only f32 with u32 words";
  const std::int64_t bits = sdk::attr_int(op, kBits), group = sdk::attr_int(op, kGroup);
  if (sdk::attr_int(op, kTranspose) == 0 || op.in[1].ndim != 2 || op.in[2].ndim != 2 ||
      op.in[0].ndim == 0)
    return "only one matrix, turned";
  if ((bits != 1 && bits != 2 && bits != 4 && bits != 8) || group < 32 || group % 32 != 0)
    return "1, 2, 4 or 8 bits, groups of 32";
  const std::int64_t depth = op.in[0].shape[op.in[0].ndim - 1];
  if (depth == 0 || depth != op.in[1].shape[1] * 32 / bits || depth % group != 0)
    return "rows of another length";
  if (sdk::element_count(op.in[0]) / depth > kQuantizedRows) return "too many rows";
  return nullptr;
}

double ns_of(const qn_opdesc& op) {
  const std::int64_t depth = op.in[0].shape[op.in[0].ndim - 1];
  const auto rows = static_cast<double>(sdk::element_count(op.in[0]) / depth);
  const auto numbers = static_cast<double>(op.in[1].shape[0] * depth);
  return numbers * (0.045 * std::ceil(rows / 4) + 0.012 * rows);
}

}  // namespace

void query_quantized(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  if (const char* why = unfit(op)) return host.refuse(answer, "quantized", why);
  std::vector<std::int64_t> strides[4];
  qn_layout in[4];
  for (std::uint32_t i = 0; i < 4; ++i) {
    strides[i] = sdk::dense_strides(op.in[i]);
    in[i] = sdk::with_strides(strides[i].data());
  }
  const double bytes = 4.0 * static_cast<double>(sdk::element_count(op.in[1]));
  qn_candidate c = sdk::candidate("quantized", 1, estimate_ns(bytes, ns_of(op), op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = 4;
  c.in = in;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_quantized(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  if (unfit(op)) return nullptr;
  for (std::uint32_t i = 0; i < 4; ++i)
    if (!sdk::is_row_major(op.in[i])) return nullptr;
  auto p = std::make_unique<QuantizedPlan>();
  QuantizedTile& t = p->shape;
  t.depth = op.in[0].shape[op.in[0].ndim - 1];
  t.m = sdk::element_count(op.in[0]) / t.depth;
  t.n = t.y_row = op.in[1].shape[0];
  t.bits = sdk::attr_int(op, kBits), t.group = sdk::attr_int(op, kGroup);
  p->product = quantized_product();
  p->n_tiles = free_tiles(ns_of(op), op.max_workers, t.n);
  info.n_tiles = p->n_tiles;
  info.worker_scratch = static_cast<std::uint64_t>(quantized_scratch(t.depth, t.m)) * 4;
  return p;
}

}  // namespace quern::simd
