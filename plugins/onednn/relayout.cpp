// Relayout between the plugin's named formats and strided arrays, in tiles of the outermost dim.
// Strided to strided is left to others.
#include <algorithm>
#include <stdexcept>

#include "plugins/onednn/onednn.h"

namespace quern::onednn {

namespace {

struct Pair {
  Md from, to;
};

std::optional<Pair> pair_of(const qn_opdesc& op, const char** why) {
  const auto fail = [&](const char* text) {
    *why = text;
    return std::nullopt;
  };
  const qn_array_desc* a[2] = {&op.in[0], &op.out[0]};
  if (op.program) return fail("takes no epilogue");
  if (a[0]->dtype != QN_F32 || a[1]->dtype != QN_F32) return fail("only f32");
  Axes axes[2];
  std::optional<Md> md[2];
  for (int i = 0; i < 2; ++i) {
    if (!is_named(a[i]->layout)) continue;
    md[i] = parse_name({a[i]->layout.name.ptr, a[i]->layout.name.len}, &axes[i]);
    if (!md[i]) return fail("a named layout of another plugin");
    if (md_dims(shape_of(*a[i]), axes[i]) != md[i]->dims()) return fail("a name for another shape");
  }
  if (!md[0] && !md[1]) return fail("neither side is one of this plugin's formats");
  if (md[0] && md[1] &&
      (axes[0].channels_last != axes[1].channels_last || axes[0].groups != axes[1].groups))
    return fail("the formats order the axes differently");
  for (int i = 0; i < 2; ++i) {
    if (md[i]) continue;
    const Dims shape = shape_of(*a[i]);
    Dims strides = a[i]->layout.strides
                       ? Dims(a[i]->layout.strides, a[i]->layout.strides + a[i]->ndim)
                       : dense_strides(shape, false, false);
    for (std::size_t k = 0; k < strides.size(); ++k) {
      if (shape[k] == 1) strides[k] = 1;
      if (strides[k] <= 0) return fail("strides that are not positive");
    }
    try {
      md[i] = strided_md(shape, strides, axes[1 - i]);
    } catch (const dnnl::error& e) {
      rethrow_shortage(e);
      return fail("overlapping strides");
    }
  }
  return Pair{*md[0], *md[1]};
}

// Dim 0 can be cut when neither side blocks it. Unlike for a batch it need not be outermost.
bool cuttable(const Md& md) {
  const auto& m = md.data;
  const auto& b = m.format_desc.blocking;
  for (int i = 0; i < b.inner_nblks; ++i)
    if (b.inner_idxs[i] == 0) return false;
  return m.padded_dims[0] == m.dims[0];
}

Tiling tiling(const Pair& p) {
  const double ns = static_cast<double>(std::max(p.from.get_size(), p.to.get_size())) / 4.0;
  if (!cuttable(p.from) || !cuttable(p.to) || !batch_outermost(p.to))
    return {1, p.from.data.dims[0], 1, 0};
  const std::int64_t n = p.from.data.dims[0];
  return Tiling::of(n, ns / static_cast<double>(n));
}

dnnl::reorder::primitive_desc reorder_desc(const Pair& p) {
  return {cpu(), p.from, cpu(), p.to, user_scratch()};
}

}  // namespace

void relayout_query(const qn_host* host, const qn_opdesc& op, qn_answer* answer) {
  const char* name = "relayout";
  const char* why = nullptr;
  if (sdk::element_count(op.in[0]) == 0) return host->refuse(answer, name, "an empty array");
  const auto p = pair_of(op, &why);
  if (!p) return host->refuse(answer, name, why);
  const OneThread guard;
  const Tiling t = tiling(*p);
  double slow = 1;
  try {
    const auto pd = reorder_desc(
        t.tiles > 1 ? Pair{with_batch(p->from, t.per_tile), with_batch(p->to, t.per_tile)} : *p);
    if (unfit(pd.impl_info_str()) || std::string_view(pd.impl_info_str()) == "simple:any")
      slow = 10;
  } catch (const dnnl::error& e) {
    rethrow_shortage(e);
    return host->refuse(answer, name, "oneDNN can't reorder these formats");
  }
  Offer o;
  o.name = name;
  const auto take = [](const qn_layout& l, const qn_array_desc& a) {
    Layout r;
    r.named = is_named(l);
    if (r.named)
      r.name.assign(l.name.ptr, l.name.len), r.bytes = l.bytes;
    else if (l.strides)
      r.strides.assign(l.strides, l.strides + a.ndim);
    else
      r.strides = dense_strides(shape_of(a), false, false);
    return r;
  };
  o.in = {take(op.in[0].layout, op.in[0])};
  o.in_any = {false};
  o.out = take(op.out[0].layout, op.out[0]);
  const double bytes = static_cast<double>(p->from.get_size() + p->to.get_size());
  o.est_ns = cost_ns(0, 1, bytes * 2 * slow, static_cast<double>(t.tiles), op.max_workers);
  o.give(host, answer);
}

std::unique_ptr<Plan> relayout_plan(const qn_opdesc& op, std::uint32_t) {
  const char* why = "";
  const auto p = pair_of(op, &why);
  if (!p) throw std::runtime_error(why);
  const Tiling t = tiling(*p);
  auto plan = std::make_unique<TilePlan>();
  plan->operands = {{Operand::In, 0, t.tiles > 1 ? image_bytes(p->from) * t.per_tile : 0},
                    {Operand::Out, 0, t.tiles > 1 ? image_bytes(p->to) * t.per_tile : 0}};
  const auto build = [&](std::int64_t n) {
    const Pair q = t.tiles > 1 ? Pair{with_batch(p->from, n), with_batch(p->to, n)} : *p;
    const auto pd = reorder_desc(q);
    const std::vector<Slot> slots = {{DNNL_ARG_FROM, q.from, false}, {DNNL_ARG_TO, q.to, true}};
    return std::make_unique<Prim>(dnnl::reorder(pd), pd.scratchpad_desc(), slots,
                                  2 * op.max_workers);
  };
  plan->full = build(t.per_tile);
  if (t.rest) plan->rest = build(t.rest);
  plan->finish(static_cast<std::uint64_t>(t.tiles));
  return plan;
}

}  // namespace quern::onednn
