// Choices: which kernels are offered for a matmul, their estimates, their tiles and memory.
// It computes no products.
#include "plugins/amx/matmul.h"

#include <algorithm>
#include <vector>

namespace quern::amx {
namespace {

i64 ceil_div(i64 a, i64 b) { return (a + b - 1) / b; }
std::uint64_t lines(i64 bytes) { return std::uint64_t(std::max<i64>(bytes, 64) + 63) / 64 * 64; }

// How an operand of this dtype is cut in this accuracy class.
bool choose_type(qn_dtype dtype, std::uint32_t accuracy, Plan& p) {
  switch (dtype) {
    case QN_F32:
      p.type = Type::kF32;
      p.parts = accuracy == QN_CLASS_FAST ? kOne : kThree;
      return true;
    case QN_F16:
      p.type = Type::kF16;
      p.parts = kTwo;
      return true;
    case QN_BF16:
      p.type = Type::kBF16;
      p.parts = kOne;
      return true;
    default:
      return false;
  }
}

// Of k in a panel: it depends on the problem alone, as the order of sums does.
i64 depth_of(i64 k, Parts parts) {
  return ceil_div(ceil_div(k, ceil_div(k, 3072 / parts)), kStep) * kStep;
}

bool describe(const qn_opdesc& op, Plan& p) {
  if (!sdk::describe_matmul(op, p.g)) return false;
  if (p.type != Type::kF32) p.g.epilogue = {};
  p.max_workers = std::max(1u, op.max_workers);
  const i64 k = std::max<i64>(1, p.g.K);
  p.depth = depth_of(k, p.parts);
  // Packed rows of A stay in the second-level cache.
  p.rows_at_once = std::clamp<i64>((i64{1} << 20) / panel_bytes(p.depth, p.parts), 1, 8) * kRows;
  return true;
}

// ns of one thread for a step of a block (32 x 32 x 32), and for its start and end.
double step_ns(Parts parts) { return parts == kOne ? 37 : parts == kTwo ? 72 : 133; }
constexpr double kBlockNs = 130;

// ns of one thread to pack an element of A, of B.
constexpr double kANs = 0.2, kBNs = 0.4;
constexpr double kPace = 25;  // bytes a ns of packed B: it comes while the unit multiplies

// ns of one thread for rows x columns of C. The unit hides a part of what packing costs.
double tile_ns(const Plan& p, i64 rows, i64 columns) {
  const i64 over = rows % kRows;
  const double k = double(p.g.K), panels = double(ceil_div(columns, kCols));
  const double row_panels = double(rows / kRows) + (over > 16 ? 1.0 : over > 0 ? 0.55 : 0.0);
  const double once = double(ceil_div(rows, p.rows_at_once));
  const double again = p.resident() ? 1 : once;
  const double a = kANs * double(rows) * k;
  const double product =
      row_panels * panels *
      (kBlockNs * double(p.depths()) + step_ns(p.parts) * double(steps_of(p.g.K)));
  const double epilogue = double(rows * columns) * (p.type == Type::kF32 ? p.g.epilogue.ns() : 0.1);
  if (p.kernel != kTiled) {
    const double bytes = 2.0 * int(p.parts) * k * double(columns) * once;
    return a + epilogue + 1.1 * product + bytes / kPace;
  }
  return a + epilogue + 1.1 * product + kBNs * k * (double(columns) + kCols) * again;
}

// ns of all tiles on their threads.
double grid_ns(const Plan& p) {
  const i64 tiles = p.n_tiles(), parallel = std::min<i64>(tiles, p.max_workers);
  const i64 row_panels = ceil_div(p.g.M, kRows);
  const i64 rows = std::min(p.g.M, ceil_div(row_panels, p.tiles_m) * kRows);
  const i64 columns = std::min(p.g.N, p.tile_panels() * kCols);
  const double one = tile_ns(p, rows, columns) * double(ceil_div(p.g.batch, p.tiles_batch));
  // Threads are late now and then: a fraction of the last tile.
  return one * (double(ceil_div(tiles, parallel)) + (parallel > 1 ? 0.15 : 0));
}

// The grid of tiles that is done first: every cut of the columns packs A once more, every cut of
// the rows B.
void cut_grid(Plan& p) {
  const i64 workers = p.max_workers;
  const i64 row_panels = ceil_div(p.g.M, kRows), panels = p.panels();
  Plan best = p;
  double least = 0;
  for (p.tiles_m = 1; p.tiles_m <= std::min(row_panels, 4 * workers); ++p.tiles_m) {
    for (i64 times = 1; times <= 4; ++times) {
      p.tiles_n = ceil_div(times * workers, p.tiles_m * p.tiles_batch);
      if (p.tiles_n > panels) break;
      const double ns = grid_ns(p);
      if (least > 0 && ns >= least) continue;
      least = ns;
      best = p;
    }
  }
  p = best;
}

void cut(Plan& p) {
  const sdk::Matmul& g = p.g;
  const i64 workers = p.max_workers;
  p.workspace = p.scratch = 0;
  p.tiles_batch = p.tiles_m = p.tiles_n = 1;
  if (p.kernel == kPackB) {
    p.tiles_n = g.K * g.N < 60'000 ? 1 : std::clamp<i64>(p.panels(), 1, 4 * workers);
    return;
  }
  if (g.batch == 0 || g.M == 0 || g.N == 0) return;
  const double all = tile_ns(p, g.M, g.N) * double(g.batch);
  if (workers > 1 && all > 6e3) {
    if (p.kernel != kShared) p.tiles_batch = std::min(g.batch, 4 * workers);
    if (p.tiles_batch < workers) cut_grid(p);
  }
  // Rows of a tile in even blocks.
  const i64 row_panels = ceil_div(ceil_div(g.M, kRows), p.tiles_m);
  p.rows_at_once = ceil_div(row_panels, ceil_div(row_panels, p.rows_at_once / kRows)) * kRows;
  if (p.kernel == kShared) p.workspace = lines(p.panels() * p.column_bytes());
  p.scratch = lines(p.a_bytes() + p.slot_bytes() + p.sum_bytes());
}

double estimate(const Plan& p) {
  const sdk::Matmul& g = p.g;
  const double m = double(g.M), n = double(g.N), k = double(g.K);
  const double b = p.kernel == kPrepacked ? 2.0 * int(p.parts) : double(p.size());
  const double bytes = double(p.size()) * (m * k + m * n) + b * n * k;
  const double parallel = double(std::min<i64>(p.n_tiles(), p.max_workers));
  double launch = p.max_workers == 1 || p.n_tiles() == 1 ? 300 : 1500;
  if (p.kernel == kShared) {
    launch += 8000 + double(g.batch) * 1.5 * kBNs * k * n / double(p.max_workers);
  }
  return launch + std::max(grid_ns(p), double(g.batch) * bytes / 35 / parallel);
}

// Layouts of an offer: every input any strides, except B where it is given.
struct Offer {
  const qn_host& host;
  const qn_opdesc& op;
  qn_answer* answer;

