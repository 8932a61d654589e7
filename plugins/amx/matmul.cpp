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

bool describe(const qn_opdesc& op, Plan& p) {
  if (!sdk::describe_matmul(op, p.g)) return false;
  if (p.type != Type::kF32) p.g.epilogue = {};
  p.max_workers = std::max(1u, op.max_workers);
  const i64 k = std::max<i64>(1, p.g.K);
  p.depth = ceil_div(ceil_div(k, ceil_div(k, 2048)), kStep) * kStep;
  p.rows_at_once = std::clamp<i64>(800'000 / (p.depth * p.parts * 2) / kRows, 1, 4) * kRows;
  return true;
}

// ns of one thread for a step of a block (32 x 32 x 32), and for its start and end.
double step_ns(Parts parts) { return parts == kOne ? 37 : parts == kTwo ? 72 : 133; }
constexpr double kBlockNs = 130;

// ns of one thread for all products of one item.
double product_ns(const Plan& p) {
  const double blocks = double(ceil_div(p.g.M, kRows)) * double(p.panels());
  return blocks * (kBlockNs * double(p.depths()) + step_ns(p.parts) * double(steps_of(p.g.K)));
}

// ns of one thread to pack an element of A, of B.
constexpr double kANs = 0.2, kBNs = 0.35;

// A grid of at least `tiles` tiles: every cut of the rows packs B once more, every cut of the
// columns A. The largest tile takes longest.
void cut_grid(Plan& p, i64 tiles) {
  const i64 row_panels = std::max<i64>(1, ceil_div(p.g.M, kRows));
  const i64 panels = std::max<i64>(1, p.panels());
  double best = 0;
  for (i64 m = 1; m <= std::min(tiles, row_panels); ++m) {
    const i64 n = std::min(ceil_div(tiles, m), panels);
    const double rows = double(ceil_div(row_panels, m) * kRows);
    const double columns = double(ceil_div(panels, n) * kCols);
    const double cost = kANs * rows + kBNs * columns + rows * columns * 0.004;
    if (best > 0 && cost >= best) continue;
    best = cost;
    p.tiles_m = m, p.tiles_n = n;
  }
}

void cut(Plan& p) {
  const sdk::Matmul& g = p.g;
  const i64 workers = p.max_workers;
  const i64 row_panels = ceil_div(g.M, kRows);
  const double item = product_ns(p), all = item * double(g.batch);
  const i64 want = all < 4e3 || workers == 1 ? 1 : std::clamp<i64>(i64(all / 10e3), 2, 4 * workers);
  p.workspace = p.scratch = 0;
  p.tiles_batch = p.tiles_m = p.tiles_n = 1;
  const i64 a_bytes = p.rows_at_once / kRows * panel_bytes(p.depth, p.parts);
  const i64 c_bytes = p.type == Type::kF32 ? 0 : p.rows_at_once * p.chunk() * 4;
  switch (p.kernel) {
    case kPackB:
      p.tiles_n = g.K * g.N < 60'000 ? 1 : std::clamp<i64>(p.panels(), 1, 4 * workers);
      break;
    case kTiled:
      p.tiles_batch = std::clamp<i64>(g.batch, 1, want);
      if (g.batch < want) cut_grid(p, std::min(workers, want));
      p.scratch = lines(a_bytes + c_bytes + ceil_div(p.panels(), p.tiles_n) * p.column_bytes());
      break;
    default: {
      // Rows first: every cut of the columns packs A once more.
      const i64 tiles =
          std::max<i64>(1, want / std::max<i64>(1, p.kernel == kPrepacked ? g.batch : 1));
      p.tiles_m = std::clamp<i64>(std::max(tiles, ceil_div(g.M, p.rows_at_once)), 1,
                                  std::max<i64>(1, row_panels));
      if (p.tiles_m < tiles) {
        p.tiles_n =
            std::clamp<i64>(ceil_div(tiles, p.tiles_m), 1, std::max<i64>(1, p.panels() / 4));
      }
      p.scratch = lines(a_bytes + c_bytes);
      if (p.kernel == kShared) p.workspace = lines(p.panels() * p.column_bytes());
      if (p.kernel == kPrepacked) p.tiles_batch = want > 1 ? std::max<i64>(1, g.batch) : 1;
      break;
    }
  }
}

double estimate(const Plan& p) {
  const sdk::Matmul& g = p.g;
  const double k = double(g.K), m = double(g.M), n = double(g.N), items = double(g.batch);
  const bool packs = p.kernel != kPrepacked;
  const double parallel = std::clamp(double(p.n_tiles()), 1.0, double(p.max_workers));
  // How often operands are packed. What others pack comes through slower caches.
  const double a_again = double(p.tiles_n), b_again = p.kernel == kTiled ? double(p.tiles_m) : 2;
  const double packing = kANs * m * k * a_again + (packs ? kBNs * n * k * b_again : 0);
  const double bytes =
      double(p.size()) * (m * k + m * n) + (packs ? double(p.size()) : 2.0 * int(p.parts)) * n * k;
  const double epilogue = 0.1 * m * n * (p.type == Type::kF32 ? p.g.epilogue.n : 1);
  const double launch = p.max_workers == 1 || p.n_tiles() == 1 ? 300
                        : p.kernel == kShared                  ? 12000
                                                               : 4000;
  const double work = std::max(product_ns(p) + packing + epilogue, bytes / 35.0);
  return launch + items * work / parallel;
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
  Plan tiled = p;
  tiled.kernel = kTiled;
  cut(tiled);
  const bool fits = tiled.scratch <= (8 << 20);
  if (fits) offer(p, kTiled, "tiled", nullptr);
  if (!fits || 2 * double(g.M) * double(g.N) * double(g.K) >= 2e6) {
    offer(p, kShared, "shared", nullptr);
  }
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
    p.depth = ceil_div(ceil_div(k, ceil_div(k, 2048)), kStep) * kStep;
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
