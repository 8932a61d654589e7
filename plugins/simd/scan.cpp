// cumsum, cumprod, cummax, cummin and logcumsumexp along one axis of dense arrays. Few long lines
// are cut into blocks by their size alone: first the blocks' totals, then each block on top of what
// lies before it. Not here: the loops (scan_ops.cpp, scan_log.cpp).
#include "plugins/simd/scan.h"

#include "plugins/simd/cut.h"
#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

constexpr std::int64_t kBlock = 32768;  // elements of a block, at least

const ScanOps* ops_of(const qn_opdesc& op) {
  const qn_dtype t = op.in[0].dtype;
  if (t != op.out[0].dtype) return nullptr;
  if (op.op == QN_OP_LOGCUMSUMEXP) return t == QN_F32 ? scan_log_ops() : nullptr;
  // The parts of a complex number are summed beside each other.
  return scan_ops(op.op, t == QN_C64 && op.op == QN_OP_CUMSUM ? QN_F32 : t);
}

bool cut_scan(const qn_opdesc& op, const AxisOrder& order, Cut& c) {
  const std::int64_t axis = sdk::attr_int(op, 0);
  if (!cut_lines(op.in[0], {&axis, 1}, order, c)) return false;
  if (op.in[0].dtype == QN_C64) c.inner *= 2;
  return true;
}

double scan_ns(const qn_opdesc& op, const Cut& c) {
  const double elements = static_cast<double>(c.outer * c.n * c.inner);
  const bool log = op.op == QN_OP_LOGCUMSUMEXP;
  if (c.inner == 1)
    return static_cast<double>(c.outer) * (log ? 60 : 15) + elements * (log ? 2.5 : 0.35);
  const double columns = static_cast<double>((c.inner + 15) / 16 * 16 * c.outer * c.n);
  return columns * (log ? 1.2 : 0.2);
}

struct ScanPlan : Plan {
  Cut c;
  const ScanOps* ops = nullptr;
  bool reverse = false, inclusive = true;
  std::int64_t itemsize = 4;
  std::int64_t strip = 1, blocks = 1;
  std::uint32_t n_tiles = 1, workers = 1;

  // A unit of work is a strip of columns, or some rows.
  std::int64_t strips() const { return (c.inner + strip - 1) / strip; }
  std::int64_t units() const {
    return c.inner > 1 ? c.outer * strips() : (c.outer + strip - 1) / strip;
  }

  // Block b of unit u: where it begins, in elements, and how it runs. Rows have blocks one by one.
  ScanLine line(std::int64_t u, std::int64_t b, std::int64_t& at) const noexcept {
    if (c.inner == 1 && strip > 1) {
      at = u * strip * c.n;
      return {c.n, 1, std::min(strip, c.outer - u * strip), reverse, inclusive};
    }
    const std::int64_t o = u / strips(), first = u % strips() * strip;
    const auto all = static_cast<std::uint32_t>(blocks);
    const std::int64_t lo = split(c.n, all, static_cast<std::uint32_t>(b)),
                       hi = split(c.n, all, static_cast<std::uint32_t>(b + 1));
    at = (o * c.n + lo) * c.inner + first;
    return {hi - lo, c.inner, std::min(strip, c.inner - first), reverse, inclusive};
  }

  void scan(const qn_run& r, const ScanLine& l, std::int64_t at, void* carry) const noexcept {
    const char* x = static_cast<const char*>(r.in[0].data) + at * itemsize;
    char* y = static_cast<char*>(r.out[0].data) + at * itemsize;
    (c.inner == 1 ? ops->row : ops->columns)(x, y, l, carry);
  }

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    for (std::int64_t u = split(units(), n_tiles, t); u < split(units(), n_tiles, t + 1); ++u) {
      std::int64_t at = 0;
      const ScanLine l = line(u, 0, at);
      ops->start(scratch, l.width);
      scan(run, l, at, scratch);
    }
  }

  std::int64_t carry_bytes() const { return strip * ops->carry_bytes; }
  char* carry(const qn_run& r, std::int64_t u, std::int64_t b) const noexcept {
    return static_cast<char*>(r.workspace) + (u * blocks + b) * carry_bytes();
  }

  void run(const qn_run& r) const noexcept override {
    struct Job {
      const ScanPlan* plan;
      const qn_run* run;
    } job{this, &r};
    const auto total = [](void* j, std::uint32_t k, std::uint32_t) noexcept {
      const auto& [p, run] = *static_cast<Job*>(j);
      std::int64_t at = 0;
      const ScanLine l = p->line(k / p->blocks, k % p->blocks, at);
      void* carry = p->carry(*run, k / p->blocks, k % p->blocks);
      const char* x = static_cast<const char*>(run->in[0].data) + at * p->itemsize;
      p->ops->start(carry, l.width);
      (p->c.inner == 1 ? p->ops->row_total : p->ops->column_totals)(x, l, carry);
    };
    const auto scan = [](void* j, std::uint32_t k, std::uint32_t) noexcept {
      const auto& [p, run] = *static_cast<Job*>(j);
      std::int64_t at = 0;
      const ScanLine l = p->line(k / p->blocks, k % p->blocks, at);
      p->scan(*run, l, at, p->carry(*run, k / p->blocks, k % p->blocks));
    };
    const auto n = static_cast<std::uint32_t>(units() * blocks);
    r.executor->parallel_for(r.executor->self, total, &job, n, workers);
    for (std::int64_t u = 0; u < units(); ++u) before(r, u);
    r.executor->parallel_for(r.executor->self, scan, &job, n, workers);
  }

  // The totals of blocks become those of all that lies before them.
  void before(const qn_run& r, std::int64_t u) const noexcept {
    std::int64_t at = 0;
    const std::int64_t width = line(u, 0, at).width;
    const auto bytes = static_cast<std::size_t>(width * ops->carry_bytes);
    char* so_far = carry(r, units(), 0);  // behind the last
    char* next = so_far + carry_bytes();
    ops->start(so_far, width);
    for (std::int64_t k = 0; k < blocks; ++k) {
      char* mine = carry(r, u, reverse ? blocks - 1 - k : k);
      std::memcpy(next, mine, bytes);
      std::memcpy(mine, so_far, bytes);
      ops->join(so_far, next, width);
    }
  }
};

