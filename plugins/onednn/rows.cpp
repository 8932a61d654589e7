// Softmax, log-softmax and layer normalisation of row-major arrays, in tiles of the leading axes.
// One axis at a time; layer_norm only with vectors for scale and shift.
#include <algorithm>
#include <stdexcept>

#include "plugins/onednn/onednn.h"

namespace quern::onednn {

namespace {

struct RowShape {
  std::int64_t outer = 1, size = 1, inner = 1;
};

std::optional<RowShape> shape_from(const qn_opdesc& op, const char** why) {
  const auto fail = [&](const char* text) {
    *why = text;
    return std::nullopt;
  };
  if (!all_f32(op)) return fail("only f32");
  if (op.program) return fail("takes no epilogue");
  const Dims x = shape_of(op.in[0]);
  if (x.empty() || sdk::element_count(op.in[0]) == 0) return fail("a scalar or empty array");
  std::size_t axis = x.size() - 1;
  if (op.op == QN_OP_LAYER_NORM) {
    for (int i = 1; i < 3; ++i)
      if (op.in[i].ndim != 1 || op.in[i].shape[0] != x[axis])
        return fail("w and b must be vectors");
  } else {
    if (sdk::attr_count(op, 0) != 1) return fail("only one axis");
    axis = static_cast<std::size_t>(sdk::attr_ints(op, 0)[0]);
  }
  RowShape s;
  // oneDNN's log-softmax of one value is off zero by its exp and log.
  if (op.op == QN_OP_LOG_SOFTMAX && x[axis] == 1) return fail("an axis of one value");
  for (std::size_t i = 0; i < x.size(); ++i)
    (i < axis ? s.outer : i == axis ? s.size : s.inner) *= x[i];
  return s;
}

Tiling tiling(const RowShape& s, bool softmax) {
  return Tiling::of(s.outer, static_cast<double>(s.size * s.inner) * (softmax ? 1.0 : 0.5));
}

struct Made {
  dnnl::primitive_desc_base pd;
  dnnl::primitive prim;
  Md md;
};

Made make(const qn_opdesc& op, const RowShape& s, std::int64_t rows, bool primitive) {
  Made m;
  if (op.op == QN_OP_LAYER_NORM) {
    using N = dnnl::layer_normalization_forward;
    m.md = Md({rows, s.size}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::ab);
    const N::primitive_desc pd(
        N::desc(dnnl::prop_kind::forward_inference, m.md,
                static_cast<float>(sdk::attr_float(op, 0)),
                dnnl::normalization_flags::use_scale | dnnl::normalization_flags::use_shift),
        user_scratch(), cpu());
    m.pd = pd;
    if (primitive) m.prim = N(pd);
    return m;
  }
  using S = dnnl::softmax_v2_forward;
  m.md = Md({rows, s.size, s.inner}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::abc);
  if (s.inner == 1)
    m.md = Md({rows, s.size}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::ab);
  const S::primitive_desc pd(S::desc(dnnl::prop_kind::forward_inference,
                                     op.op == QN_OP_SOFTMAX ? dnnl::algorithm::softmax_accurate
                                                            : dnnl::algorithm::softmax_log,
                                     m.md, m.md, 1),
                             user_scratch(), cpu());
  m.pd = pd;
  if (primitive) m.prim = S(pd);
  return m;
}

}  // namespace

void rows_query(const qn_host* host, const qn_opdesc& op, qn_answer* answer) {
  const bool norm = op.op == QN_OP_LAYER_NORM;
  const char* name = norm ? "layer_norm" : "softmax";
  const char* why = nullptr;
  const auto s = shape_from(op, &why);
  if (!s) return host->refuse(answer, name, why);
  const OneThread guard;
  const Tiling t = tiling(*s, !norm);
  try {
    if (unfit(make(op, *s, t.per_tile, false).pd.impl_info_str()))
      return host->refuse(answer, name, "oneDNN has no fast kernel for this layout");
  } catch (const dnnl::error& e) {
    rethrow_shortage(e);
    return host->refuse(answer, name, "oneDNN has no kernel for this shape");
  }
  Offer o;
  o.name = name;
  for (std::uint32_t i = 0; i < op.n_op_in; ++i) {
    Layout l;
    l.strides = dense_strides(shape_of(op.in[i]), false, false);
    o.in.push_back(l);
    o.in_any.push_back(false);
  }
  o.out.strides = o.in[0].strides;
  const double n = static_cast<double>(s->outer * s->size * s->inner);
  o.est_ns = cost_ns(n,
                     norm            ? 4.0
                     : s->inner == 1 ? 1.6
                                     : 1.0,
                     n * 8, static_cast<double>(t.tiles), op.max_workers);
  o.give(host, answer);
}

std::unique_ptr<Plan> rows_plan(const qn_opdesc& op, std::uint32_t) {
  const char* why = "";
  const auto s = shape_from(op, &why);
  if (!s) throw std::runtime_error(why);
  const bool norm = op.op == QN_OP_LAYER_NORM;
  const Tiling t = tiling(*s, !norm);
  auto plan = std::make_unique<TilePlan>();
  const auto build = [&](std::int64_t rows) {
    const Made m = make(op, *s, rows, true);
    const std::int64_t move = t.per_tile * s->size * s->inner * 4;
    std::vector<Slot> slots = {{DNNL_ARG_SRC, m.md, false}, {DNNL_ARG_DST, m.md, true}};
    plan->operands = {{Operand::In, 0, move}, {Operand::Out, 0, move}};
    if (norm) {
      const Md v({s->size}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a);
      slots.push_back({DNNL_ARG_SCALE, v, false});
      slots.push_back({DNNL_ARG_SHIFT, v, false});
      plan->operands.push_back({Operand::In, 1, 0});
      plan->operands.push_back({Operand::In, 2, 0});
    }
    return std::make_unique<Prim>(m.prim, m.pd.scratchpad_desc(), slots, 2 * op.max_workers);
  };
  plan->full = build(t.per_tile);
  if (t.rest) plan->rest = build(t.rest);
  plan->finish(static_cast<std::uint64_t>(t.tiles));
  return plan;
}

}  // namespace quern::onednn
