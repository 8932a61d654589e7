// Offer and plan of scaled_dot_product_attention: keys and values of all heads packed by all
// workers, then tiles of queries; scores never in memory. Not here: the loops
// (attention_tiles.cpp).
#include "plugins/amx/attention.h"

#include <algorithm>
#include <vector>

#include "plugins/amx/plans.h"
#include "plugins/sdk/conv.hpp"

namespace quern::amx {
namespace {

constexpr const char* kName = "tiled";

const char* describe(const qn_opdesc& op, AttentionShape& s) {
  const qn_dtype type = op.in[0].dtype;
  if (op.accuracy == QN_CLASS_STRICT) return "products of parts are not of the strict class";
  if (type != QN_F32 && type != QN_F16 && type != QN_BF16) {
    return "dtype is not float32, float16 or bfloat16";
  }
  if (op.in[1].dtype != type || op.in[2].dtype != type || op.out[0].dtype != type) {
    return "dtypes differ";
  }
  if (op.in[3].dtype != QN_F32 && op.in[3].dtype != QN_BOOL && op.in[3].dtype != type) {
    return "dtype of the mask";
  }
  const std::int64_t *q = op.in[0].shape, *k = op.in[1].shape;
  if (sdk::element_count(op.out[0]) == 0 || sdk::element_count(op.in[1]) == 0) return "no elements";
  s = {q[1], q[1] / k[1], q[2], k[2], q[3], op.out[0].shape[3], Type::kF32, kThree};
  if (type != QN_F32) {
    s.type = type == QN_F16 ? Type::kF16 : Type::kBF16;
    s.parts = type == QN_F16 ? kTwo : kOne;
  }
  if (s.queries < 8 || s.width < 8 || s.out_width < 8) return "too few queries or columns";
  if (s.width > 4096 || s.out_width > 4096 || double(q[0] * q[1]) * double(q[2]) > 1e9) {
    return "too many columns or queries";
  }
  return nullptr;
}

struct AttentionPlan : Planned {
  AttentionShape s;
  i64 batch = 0, span = kQueries, tiles = 0;  // queries of a tile, tiles of one head
  i64 mask_step[4] = {};                      // between batches, heads, queries, keys
  bool causal = false, truth = false;
  Type mask_type = Type::kF32;
  float scale = 0;
  std::uint32_t workers = 1;

  i64 key_heads() const { return batch * (s.heads / s.share); }

  void tile(const qn_run&, std::uint32_t, void*) const noexcept override {}

  void pack(const qn_run& run, i64 index) const {
    const i64 head = index / s.blocks(), size = s.type == Type::kF32 ? 4 : 2;
    const char* k = static_cast<const char*>(run.in[1].data) + head * s.keys * s.width * size;
    const char* v = static_cast<const char*>(run.in[2].data) + head * s.keys * s.out_width * size;
    pack_keys(s, k, v, index % s.blocks(), packed(run, head));
  }

  char* packed(const qn_run& run, i64 head) const {
    return static_cast<char*>(run.workspace) + head * s.head_bytes();
  }

  void attend_to(const qn_run& run, i64 index, void* scratch) const {
    const i64 head = index / tiles, first = index % tiles * span,
              size = s.type == Type::kF32 ? 4 : 2;
    const i64 b = head / s.heads, h = head % s.heads;
    AttentionTile t{};
    t.queries = std::min(span, s.queries - first);
    t.q = static_cast<const char*>(run.in[0].data) + (head * s.queries + first) * s.width * size;
    t.packed = packed(run, b * (s.heads / s.share) + h / s.share);
    t.y = static_cast<char*>(run.out[0].data) + (head * s.queries + first) * s.out_width * size;
    t.visible = causal ? s.keys - s.queries + first : s.keys;
    t.mask = static_cast<const char*>(run.in[3].data) +
             (b * mask_step[0] + h * mask_step[1] + first * mask_step[2]) *
                 (truth                     ? 1
                  : mask_type == Type::kF32 ? 4
                                            : 2);
    t.mask_row = mask_step[2], t.mask_step = mask_step[3];
    t.truth = truth;
    t.mask_type = mask_type;
    t.scale = scale;
    t.scratch = scratch;
    attend(s, t);
  }