  void operator()(Plan p, Kernel kernel, const char* name, const qn_layout* b) {
    p.kernel = kernel;
    cut(p);
    std::vector<qn_layout> in(op.n_in, sdk::any_strides());
    if (b) in[1] = *b;
    const char* const dtype[] = {"f32", "f16", "bf16"};
    const std::string full = std::string(name) + "." + dtype[int(p.type)] +
                             (p.type == Type::kF32 && p.parts == kOne ? ".fast" : "");
    qn_candidate c = sdk::candidate(full.c_str(), kernel, p.g.batch > 0 ? estimate(p) : 100.0);
    c.threading = kernel == kShared ? QN_THREADING_PARALLEL_FOR : QN_THREADING_TILES;
    c.n_in = op.n_in;
    c.in = in.data();
    c.confidence = QN_CONFIDENCE_MODEL;
    c.workspace_max = p.workspace;
    c.epilogue_taken = p.g.epilogue.taken;
    host.offer(answer, &c);
  }
};

// The layout of packed constants: everything that packing depends on.
std::string packed_name(const Plan& p) {
  return "amx/b" + std::to_string(int(p.type)) + "p" + std::to_string(int(p.parts)) + "d" +
         std::to_string(p.depth) + "k" + std::to_string(p.g.K) + "n" + std::to_string(p.g.N);
}
std::uint64_t packed_bytes(const Plan& p) { return lines(p.panels() * p.column_bytes()); }

}  // namespace

void query_matmul(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  Plan p;
  if (op.in[0].dtype != op.in[1].dtype || !choose_type(op.in[0].dtype, op.accuracy, p)) {
    return host.refuse(answer, "tiles", "dtype is not float32, float16 or bfloat16");
  }
  if (op.accuracy == QN_CLASS_STRICT) {
    return host.refuse(answer, "tiles", "products of parts are not of the strict class");
  }
  if (!describe(op, p)) return host.refuse(answer, "tiles", "too many batch axes");
  const sdk::Matmul& g = p.g;
  if (g.M < 4 || g.N < 8 || g.K < 8) return host.refuse(answer, "tiles", "too few rows or columns");
  if (!available()) {
    return host.refuse(answer, "tiles", "the system does not lend AMX to this process");
  }
  Offer offer{host, op, answer};
  offer(p, kTiled, "tiled", nullptr);
  if (2 * double(g.M) * double(g.N) * double(g.K) >= 2e6) offer(p, kShared, "shared", nullptr);
  if ((op.const_mask & 2u) && sdk::one_matrix(op.in[1])) {
    const std::string name = packed_name(p);
    const qn_layout layout = sdk::named(name, packed_bytes(p));
    offer(p, kPrepacked, "prepacked", &layout);
  }
}

namespace {

// A relayout's in and out as a product's B. Both classes name their layouts by number of parts.
bool describe_pack(const qn_opdesc& op, Plan& p) {
  const qn_array_desc &in = op.in[0], &out = op.out[0];
  if (out.layout.kind != QN_LAYOUT_NAMED || in.layout.kind != QN_LAYOUT_STRIDED ||
      in.dtype != out.dtype || !sdk::one_matrix(in)) {
    return false;
  }
  const std::string_view wanted(out.layout.name.ptr, out.layout.name.len);
  for (const std::uint32_t accuracy : {QN_CLASS_DEFAULT, QN_CLASS_FAST}) {
    if (!choose_type(in.dtype, accuracy, p)) return false;
    p.kernel = kPackB;
    p.max_workers = std::max(1u, op.max_workers);
    p.g.M = 0;
    p.g.K = in.shape[in.ndim - 2];
    p.g.N = in.shape[in.ndim - 1];
    p.g.b_k = sdk::axis_stride(in, in.ndim - 2);
    p.g.b_n = sdk::axis_stride(in, in.ndim - 1);
    const i64 k = std::max<i64>(1, p.g.K);
    p.depth = depth_of(k, p.parts);
    if (packed_name(p) == wanted) return true;
  }
  return false;
}

struct MatmulPlan : Planned {
  Plan p;
  void tile(const qn_run& r, std::uint32_t index, void* scratch) const noexcept override {
    run_tile(p, &r, index, scratch);
  }
  qn_status run(const qn_run& r) const noexcept override { return run_shared(p, &r); }
};

std::unique_ptr<Planned> keep(const Plan& p, qn_plan_info& info) {
  auto planned = std::make_unique<MatmulPlan>();
  planned->p = p;
  info.workspace = p.workspace;
  info.worker_scratch = p.scratch;
  info.n_tiles = p.kernel == kShared ? 0 : std::uint32_t(p.n_tiles());
  return planned;
}

}  // namespace

bool query_pack_b(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  Plan p;
  if (!describe_pack(op, p) || !available()) return false;
  const qn_candidate c =
      sdk::relayout_candidate(op, "pack_b", kPackB, 500 + 0.8 * double(p.g.K) * double(p.g.N));
  host.offer(answer, &c);
  return true;
}

std::unique_ptr<Planned> plan_matmul(const qn_opdesc& op, Kernel kernel, qn_plan_info& info) {
  Plan p;
  if (!available() || op.in[0].dtype != op.in[1].dtype ||
      !choose_type(op.in[0].dtype, op.accuracy, p) || !describe(op, p) ||
      (op.program && p.g.epilogue.taken != op.program->n_inst)) {
    return nullptr;
  }
  p.kernel = kernel;
  if (kernel == kPrepacked) std::fill_n(p.g.b_batch, sdk::Matmul::max_axes, 0);
  cut(p);
  return keep(p, info);
}

std::unique_ptr<Planned> plan_pack_b(const qn_opdesc& op, qn_plan_info& info) {
  Plan p;
  if (!describe_pack(op, p) || !available()) return nullptr;
  cut(p);
  return keep(p, info);
}

}  // namespace quern::amx