// How the lines are shared out, from their sizes alone.
void share(const Cut& c, ScanPlan& p) {
  p.c = c;
  // Few lines: narrow strips of them, cut into blocks when they are long.
  p.strip = std::min<std::int64_t>(c.inner, 128);
  if (const std::int64_t each = c.n * p.strip; p.units() < 8 && c.inner > 1 && each >= 4 * kBlock)
    p.blocks = std::min<std::int64_t>(each / kBlock, 64);
  if (c.inner == 1 && c.outer < 8 && c.n >= 4 * kBlock)
    p.strip = 1, p.blocks = std::min<std::int64_t>(c.n / kBlock, 64);
  if (p.blocks > 1) return;
  if (c.inner == 1)
    p.strip = std::clamp<std::int64_t>(kBlock / 4 / c.n, 1, kScanStrip);
  else if (c.outer * c.inner >= 8 * kScanStrip)
    p.strip = std::min(c.inner, kScanStrip);
}

std::uint64_t workspace_bytes(const ScanPlan& p) {
  return p.blocks == 1 ? 0
                       : static_cast<std::uint64_t>((p.units() * p.blocks + 2) * p.carry_bytes());
}

void offer_lines(const qn_host& host, const qn_opdesc& op, qn_answer* answer,
                 const AxisOrder& order) {
  const qn_array_desc& x = op.in[0];
  ScanPlan p;
  Cut c;
  p.ops = ops_of(op);
  if (!cut_scan(op, order, c)) return;
  share(c, p);
  const std::vector<std::int64_t> strides = strides_in_order(x, order);
  const qn_layout layout = sdk::with_strides(strides.data());
  const double bytes = static_cast<double>(sdk::element_count(x)) * sdk::itemsize(x.dtype) * 2;
  qn_candidate offer =
      sdk::candidate("scan", 1, estimate_ns(bytes, scan_ns(op, c), op.max_workers));
  offer.threading = p.blocks > 1 ? QN_THREADING_PARALLEL_FOR : QN_THREADING_TILES;
  offer.n_in = offer.n_out = 1;
  offer.in = offer.out = &layout;
  offer.confidence = QN_CONFIDENCE_MODEL;
  offer.inplace_mask = 1;
  offer.workspace_max = workspace_bytes(p);
  host.offer(answer, &offer);
}

}  // namespace

void query_scan(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& x = op.in[0];
  if (!ops_of(op) || sdk::element_count(x) == 0)
    return host.refuse(answer, "scan", "no elements, or a dtype without a loop");
  const AxisOrder order = row_major(x);
  offer_lines(host, op, answer, order);
  AxisOrder own = order;
  if (x.layout.strides && !sdk::is_row_major(x) && dense_order(x, own))
    offer_lines(host, op, answer, own);
}

std::unique_ptr<Plan> plan_scan(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto p = std::make_unique<ScanPlan>();
  AxisOrder order;
  Cut c;
  p->ops = ops_of(op);
  if (!p->ops || !dense_order(op.in[0], order) || !cut_scan(op, order, c)) return nullptr;
  share(c, *p);
  p->reverse = sdk::attr_int(op, 1) != 0;
  p->inclusive = sdk::attr_int(op, 2) != 0;
  p->itemsize = sdk::itemsize(op.in[0].dtype) / (op.in[0].dtype == QN_C64 ? 2 : 1);
  p->workers = op.max_workers;
  if (p->blocks > 1) {
    info.workspace = workspace_bytes(*p);
    return p;
  }
  info.worker_scratch = static_cast<std::uint64_t>(p->carry_bytes() + 63) / 64 * 64;
  p->n_tiles = free_tiles(scan_ns(op, c), op.max_workers, p->units());
  info.n_tiles = p->n_tiles;
  return p;
}

}  // namespace quern::simd
