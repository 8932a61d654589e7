// Offers and plans for element-wise programs: which memory orders and opaque layouts they can run
// over. Not here: the program's steps (map_program.cpp) and their loops (map_ops.cpp, map_run.cpp).
#include <cstring>

#include "plugins/simd/families.h"
#include "plugins/simd/map_run.h"

namespace quern::simd {
namespace {

constexpr std::uint32_t kStrided = 1, kOpaque = 2;

struct MapPlan : Plan {
  MapCode code;
  std::uint32_t n_tiles = 1;
  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const std::int64_t chunks = (code.n + code.chunk - 1) / code.chunk;
    run_map(code, run.in, run.out, split(chunks, n_tiles, t) * code.chunk,
            std::min(code.n, split(chunks, n_tiles, t + 1) * code.chunk), scratch);
  }
};

std::vector<std::int64_t> row_major(const qn_array_desc& a) {
  std::vector<std::uint32_t> order(a.ndim);
  for (std::uint32_t i = 0; i < a.ndim; ++i) order[i] = i;
  return strides_in_order(a, order);
}

// Strides of an input broadcast to the output's shape; an opaque hint counts as lying like the
// output.
std::vector<std::int64_t> broadcast_strides(const qn_array_desc& in, const qn_array_desc& out,
                                            const std::vector<std::int64_t>& out_strides) {
  std::vector<std::int64_t> s(out.ndim, 0), own = row_major(in);
  if (in.layout.kind == QN_LAYOUT_STRIDED && in.layout.strides)
    own.assign(in.layout.strides, in.layout.strides + in.ndim);
  for (std::uint32_t k = 0; k < in.ndim; ++k) {
    const std::uint32_t axis = out.ndim - in.ndim + k;
    if (in.shape[k] != 1) s[axis] = in.layout.kind == QN_LAYOUT_NAMED ? out_strides[axis] : own[k];
  }
  return s;
}

MapGeometry geometry_of(const qn_opdesc& op, const std::vector<std::int64_t>& out_strides,
                        const std::vector<const std::int64_t*>& forced) {
  MapGeometry g;
  const qn_array_desc& out = op.out[0];
  g.shape.assign(out.shape, out.shape + out.ndim);
  g.out_strides = out_strides;
  for (std::uint32_t i = 0; i < op.n_in; ++i) {
    qn_array_desc in = op.in[i];
    if (forced[i]) in.layout = sdk::with_strides(forced[i]);
    g.in_strides.push_back(broadcast_strides(in, out, out_strides));
  }
  return g;
}

double bytes_of(const qn_opdesc& op) {
  double b = 0;
  for (std::uint32_t i = 0; i < op.n_in; ++i)
    b += static_cast<double>(sdk::element_count(op.in[i])) * sdk::itemsize(op.in[i].dtype);
  for (std::uint32_t i = 0; i < op.n_out; ++i)
    b += static_cast<double>(sdk::element_count(op.out[i])) * sdk::itemsize(op.out[i].dtype);
  return b;
}

bool full_size(const qn_opdesc& op, std::uint32_t i) {
  return sdk::element_count(op.in[i]) == sdk::element_count(op.out[0]) &&
         sdk::element_count(op.in[i]) > 1;
}

// Inputs of the output's rank and size whose strides equal the output's: output 0 may replace them.
std::uint64_t inplace(const qn_opdesc& op, const MapCode& code) {
  std::uint64_t mask = 0;
  for (std::uint32_t i = 0; i < op.n_in && i < 64; ++i) {
    const bool scalar_or_row = code.inputs[i].kind != MapInput::kLinear;
    if (scalar_or_row && full_size(op, i)) return 0;
    if (!scalar_or_row && full_size(op, i) && op.in[i].ndim == op.out[0].ndim &&
        sdk::itemsize(op.in[i].dtype) == sdk::itemsize(op.out[0].dtype))
      mask |= std::uint64_t{1} << i;
  }
  return mask;
}

// Offers one output order; the forced inputs must come in exactly the strides given.
const char* offer_order(const qn_host& host, const qn_opdesc& op, qn_answer* answer,
                        const char* name, const std::vector<std::int64_t>& out_strides,
                        const std::vector<const std::int64_t*>& forced) {
  MapCode code;
  if (const char* why = compile_map(op, geometry_of(op, out_strides, forced), code)) return why;
  std::vector<qn_layout> in, out(op.n_out, sdk::with_strides(out_strides.data()));
  for (std::uint32_t i = 0; i < op.n_in; ++i)
    in.push_back(forced[i] ? sdk::with_strides(forced[i]) : sdk::any_strides());
  const double n = static_cast<double>(code.n);
  qn_candidate c = sdk::candidate(
      name, kStrided, estimate_ns(bytes_of(op), n * code.ns_per_element, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.n_out = op.n_out;
  c.in = in.data();
  c.out = out.data();
  c.inplace_mask = inplace(op, code);
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
  return nullptr;
}

// Offers row-major order for inputs that are copied to it before: element by element they are slow
// to read.
void offer_relayouts(const qn_host& host, const qn_opdesc& op, qn_answer* answer,
                     const std::vector<std::int64_t>& rows) {
  std::vector<const std::int64_t*> forced(op.n_in, nullptr);
  bool any = false;
  for (std::uint32_t i = 0; i < op.n_in; ++i) {
    const qn_layout& l = op.in[i].layout;
    if (!full_size(op, i) || op.in[i].ndim != op.out[0].ndim || l.kind != QN_LAYOUT_STRIDED ||
        !l.strides)
      continue;
    std::int64_t step = 1;  // of the last axis that has one
    for (std::uint32_t k = op.in[i].ndim; k-- > 0;) {
      if (op.in[i].shape[k] == 1) continue;
      step = l.strides[k];
      break;
    }
    if (step >= -1 && step <= 2) continue;
    forced[i] = rows.data();
    any = true;
  }
  if (any) offer_order(host, op, answer, "map.relayouts", rows, forced);
}

// True when the program maps zeros (the padding of opaque layouts) to zeros, whatever its scalars
// are.
bool keeps_zero(const qn_opdesc& op) {
  enum Kind : std::uint8_t { kZero, kScalar, kMask, kOther };
  const qn_program& p = *op.program;
  std::vector<Kind> kind(p.n_in + p.n_inst);
  for (std::uint32_t i = 0; i < p.n_in; ++i) kind[i] = full_size(op, i) ? kZero : kScalar;
  for (std::uint32_t i = 0; i < p.n_inst; ++i) {
    const qn_inst& x = p.inst[i];
    auto k = [&](std::int32_t v) { return v < 0 ? kOther : kind[static_cast<std::size_t>(v)]; };
    const Kind a = k(x.a), b = k(x.b), c = k(x.c);
    const bool same = a == b && (a == kZero || a == kScalar);
    Kind r = kOther;
    switch (x.op) {
      case QN_INST_CONST:
        r = x.imm == 0 ? kZero : kScalar;
        break;
      case QN_OP_RELU:
      case QN_OP_SQUARE:
      case QN_OP_ABS:
      case QN_OP_NEGATIVE:
      case QN_OP_TANH:
      case QN_OP_COPY:
      case QN_OP_STOP_GRADIENT:
        r = a == kZero || a == kScalar ? a : kOther;
        break;
      case QN_OP_MULTIPLY:
        r = same                                                           ? a
            : (a == kZero && b == kScalar) || (a == kScalar && b == kZero) ? kZero
                                                                           : kOther;
        break;
      case QN_OP_ADD:
      case QN_OP_SUBTRACT:
      case QN_OP_MAXIMUM:
      case QN_OP_MINIMUM:
        r = same ? a : kOther;
        break;
      case QN_OP_EQUAL:
      case QN_OP_NOT_EQUAL:
      case QN_OP_LESS:
      case QN_OP_LESS_EQUAL:
      case QN_OP_GREATER:
      case QN_OP_GREATER_EQUAL:
        r = kMask;
        break;
      case QN_OP_WHERE:
        r = a == kMask && b == kZero && c == kZero ? kZero : kOther;
        break;
      default:
        break;
    }
    kind[p.n_in + i] = r;
  }
  for (std::uint32_t o = 0; o < p.n_out; ++o)
    if (kind[p.out[o]] != kZero) return false;
  return true;
}

// The flat view of the opaque storage that all full-size operands share.
MapGeometry opaque_geometry(const qn_opdesc& op, std::uint64_t bytes) {
  MapGeometry g{{static_cast<std::int64_t>(bytes / 4)}, {1}, {}};
  for (std::uint32_t i = 0; i < op.n_in; ++i) g.in_strides.push_back({full_size(op, i) ? 1 : 0});
  return g;
}

void offer_opaque(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_layout* shared = nullptr;
  std::vector<qn_layout> in(op.n_in, sdk::any_strides());
  for (std::uint32_t i = 0; i < op.n_in; ++i) {
    const qn_layout& l = op.in[i].layout;
    if (!full_size(op, i)) {
      if (sdk::element_count(op.in[i]) != 1) return;
      continue;
    }
    if (l.kind != QN_LAYOUT_NAMED || l.bytes % 4 || sdk::itemsize(op.in[i].dtype) != 4 ||
        op.in[i].ndim != op.out[0].ndim)
      return;
    if (shared && (shared->bytes != l.bytes || shared->name.len != l.name.len ||
                   std::memcmp(shared->name.ptr, l.name.ptr, l.name.len) != 0))
      return;
    shared = &l;
    in[i] = l;
  }
  if (!shared) return;
  for (std::uint32_t o = 0; o < op.n_out; ++o)
    if (sdk::itemsize(op.out[o].dtype) != 4) return;
  MapCode code;
  if (!keeps_zero(op) || compile_map(op, opaque_geometry(op, shared->bytes), code)) {
    host.refuse(answer, "map.opaque", "the padding of the opaque layout might not stay zero");
    return;
  }
  std::vector<qn_layout> out(op.n_out, *shared);
  const double n = static_cast<double>(code.n);
  qn_candidate c = sdk::candidate(
      "map.opaque", kOpaque, estimate_ns(bytes_of(op), n * code.ns_per_element, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.n_out = op.n_out;
  c.in = in.data();
  c.out = out.data();
  for (std::uint32_t i = 0; i < op.n_in && i < 64; ++i)
    if (full_size(op, i)) c.inplace_mask |= std::uint64_t{1} << i;
  c.confidence = QN_CONFIDENCE_MODEL;
  host.offer(answer, &c);
}

}  // namespace

void query_map(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const qn_array_desc& out = op.out[0];
  const std::vector<std::int64_t> rows = row_major(out);
  const std::vector<const std::int64_t*> nothing(op.n_in, nullptr);
  if (const char* why = offer_order(host, op, answer, "map", rows, nothing)) {
    host.refuse(answer, "map", why);
    return;
  }
  std::vector<std::vector<std::int64_t>> tried{rows};
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < op.n_in; ++i) {
    if (!full_size(op, i) || op.in[i].ndim != out.ndim || !dense_order(op.in[i], order)) continue;
    const std::vector<std::int64_t> want = strides_in_order(out, order);
    bool known = false;
    for (const auto& t : tried) known = known || same_strides(out, t.data(), want.data());
    if (known) continue;
    tried.push_back(want);
    std::vector<const std::int64_t*> forced(op.n_in, nullptr);
    bool others = false;
    for (std::uint32_t k = 0; k < op.n_in; ++k) {
      if (!full_size(op, k) || op.in[k].ndim != out.ndim) continue;
      forced[k] = want.data();
      const qn_layout& l = op.in[k].layout;
      others = others || l.kind != QN_LAYOUT_STRIDED || !l.strides ||
               !same_strides(out, l.strides, want.data());
    }
    offer_order(host, op, answer, "map.ordered", want, forced);
    if (others) offer_order(host, op, answer, "map.ordered_out", want, nothing);
  }
  offer_relayouts(host, op, answer, rows);
  offer_opaque(host, op, answer);
}

std::unique_ptr<Plan> plan_map(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info) {
  auto plan = std::make_unique<MapPlan>();
  const qn_array_desc& out = op.out[0];
  MapGeometry g;
  if (kernel_id == kOpaque) {
    g = opaque_geometry(op, out.layout.bytes);
  } else {
    if (out.layout.kind != QN_LAYOUT_STRIDED) return nullptr;
    std::vector<std::int64_t> s = row_major(out);
    if (out.layout.strides) s.assign(out.layout.strides, out.layout.strides + out.ndim);
    g = geometry_of(op, s, std::vector<const std::int64_t*>(op.n_in, nullptr));
  }
  if (compile_map(op, g, plan->code)) return nullptr;
  const MapCode& code = plan->code;
  const double ns =
      std::max(bytes_of(op) / 20.0, static_cast<double>(code.n) * code.ns_per_element);
  const std::int64_t chunks = (code.n + code.chunk - 1) / code.chunk;
  plan->n_tiles = free_tiles(ns, op.max_workers, chunks);
  info.worker_scratch = code.scratch_bytes();
  info.n_tiles = plan->n_tiles;
  return plan;
}

}  // namespace quern::simd
