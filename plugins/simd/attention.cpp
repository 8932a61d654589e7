// Offer and plan of scaled_dot_product_attention in f32: tiles of queries, scores never in memory.
// Not here: the loops (attention_ops.cpp).
#include "plugins/simd/attention.h"

#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

// Rows that read the same keys and values: queries of one head or, for a single query, the heads of
// a group.
std::int64_t rows_of(const qn_opdesc& op) {
  const std::int64_t *q = op.in[0].shape, *k = op.in[1].shape;
  return q[2] == 1 && q[1] / k[1] <= kQueries ? q[1] / k[1] : q[2];
}

// For a head. A vector of queries costs as much when it is not full.
double head_ns(const qn_opdesc& op) {
  const auto keys = static_cast<double>(op.in[1].shape[2]);
  const auto width = static_cast<double>(op.in[0].shape[3] + op.out[0].shape[3]);
  if (rows_of(op) <= kFew) {
    const auto share = static_cast<double>(op.in[0].shape[1] / op.in[1].shape[1]);
    const auto queries = static_cast<double>(op.in[0].shape[2]);
    return keys * width * (0.04 * queries + 0.1 / share);
  }
  const auto queries = static_cast<double>(padded(op.in[0].shape[2]));
  return queries * keys * (width * 0.0125 + 0.4) * (sdk::attr_int(op, 1) ? 0.6 : 1.0);
}

// Floats between batches, heads and rows.
struct Steps {
  std::int64_t batch = 0, head = 0, row = 0;
  Steps() = default;
  explicit Steps(const qn_array_desc& a) {
    const std::vector<std::int64_t> strides = element_strides(a);
    batch = strides[0], head = strides[1], row = strides[2];
  }
  std::int64_t at(std::int64_t b, std::int64_t h, std::int64_t r) const {
    return b * batch + h * head + r * row;
  }
};

// Rows may lie anywhere; the numbers of one follow one another.
bool rows_lie(const qn_array_desc& a) {
  if (a.layout.kind != QN_LAYOUT_STRIDED) return false;
  return a.shape[3] == 1 || element_strides(a)[3] == 1;
}

struct AttentionPlan : Plan {
  AttendFn attend = nullptr;
  // `together`: heads of a group in the place of queries.
  std::int64_t heads = 0, share = 1, together = 1, queries = 0, keys = 0, width = 0, out_width = 0;
  Steps q, k, v, y;
  std::int64_t mask_step[4] = {};            // between batches, heads, queries, keys
  std::int64_t span = kQueries, blocks = 0;  // queries of a tile, tiles of one head
  bool causal = false, truth = false;
  float scale = 0;

  void tile(const qn_run& run, std::uint32_t index, void* scratch) const noexcept override {
    const std::int64_t head = index / blocks * together, first = index % blocks * span;
    const std::int64_t b = head / heads, h = head % heads;
    const std::int64_t from = b * mask_step[0] + h * mask_step[1] + first * mask_step[2];
    AttentionTile t{};
    t.queries = std::min(span, queries - first);
    t.keys = keys, t.width = width, t.out_width = out_width;
    t.q = static_cast<const float*>(run.in[0].data) + q.at(b, h, first);
    t.k = static_cast<const float*>(run.in[1].data) + k.at(b, h / share, 0);
    t.v = static_cast<const float*>(run.in[2].data) + v.at(b, h / share, 0);
    t.y = static_cast<float*>(run.out[0].data) + y.at(b, h, first);
    t.q_row = q.row, t.k_row = k.row, t.v_row = v.row, t.y_row = y.row;
    t.visible = causal ? keys - queries + first : keys;
    t.mask = static_cast<const char*>(run.in[3].data) + from * (truth ? 1 : 4);
    t.mask_row = mask_step[2], t.mask_step = mask_step[3];
    if (together > 1) {  // one query, which sees all keys
      t.queries = together;
      t.q_row = q.head, t.y_row = y.head, t.mask_row = mask_step[1];
      t.visible = keys;
    }
    t.truth = truth;
    t.scale = scale;
    t.scratch = static_cast<float*>(scratch);
    attend(t);
  }
};

}  // namespace