  qn_status run(const qn_run& r) const noexcept override {
    struct Task {
      const AttentionPlan* plan;
      const qn_run* run;
      std::uint64_t scratch;
    } task{this, &r, scratch_bytes()};
    const qn_executor& ex = *r.executor;
    const qn_status status = ex.parallel_for(
        ex.self,
        [](void* self, std::uint32_t index, std::uint32_t) noexcept {
          const Task& t = *static_cast<const Task*>(self);
          t.plan->pack(*t.run, index);
        },
        &task, std::uint32_t(key_heads() * s.blocks()), workers);
    if (status != QN_OK) return status;
    return ex.parallel_for(
        ex.self,
        [](void* self, std::uint32_t index, std::uint32_t worker) noexcept {
          const Task& t = *static_cast<const Task*>(self);
          t.plan->attend_to(*t.run, index, static_cast<char*>(t.run->scratch) + worker * t.scratch);
        },
        &task, std::uint32_t(batch * s.heads * tiles), workers);
  }

  std::uint64_t scratch_bytes() const { return (std::uint64_t(s.scratch_bytes()) + 63) / 64 * 64; }
  std::uint64_t workspace_bytes() const { return std::uint64_t(key_heads() * s.head_bytes()); }
};

bool make(const qn_opdesc& op, AttentionPlan& p) {
  if (describe(op, p.s)) return false;
  const AttentionShape& s = p.s;
  p.batch = op.in[0].shape[0];
  p.workers = std::max(1u, op.max_workers);
  p.scale = static_cast<float>(sdk::attr_float(op, 0));
  p.causal = sdk::attr_int(op, 1) != 0;
  const qn_array_desc& mask = op.in[3];
  p.truth = mask.dtype == QN_BOOL;
  if (mask.dtype != QN_F32) p.mask_type = s.type;
  i64 step = 1;
  for (std::uint32_t a = mask.ndim; a-- > 0;) {
    p.mask_step[4 - mask.ndim + a] = mask.shape[a] == 1 ? 0 : step;
    step *= mask.shape[a];
  }
  const auto tiles = [&] { return p.batch * s.heads * ((s.queries + p.span - 1) / p.span); };
  if (tiles() < 2 * i64(p.workers)) p.span = kQueries / 2;
  p.tiles = (s.queries + p.span - 1) / p.span;
  return true;
}

// ns of one thread for the packing, and for all tiles.
double packing_ns(const AttentionPlan& p) {
  const AttentionShape& s = p.s;
  return 0.6 * double(p.key_heads()) * double(s.blocks() * kKeys) * double(s.width + s.out_width);
}
double tiles_ns(const AttentionPlan& p) {
  const AttentionShape& s = p.s;
  const double panels = double(kKeys / kRows) * double((p.span + kCols - 1) / kCols);
  const double step[] = {0, 37, 75, 133};
  const double block =
      panels * (130 + step[s.parts] * double(steps_of(s.width)) +
                double((s.out_width + 31) / 32) / double(kKeys / kRows) * (130 + 2 * 75)) +
      0.75 * double(kKeys * p.span);
  return double(p.batch * s.heads * p.tiles) *
         (double(s.blocks()) * block * (p.causal ? 0.6 : 1.0) +
          0.6 * double(p.span * (s.width + s.out_width)) + 300);
}

}  // namespace

void query_attention(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  AttentionPlan p;
  if (const char* why = describe(op, p.s)) return host.refuse(answer, kName, why);
  if (!available()) {
    return host.refuse(answer, kName, "the system does not lend AMX to this process");
  }
  make(op, p);
  std::vector<i64> strides[4];
  std::vector<qn_layout> in;
  for (std::uint32_t i = 0; i < 4; ++i) {
    strides[i] = sdk::dense_strides(op.in[i]);
    in.push_back(op.in[i].ndim ? sdk::with_strides(strides[i].data()) : sdk::any_strides());
  }
  const double parallel = std::min(double(p.workers), double(p.batch * p.s.heads * p.tiles));
  qn_candidate c =
      sdk::candidate(kName, kAttention,
                     (packing_ns(p) + tiles_ns(p)) / parallel + (p.workers > 1 ? 8000.0 : 500.0));
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.n_in = 4;
  c.in = in.data();
  c.confidence = QN_CONFIDENCE_MODEL;
  c.workspace_max = p.workspace_bytes();
  host.offer(answer, &c);
}

std::unique_ptr<Planned> plan_attention(const qn_opdesc& op, qn_plan_info& info) {
  auto p = std::make_unique<AttentionPlan>();
  if (!make(op, *p) || !available()) return nullptr;
  info.workspace = p->workspace_bytes();
  info.worker_scratch = p->scratch_bytes();
  return p;
}

}  // namespace quern::amx
