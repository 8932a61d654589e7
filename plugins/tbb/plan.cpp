// Choices: which kernels are offered for a matmul, their estimates, their tiles and memory.
// It computes no products.
#include "plugins/tbb/plan.h"

#include <algorithm>
#include <vector>

namespace quern::tbb {
namespace {

using sdk::Matmul;

i64 ceil_div(i64 a, i64 b) { return (a + b - 1) / b; }
std::uint64_t floats(i64 n) { return (std::uint64_t(std::max<i64>(n, 0)) * 4 + 63) / 64 * 64; }

bool describe(const qn_opdesc& op, Plan& p) {
  if (!sdk::describe_matmul(op, p.g)) return false;
  p.max_workers = std::max(1u, op.max_workers);
  if (p.g.N == 1 && p.g.M > 1) swap_operands(p);
  return true;
}

struct Costs {
  double overhead;  // ns a run
  double item;      // ns a product
  double rate;      // GFLOP/s of one thread for this shape
  double packing;   // ns of one thread a product
  double streamed;  // bytes that have to be read a product
};

// ns of one thread to pack an element. Pieces of B's rows come slowly from memory, and by every
// block of rows anew where they are not packed.
constexpr double kPackNs = 0.13, kCopyNs = 0.06, kFarCopyNs = 0.2;
constexpr double kFarShare = 0.37;  // of the rate

bool b_is_far(const Matmul& g) { return g.b_n == 1 && double(g.K) * double(g.N) > 250e3; }

Costs costs(const Plan& p, const Kernels& k) {
  const Matmul& g = p.g;
  const double m = double(g.M), n = double(g.N), d = double(g.K);
  // Share of a block's lanes that are real, and of its time that is not start and end.
  const double columns = n / double(ceil_div(g.N, k.lanes) * k.lanes);
  const double rows = m / (m + 0.8 * double(ceil_div(g.M, k.rows)));
  const double depth = d / (d + 6.0);
  const double bytes = 4 * (d * n + m * d + m * n);
  switch (p.kernel) {
    case kDirect: {
      const double few = std::min(b_is_far(g) ? kFarShare : 1.0, (double(g.M) + 1) / 6.0);
      return {100, 20, k.gflops * columns * rows * depth * few, 0, bytes};
    }
    case kDots:
      return {100, 20, 0.6 * k.gflops * d / (d + 60), 2.0 * n, bytes};
    case kInner:
      return {150, 12, 0.2 * k.gflops, 0, bytes};
    default: {
      // Blocks of few rows wait for loads of B.
      const i64 rest = g.M % k.mr;
      const double full = double(g.M - rest) + (rest ? std::max(double(rest), 3.5) : 0);
      const double rate = k.gflops * columns * (m / full) * d / (d + 10.0);
      const bool packs_b = p.kernel == kStrips;
      const double b_ns = b_is_far(g) ? kFarCopyNs : g.b_n == 1 ? kCopyNs : kPackNs;
      const double b = packs_b ? b_ns * d * n * double(p.b_packings()) : 0;
      const double a = p.a_in_place() ? 0 : kPackNs * m * d * double(p.tiles_n);
      return {100, 30, rate, a + b, bytes};
    }
  }
}

double estimate(const Plan& p, const Kernels& k) {
  const Costs c = costs(p, k);
  const double tiles = double(p.n_tiles());
  const double parallel = std::clamp(tiles, 1.0, double(p.max_workers));
  const double once = double(p.g.batch);
  const double work =
      std::max(p.g.flops() / once / std::max(0.5, c.rate) + c.packing, c.streamed / 35.0);
  const double epilogue = double(p.g.M * p.g.N) * p.g.epilogue.ns();
  const double launch = tiles > 1 && p.max_workers > 1 ? 1500 : 0;
  return c.overhead + launch + once * (c.item + work + epilogue) / parallel;
}

// Layouts of an offer: every input any strides, except those set.
struct Offer {
  const qn_host& host;
  const qn_opdesc& op;
  qn_answer* answer;
  const Kernels& k;

