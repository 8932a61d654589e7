// softmax, log_softmax and logsumexp over axes that are not innermost in memory, of f32, f16 and
// bf16. Not here: the loops (column_ops.cpp), the offers and innermost axes (rows.cpp).
#include "plugins/simd/columns.h"

namespace quern::simd {
namespace {

// Columns in one unit of work: many, so that memory is read in long pieces.
constexpr std::int64_t kStrip = 512;

struct ColumnPlan : Plan {
  Cut c;
  ColumnFn run_columns = nullptr;
  std::uint32_t n_tiles = 1;
  std::int64_t itemsize = 4;
  bool reduces = false;
  std::int64_t strip = kStrip;
  std::int64_t strips() const { return (c.inner + strip - 1) / strip; }

  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const std::int64_t units = c.outer * strips();
    const auto* x = static_cast<const char*>(run.in[0].data);
    auto* y = static_cast<char*>(run.out[0].data);
    for (std::int64_t u = split(units, n_tiles, t); u < split(units, n_tiles, t + 1); ++u) {
      const std::int64_t o = u / strips(), first = u % strips() * strip;
      const std::int64_t from = o * c.n * c.inner + first;
      run_columns(x + from * itemsize, y + (reduces ? o * c.inner + first : from) * itemsize, c.n,
                  c.inner, std::min(strip, c.inner - first));
    }
  }
};

}  // namespace

double columns_ns(const qn_opdesc& op, const Cut& c) {
  // A vector that is not full costs as much as one that is.
  const double columns = static_cast<double>((c.inner + 15) / 16 * 16 * c.outer);
  const double each = op.op == QN_OP_LOGSUMEXP ? 0.4 : 0.5;
  return columns * (0.5 + static_cast<double>(c.n) * each);
}

std::unique_ptr<Plan> plan_columns(const qn_opdesc& op, const Cut& c, qn_plan_info& info) {
  auto p = std::make_unique<ColumnPlan>();
  const ColumnOps ops = column_ops(op.in[0].dtype);
  p->c = c;
  p->run_columns = op.op == QN_OP_SOFTMAX       ? ops.softmax
                   : op.op == QN_OP_LOG_SOFTMAX ? ops.log_softmax
                                                : ops.logsumexp;
  p->reduces = op.op == QN_OP_LOGSUMEXP;
  p->itemsize = sdk::itemsize(op.in[0].dtype);
  if (c.outer < op.max_workers)  // something for everyone
    p->strip = std::clamp<std::int64_t>((c.inner / op.max_workers + 63) / 64 * 64, 64, kStrip);
  p->n_tiles = free_tiles(columns_ns(op, c), op.max_workers, c.outer * p->strips());
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