void query_attention(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  for (std::uint32_t i = 0; i < 3; ++i)
    if (op.in[i].dtype != QN_F32) return host.refuse(answer, "tiled", "only f32");
  if (op.in[3].dtype != QN_F32 && op.in[3].dtype != QN_BOOL)
    return host.refuse(answer, "tiled", "the mask is neither f32 nor bool");
  const double heads = static_cast<double>(op.in[0].shape[0] * op.in[0].shape[1]);
  if (sdk::element_count(op.out[0]) == 0 || sdk::element_count(op.in[1]) == 0)
    return host.refuse(answer, "tiled", "no elements");
  if (heads * static_cast<double>(op.in[0].shape[2]) > 2e9)
    return host.refuse(answer, "tiled", "too many tiles");
  std::vector<std::int64_t> strides[4];
  std::vector<qn_layout> in;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const qn_array_desc& a = op.in[i];
    strides[i] = sdk::dense_strides(a);
    const bool keep = i < 3 && a.layout.strides && rows_lie(a);
    in.push_back(keep ? a.layout
                      : (a.ndim ? sdk::with_strides(strides[i].data()) : sdk::any_strides()));
  }
  // As the queries lie, so does the result: heads beside one another within a row, as the product
  // that follows reads them, or one after another.
  const bool beside = in[0].strides && op.in[0].shape[1] > 1 && in[0].strides[1] < in[0].strides[2];
  const std::int64_t* shape = op.out[0].shape;
  const std::int64_t own[4] = {shape[1] * shape[2] * shape[3], shape[3], shape[1] * shape[3], 1};
  const qn_layout out = sdk::with_strides(own);
  qn_candidate c = sdk::candidate("tiled", 1, estimate_ns(0, heads * head_ns(op), op.max_workers));
  if (beside) c.out = &out, c.n_out = 1;
  c.threading = QN_THREADING_TILES;
  c.n_in = 4;
  c.in = in.data();
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_attention(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<AttentionPlan>();
  const std::int64_t *q = op.in[0].shape, *k = op.in[1].shape;
  for (std::uint32_t i = 0; i < 3; ++i)
    if (!rows_lie(op.in[i])) return nullptr;
  if (!rows_lie(op.out[0])) return nullptr;
  p->q = Steps(op.in[0]), p->k = Steps(op.in[1]), p->v = Steps(op.in[2]), p->y = Steps(op.out[0]);
  p->attend = rows_of(op) <= kFew ? attend_few() : attend();
  p->heads = q[1], p->share = q[1] / k[1];
  if (q[2] == 1 && p->share <= kQueries) p->together = p->share;
  p->queries = q[2], p->keys = k[2], p->width = q[3], p->out_width = op.out[0].shape[3];
  p->scale = static_cast<float>(sdk::attr_float(op, 0));
  p->causal = sdk::attr_int(op, 1) != 0;
  const qn_array_desc& mask = op.in[3];
  p->truth = mask.dtype == QN_BOOL;
  std::int64_t step = 1;
  for (std::uint32_t a = mask.ndim; a-- > 0;) {
    p->mask_step[4 - mask.ndim + a] = mask.shape[a] == 1 ? 0 : step;
    step *= mask.shape[a];
  }
  const auto tiles = [&] { return q[0] * q[1] * ((p->queries + p->span - 1) / p->span); };
  while (p->span > kLanes && tiles() < 2 * std::int64_t{op.max_workers}) p->span /= 2;
  p->blocks = (p->queries + p->span - 1) / p->span;
  info.n_tiles = static_cast<std::uint32_t>(q[0] * q[1] / p->together * p->blocks);
  info.worker_scratch =
      (static_cast<std::uint64_t>(attention_scratch(p->width, p->out_width)) * 4 + 63) / 64 * 64;
  return p;
}

}  // namespace quern::simd