  void operator()(Plan p, Kernel kernel, const char* name, int pinned, const qn_layout* layout) {
    p.kernel = kernel;
    cut(p, k);
    std::vector<qn_layout> in(op.n_in, sdk::any_strides());
    if (pinned >= 0) in[unsigned(pinned)] = *layout;
    const std::string full = std::string(name) + "." + k.isa;
    qn_candidate c = sdk::candidate(full.c_str(), kernel, p.g.batch > 0 ? estimate(p, k) : 100.0);
    c.threading = kernel == kInner ? QN_THREADING_PARALLEL_FOR : QN_THREADING_TILES;
    c.n_in = op.n_in;
    c.in = in.data();
    c.confidence = QN_CONFIDENCE_MODEL;
    c.workspace_max = p.workspace;
    c.epilogue_taken = p.g.epilogue.taken;
    host.offer(answer, &c);
  }
};

bool lies_along_k(const Matmul& g) { return g.K <= 1 || (g.a_k == 1 && g.b_k == 1); }

bool small_enough(const Plan& p) {
  return std::max({p.g.M, p.g.N, p.g.K}) <= 128 || p.g.M <= kFewRows;
}

}  // namespace

void swap_operands(Plan& p) {
  Matmul& g = p.g;
  p.swapped = true;
  std::swap(g.M, g.N);
  const i64 a_m = g.a_m, a_k = g.a_k;
  g.a_m = g.b_n;
  g.a_k = g.b_k;
  g.b_n = a_m;
  g.b_k = a_k;
  std::swap(g.a_batch, g.b_batch);
  for (auto& o : g.operand) std::swap(o.m, o.n);
}

namespace {

// A grid of some `tiles` tiles of a product: every cut of the rows packs B once more, every cut of
// the columns A where that is packed. The largest tile counts as well as all of them together.
void cut_grid(Plan& p, const Kernels& k, i64 tiles) {
  const Matmul& g = p.g;
  const i64 row_panels = std::max<i64>(1, ceil_div(g.M, k.mr));
  const i64 panels = std::max<i64>(1, ceil_div(g.N, k.nr));
  const double b_ns = p.kernel == kStrips ? kPackNs : 0, a_ns = p.a_in_place() ? 0 : kPackNs;
  const auto cost = [&](double rows, double columns) {
    return rows * columns * 2 / k.gflops + b_ns * columns + a_ns * rows;
  };
  double best = 0;
  for (i64 m = 1; m <= std::min(tiles, row_panels); ++m) {
    const i64 n = std::min(ceil_div(tiles, m), panels);
    const double rows = double(ceil_div(row_panels, m) * k.mr);
    const double columns = double(ceil_div(panels, n) * k.nr);
    const double all = double(m * n) * cost(double(row_panels * k.mr) / double(m),
                                            double(panels * k.nr) / double(n));
    const double least = all / double(std::min<i64>(m * n, p.max_workers));
    const double time = std::max(least, cost(rows, columns)) + 0.2 * cost(rows, columns);
    if (best > 0 && time >= best) continue;
    best = time;
    p.tiles_m = m, p.tiles_n = n;
  }
}

}  // namespace

void cut(Plan& p, const Kernels& k) {
  const Matmul& g = p.g;
  const i64 workers = p.max_workers, panels = ceil_div(g.N, k.nr);
  const double flops = g.flops();
  const double bytes = 4.0 * double(g.batch) * (double(g.K) * double(g.N + g.M));
  const double single = flops / k.gflops + 0.04 * bytes;  // ns on one thread
  const i64 want = single < 5000 || workers == 1
                       ? 1
                       : std::min<i64>(4 * workers, std::max<i64>(2, i64(single / 10000)));
  p.workspace = p.scratch = 0;
  p.tiles_batch = p.tiles_m = p.tiles_n = 1;
  switch (p.kernel) {
    case kDirect:
    case kDots:
      p.tiles_batch = std::clamp<i64>(g.batch, 1, want);
      if (g.batch < want) {
        // With few rows B's own are what is read: long parts of them, which are fetched ahead.
        const i64 strip = g.M > 8 ? 4 * k.lanes : std::clamp<i64>(g.N / workers, 4 * k.lanes, 512);
        p.tiles_n = std::clamp<i64>(ceil_div(want, std::max<i64>(1, g.batch)), 1,
                                    std::max<i64>(1, ceil_div(g.N, strip)));
        if (p.tiles_n == 1 && g.M > kFewRows) {
          p.tiles_m =
              std::clamp<i64>(ceil_div(want, std::max<i64>(1, g.batch)), 1, ceil_div(g.M, k.rows));
        }
      }
      if (p.kernel == kDots) p.scratch = floats(std::min(g.M, kFewRows) * g.K);
      break;
    case kInner:
      p.tiles_m = std::clamp<i64>(want, 1, std::max<i64>(1, g.batch * p.pieces()));
      p.workspace = p.pieces() > 1 ? floats(g.batch * p.pieces()) : 0;
      break;
    case kPackB:
      p.tiles_n = bytes < 3e5 ? 1 : std::clamp<i64>(panels, 1, 4 * workers);
      break;
    case kStrips:
    case kPrepacked: {
      p.tiles_batch = std::clamp<i64>(g.batch, 1, want);
      if (g.batch < want) cut_grid(p, k, ceil_div(want, std::max<i64>(1, g.batch)));
      const i64 rows = ceil_div(ceil_div(g.M, k.mr), p.tiles_m) * k.mr;
      const i64 packed = (p.kernel == kStrips ? k.nr : 0) +
                         (p.a_in_place() ? 0 : std::min(rows, ceil_div(kRowsAtOnce, k.mr) * k.mr));
      p.scratch = floats(packed * p.depth());
      break;
    }
  }
}

std::string packed_name(const Kernels& k, i64 K, i64 N) {
  return "tbb/b" + std::to_string(k.nr) + "k" + std::to_string(K) + "n" + std::to_string(N);
}
std::uint64_t packed_bytes(const Kernels& k, i64 K, i64 N) {
  return std::max<std::uint64_t>(64, floats(ceil_div(N, k.nr) * k.nr * K));
}

void query_matmul(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  if (op.in[0].dtype != QN_F32 || op.in[1].dtype != QN_F32) {
    return host.refuse(answer, "sgemm", "dtype is not float32");
  }
  const Kernels& k = kernels();
  Plan p;
  if (!describe(op, p)) return host.refuse(answer, "sgemm", "too many batch axes");
  Offer offer{host, op, answer, k};
  const qn_array_desc& b = op.in[1];
  const Matmul& g = p.g;

  if (g.M == 1 && g.N == 1 && lies_along_k(g)) return offer(p, kInner, "sgemm.inner", -1, nullptr);
  if (small_enough(p)) {
    // After a swap the second operand is A. What lies in neither form is asked for row-major.
    const unsigned which = p.swapped ? 0 : 1;
    const qn_array_desc& d = op.in[which];
    const bool rows_lie = g.b_n == 1 || g.N == 1, columns_lie = g.b_k == 1 && g.M <= kFewRows;
    const bool keep =
        d.layout.kind == QN_LAYOUT_STRIDED && d.layout.strides && (rows_lie || columns_lie);
    std::vector<i64> dense(d.ndim, 1);
    for (std::uint32_t i = d.ndim; i-- > 1;) dense[i - 1] = dense[i] * d.shape[i];
    const qn_layout layout = sdk::with_strides(keep ? d.layout.strides : dense.data());
    if (rows_lie || (!columns_lie && !p.swapped)) {
      offer(p, kDirect, "sgemm.direct", int(which), &layout);
    } else {
      offer(p, kDots, "sgemm.dots", int(which), &layout);
    }
  }
  offer(p, kStrips, "sgemm.strips", -1, nullptr);
  if ((op.const_mask & 2u) && sdk::one_matrix(b) && !p.swapped) {
    const std::string name = packed_name(k, g.K, g.N);
    const qn_layout layout = sdk::named(name, packed_bytes(k, g.K, g.N));
    offer(p, kPrepacked, "sgemm.prepacked", 1, &layout);
  }
}

void query_relayout(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc &in = op.in[0], &out = op.out[0];
  if (in.dtype != QN_F32 || out.layout.kind != QN_LAYOUT_NAMED ||
      in.layout.kind != QN_LAYOUT_STRIDED || !sdk::one_matrix(in)) {
    return;
  }
  const Kernels& k = kernels();
  const i64 K = in.shape[in.ndim - 2], N = in.shape[in.ndim - 1];
  const std::string name = packed_name(k, K, N);
  if (std::string_view(out.layout.name.ptr, out.layout.name.len) != name) return;
  qn_candidate c = sdk::candidate("pack_b", kPackB, 500 + 0.5 * double(K) * double(N));
  c.threading = QN_THREADING_TILES;
  c.n_in = c.n_out = 1;
  c.in = &in.layout;
  c.out = &out.layout;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

namespace {

struct Kept final : sdk::Planned {
  Plan p;
  void tile(const qn_run& r, std::uint32_t index, void* scratch) const noexcept override {
    run_tile(p, &r, index, scratch);
  }
  qn_status run(const qn_run& r) const noexcept override { return run_inner(p, &r); }
};

std::unique_ptr<sdk::Planned> keep(const Plan& p, qn_plan_info& info) {
  info.workspace = p.workspace;
  info.worker_scratch = p.scratch;
  info.n_tiles = p.kernel == kInner ? 0 : std::uint32_t(p.n_tiles());
  auto kept = std::make_unique<Kept>();
  kept->p = p;
  return kept;
}

}  // namespace

std::unique_ptr<sdk::Planned> plan_matmul(const qn_opdesc& op, std::uint32_t kernel,
                                          qn_plan_info& info) {
  Plan p;
  if (kernel == kPackB || kernel > kInner || op.in[0].dtype != QN_F32 || op.in[1].dtype != QN_F32 ||
      !describe(op, p))
    return nullptr;
  p.kernel = Kernel(kernel);
  if (op.program && p.g.epilogue.taken != op.program->n_inst) return nullptr;
  if ((kernel == kDirect && p.g.b_n != 1 && p.g.N > 1) ||
      (kernel == kDots && p.g.b_k != 1 && p.g.K > 1) ||
      (kernel == kInner && (p.g.M != 1 || p.g.N != 1 || !lies_along_k(p.g)))) {
    return nullptr;
  }
  if (kernel == kPrepacked) std::fill_n(p.g.b_batch, Matmul::max_axes, 0);
  cut(p, kernels());
  return keep(p, info);
}

std::unique_ptr<sdk::Planned> plan_relayout(const qn_opdesc& op, qn_plan_info& info) {
  const qn_array_desc& in = op.in[0];
  Plan p;
  p.kernel = kPackB;
  p.max_workers = std::max(1u, op.max_workers);
  p.g.M = 0;
  p.g.K = in.shape[in.ndim - 2];
  p.g.N = in.shape[in.ndim - 1];
  p.g.b_k = sdk::axis_stride(in, in.ndim - 2);
  p.g.b_n = sdk::axis_stride(in, in.ndim - 1);
  cut(p, kernels());
  return keep(p, info);
}

}  // namespace quern::tbb
