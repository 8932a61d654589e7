// Matrix products in tiles of rows, columns or the batch, with plain or packed right-hand matrices.
// 1-d operands and batches that broadcast on the left are left to others.
#include <algorithm>
#include <stdexcept>

#include "plugins/onednn/onednn.h"

namespace quern::onednn {

namespace {

enum Kind : std::uint32_t { kPlain = 0, kPacked = 1 };

struct MatShape {
  std::int64_t batch = 1, m = 0, n = 0, k = 0;
  bool x_turned = false, y_turned = false;  // the last two axes lie transposed in memory
};

// Whether the last two axes lie column-major now (and the batch axes are dense).
bool turned(const qn_array_desc& a) {
  if (a.layout.kind != QN_LAYOUT_STRIDED || !a.layout.strides || sdk::is_row_major(a)) return false;
  const std::uint32_t n = a.ndim;
  const std::int64_t* s = a.layout.strides;
  if (s[n - 2] != 1 || (a.shape[n - 1] > 1 && s[n - 1] != a.shape[n - 2])) return false;
  std::int64_t step = a.shape[n - 1] * a.shape[n - 2];
  for (std::uint32_t i = n - 2; i-- > 0; step *= a.shape[i])
    if (a.shape[i] > 1 && s[i] != step) return false;
  return true;
}

std::optional<MatShape> shape_from(const qn_opdesc& op, const char** why) {
  const auto fail = [&](const char* text) {
    *why = text;
    return std::nullopt;
  };
  if (!all_f32(op)) return fail("only f32");
  const Dims x = shape_of(op.in[0]), y = shape_of(op.in[1]);
  if (x.size() < 2 || y.size() < 2) return fail("a 1-d operand");
  for (const Dims* d : {&x, &y})
    for (const auto v : *d)
      if (v <= 0) return fail("an empty array");
  MatShape s;
  s.m = x[x.size() - 2], s.k = x.back(), s.n = y.back();
  for (std::size_t i = 0; i + 2 < x.size(); ++i) s.batch *= x[i];
  s.x_turned = turned(op.in[0]), s.y_turned = turned(op.in[1]);
  if (y.size() == 2) {
    if (!s.x_turned)
      s.m *= s.batch, s.batch = 1;  // the leading axes are more rows
    else if (x.size() > 2)
      s.x_turned = false, s.m *= s.batch, s.batch = 1;
  } else if (!std::equal(x.begin(), x.end() - 2, y.begin(), y.end() - 2)) {
    return fail("leading axes that broadcast");
  }
  return s;
}

Dims operand_strides(const qn_array_desc& a, bool is_turned) {
  const Dims shape = shape_of(a);
  Dims s = dense_strides(shape, false, false);
  if (is_turned) s[s.size() - 1] = shape[shape.size() - 2], s[s.size() - 2] = 1;
  return s;
}

// Which of the three loops the tiles cut.
enum class Cut { Batch, Rows, Columns };

struct Plan2 {
  Cut cut;
  Tiling tiles;
};

Plan2 cut_of(const MatShape& s, Kind kind) {
  const double ns =
      2.0 * static_cast<double>(s.batch * s.m * s.k) * static_cast<double>(s.n) / 90.0 +
      static_cast<double>(s.batch * s.k * s.n) * 4 / 20.0;
  if (s.batch > 1) return {Cut::Batch, Tiling::of(s.batch, ns / static_cast<double>(s.batch))};
  // A plain right-hand matrix is packed by each tile anew: cut it, not the rows, when it is wide. A
  // packed one is cut only where rows are too few to share.
  if (kind == kPacked ? s.m >= 64 : s.n < 256) {
    const std::int64_t blocks = (s.m + 15) / 16;  // whole blocks of rows keep the kernels full
    Tiling t = Tiling::of(blocks, ns / static_cast<double>(blocks));
    t.units = s.m, t.per_tile = std::min(s.m, t.per_tile * 16);
    t.tiles = (s.m + t.per_tile - 1) / t.per_tile, t.rest = s.m % t.per_tile;
    return {Cut::Rows, t};
  }
  const std::int64_t block = kind == kPlain && s.n >= 1024 ? 128 : 64;
  const std::int64_t blocks = (s.n + block - 1) / block;
  Tiling t = Tiling::of(blocks, ns / static_cast<double>(blocks));
  t.units = s.n, t.per_tile = std::min(s.n, t.per_tile * block);
  t.tiles = (s.n + t.per_tile - 1) / t.per_tile, t.rest = s.n % t.per_tile;
  return {Cut::Columns, t};
}

struct Mats {
  Md x, y, out;
};

// Descriptors of `units` pieces of the cut; y `any` when packed and not yet known.
Mats mats(const MatShape& s, Cut cut, std::int64_t units, const Md* y) {
  const std::int64_t b = cut == Cut::Batch ? units : s.batch, m = cut == Cut::Rows ? units : s.m;
  const std::int64_t n = cut == Cut::Columns ? units : s.n;
  const auto f32 = dnnl::memory::data_type::f32;
  const auto make = [&](std::int64_t r, std::int64_t c, std::int64_t ld, bool t,
                        std::int64_t step) {
    Dims dims{r, c}, strides{t ? 1 : ld, t ? ld : 1};
    if (s.batch > 1) dims.insert(dims.begin(), b), strides.insert(strides.begin(), step);
    return Md(dims, f32, strides);
  };
  Mats r;
  r.x = make(m, s.k, s.x_turned ? s.m : s.k, s.x_turned, s.m * s.k);
  r.y = y ? *y : make(s.k, n, s.y_turned ? s.k : s.n, s.y_turned, s.k * s.n);
  r.out = make(m, n, s.n, false, s.m * s.n);
  return r;
}

dnnl::matmul::primitive_desc matmul_desc(const Mats& m, const Epilogue* e) {
  dnnl::primitive_attr attr = user_scratch();
  if (e) attr.set_post_ops(e->ops);
  return {dnnl::matmul::desc(m.x, m.y, m.out), attr, cpu()};
}

std::optional<Epilogue> tail_for(const qn_opdesc& op, std::uint32_t prefix, const Md& out) {
  return make_epilogue(op, prefix, {op.out[0].ndim - 1, out.data.ndims - 1, out, false});
}

struct Resolved {
  Mats md;
  Md packed;  // the whole right-hand matrix
  std::optional<Epilogue> tail;
};

dnnl_dim_t column_block(const Md& y) {
  dnnl_dim_t block = 1;
  const auto& b = y.data.format_desc.blocking;
  for (int i = 0; i < b.inner_nblks; ++i)
    if (b.inner_idxs[i] == 1) block *= b.inner_blks[i];
  return block;
}

// Columns of a packed matrix are a slice of it when their blocks are outermost and not shared.
bool column_blocks(const Md& y, std::int64_t columns) {
  const dnnl_dim_t block = column_block(y);
  const bool shared = columns % block != 0 && columns != y.data.dims[1];
  return !shared && y.data.format_desc.blocking.strides[1] >= y.data.padded_dims[0] * block;
}

Md packed_columns(const Md& y, std::int64_t columns) {
  Md r = y;
  const dnnl_dim_t block = column_block(y);
  r.data.dims[1] = columns;
  r.data.padded_dims[1] = (columns + block - 1) / block * block;
  return r;
}

std::int64_t packed_step(const Md& y, std::int64_t columns) {
  return columns / column_block(y) * y.data.format_desc.blocking.strides[1] * 4;
}

std::optional<Resolved> best(const qn_opdesc& op, const MatShape& s, Kind kind, const Plan2& p) {
  try {
    const Md any = any_md({s.k, s.n});
    Resolved r{mats(s, p.cut, p.tiles.per_tile, kind == kPacked ? &any : nullptr), {}, {}};
    if (kind == kPacked) {
      const Cut whole = p.cut == Cut::Columns ? Cut::Rows : p.cut;
      const std::int64_t units = p.cut == Cut::Columns ? s.m : p.tiles.per_tile;
      r.packed = matmul_desc(mats(s, whole, units, &any), nullptr).weights_desc();
      if (p.cut == Cut::Columns && !column_blocks(r.packed, p.tiles.per_tile)) return std::nullopt;
      r.md.y = p.cut == Cut::Columns ? packed_columns(r.packed, p.tiles.per_tile) : r.packed;
    }
    const auto pd = matmul_desc(r.md, nullptr);
    const std::string impl = pd.impl_info_str();
    if (unfit(impl.c_str())) return std::nullopt;
    for (std::uint32_t k = op.program ? op.program->n_inst : 0; k > 0; --k) {
      auto e = tail_for(op, k, r.md.out);
      if (!e) continue;
      try {
        if (impl != matmul_desc(r.md, &*e).impl_info_str()) continue;
        r.tail = std::move(e);
        break;
      } catch (const dnnl::error& e) {
        rethrow_shortage(e);
        continue;  // a shorter one may do
      }
    }
    return r;
  } catch (const dnnl::error& e) {
    rethrow_shortage(e);
    return std::nullopt;
  }
}

}  // namespace

void matmul_query(const qn_host* host, const qn_opdesc& op, qn_answer* answer) {
  const char* why = nullptr;
  const auto s = shape_from(op, &why);
  const OneThread guard;
  for (const Kind kind : {kPlain, kPacked}) {
    const char* name = kind == kPlain ? "matmul.plain" : "matmul.packed";
    if (!s || (kind == kPacked && (s->batch > 1 || op.in[1].ndim != 2))) {
      host->refuse(answer, name, s ? "only one right-hand matrix can be packed" : why);
      continue;
    }
    const Plan2 p = cut_of(*s, kind);
    const auto r = best(op, *s, kind, p);
    const auto packed = r && kind == kPacked ? layout_of(r->packed, {}) : std::nullopt;
    if (!r || (kind == kPacked && (!packed || !packed->named))) {
      host->refuse(answer, name, "oneDNN has no fast kernel for this form");
      continue;
    }
    Offer o;
    o.name = name;
    // The transposition is part of the number: plan() sees only layouts, where size-1 axes are
    // vague.
    o.kernel_id = kind | (s->x_turned ? 2u : 0u) | (s->y_turned ? 4u : 0u);
    Layout x, y;
    x.strides = operand_strides(op.in[0], s->x_turned);
    y.strides = operand_strides(op.in[1], s->y_turned);
    o.in = {x, packed ? *packed : y};
    o.in_any = {false, false};
    o.out.strides = dense_strides(shape_of(op.out[0]), false, false);
    const double flops =
        2.0 * static_cast<double>(s->batch * s->m) * static_cast<double>(s->n * s->k);
    const double bytes = 4.0 * static_cast<double>(s->batch) *
                         static_cast<double>(s->m * s->k + s->k * s->n + s->m * s->n);
    o.est_ns = cost_ns(flops, kind == kPacked ? 155.0 : 120.0, bytes,
                       static_cast<double>(p.tiles.tiles), op.max_workers);
    epilogue_layouts(op, r->tail ? &*r->tail : nullptr, o.out, o);
    o.give(host, answer);
  }
}

std::unique_ptr<Plan> matmul_plan(const qn_opdesc& op, std::uint32_t kernel_id) {
  const char* why = "";
  auto s = shape_from(op, &why);
  if (!s) throw std::runtime_error(why);
  const Kind kind = kernel_id & 1u ? kPacked : kPlain;
  const bool collapsed = op.in[1].ndim == 2;
  s->x_turned = (kernel_id & 2u) != 0, s->y_turned = (kernel_id & 4u) != 0;
  if (collapsed) s->m = sdk::element_count(op.in[0]) / s->k, s->batch = 1;
  const Plan2 p = cut_of(*s, kind);
  qn_opdesc bare = op;
  bare.program = nullptr;
  const auto r = best(bare, *s, kind, p);
  if (!r) throw std::runtime_error("matmul: the offered kernel can't be made again");
  const std::uint32_t prefix = op.program ? op.program->n_inst : 0;
  const Md packed = kind == kPacked ? given_md(op.in[1], {}, r->packed) : Md();
  auto plan = std::make_unique<TilePlan>();
  const std::int64_t per = p.tiles.per_tile * 4;
  const std::int64_t xs = p.cut == Cut::Batch  ? per * s->m * s->k
                          : p.cut == Cut::Rows ? per * (s->x_turned ? 1 : s->k)
                                               : 0;
  const std::int64_t ys = p.cut == Cut::Batch  ? per * s->k * s->n
                          : p.cut == Cut::Rows ? 0
                          : kind == kPacked    ? packed_step(packed, p.tiles.per_tile)
                                               : per * (s->y_turned ? s->k : 1);
  const std::int64_t os = p.cut == Cut::Batch  ? per * s->m * s->n
                          : p.cut == Cut::Rows ? per * s->n
                                               : per;
  const auto build = [&](std::int64_t units) {
    const Md slice =
        kind == kPacked && p.cut == Cut::Columns ? packed_columns(packed, units) : packed;
    const Mats m = mats(*s, p.cut, units, kind == kPacked ? &slice : nullptr);
    const auto tail = prefix ? tail_for(op, prefix, m.out) : std::nullopt;
    if (prefix && !tail) throw std::runtime_error("matmul: the epilogue is not the one offered");
    const auto pd = matmul_desc(m, tail ? &*tail : nullptr);
    std::vector<Slot> slots = {
        {DNNL_ARG_SRC, m.x, false}, {DNNL_ARG_WEIGHTS, m.y, false}, {DNNL_ARG_DST, m.out, true}};
    plan->operands = {{Operand::In, 0, xs}, {Operand::In, 1, ys}, {Operand::Out, 0, os}};
    if (tail) epilogue_operands(*tail, os, p.cut == Cut::Columns ? per : 0, slots, plan->operands);
    return std::make_unique<Prim>(dnnl::matmul(pd), pd.scratchpad_desc(), slots,
                                  2 * op.max_workers);
  };
  plan->full = build(p.tiles.per_tile);
  if (p.tiles.rest) plan->rest = build(p.tiles.rest);
  plan->finish(static_cast<std::uint64_t>(p.tiles.tiles));
  return plan;
}

}  // namespace quern::onednn
