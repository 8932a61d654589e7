// Convolution and its gradient by the input: blocked, channels-last and channels-first kernels in
// tiles of the batch. The gradient by the weights is in conv_weights.cpp.
#include "plugins/onednn/conv.h"

#include <algorithm>

namespace quern::onednn {

std::optional<ConvShape> ConvShape::of(const qn_opdesc& op, const char** why) {
  const unsigned at = op.op == QN_OP_CONV ? 0 : 1;  // the gradients begin with a shape
  const auto fail = [&](const char* text) {
    *why = text;
    return std::nullopt;
  };
  if (!all_f32(op)) return fail("only f32");
  ConvShape s;
  s.last = sdk::attr_str(op, at + 7) == "nhwc";
  if (op.op == QN_OP_CONV) {
    s.x = shape_of(op.in[0]), s.w = shape_of(op.in[1]), s.y = shape_of(op.out[0]);
  } else if (op.op == QN_OP_CONV_INPUT_GRAD) {
    s.y = shape_of(op.in[0]), s.w = shape_of(op.in[1]), s.x = shape_of(op.out[0]);
  } else {
    s.x = shape_of(op.in[0]), s.y = shape_of(op.in[1]), s.w = shape_of(op.out[0]);
  }
  if (s.x.size() < 3 || s.x.size() > 5) return fail("needs 1 to 3 spatial axes");
  for (const Dims* d : {&s.x, &s.w, &s.y})
    for (const auto n : *d)
      if (n <= 0) return fail("an empty array");
  const unsigned ns = static_cast<unsigned>(s.x.size()) - 2;
  if (sdk::attr_int(op, at + 6)) return fail("flip is not served");
  s.groups = sdk::attr_int(op, at + 5);
  for (unsigned i = 0; i < ns; ++i) {
    if (sdk::attr_ints(op, at + 4)[i] != 1) return fail("input_dilation is not served");
    s.stride.push_back(sdk::attr_ints(op, at)[i]);
    s.low.push_back(sdk::attr_ints(op, at + 1)[i]);
    s.high.push_back(sdk::attr_ints(op, at + 2)[i]);
    s.dilation.push_back(sdk::attr_ints(op, at + 3)[i] - 1);
    if (s.low[i] < 0 || s.high[i] < 0) return fail("negative padding");
  }
  s.n = s.x[0];
  s.flops = 2;
  for (std::size_t i = 1; i < s.y.size(); ++i) s.flops *= static_cast<double>(s.y[i]);
  for (std::size_t i = 1; i < s.w.size(); ++i) s.flops *= static_cast<double>(s.w[i]);
  return s;
}

ConvMds ConvShape::request(Variant v, std::int64_t batch) const {
  Dims xs = x, ys = y;
  xs[0] = ys[0] = batch;
  const Md w_any = any_md(md_dims(w, w_axes()));
  if (v == kBlocked) return {any_md(md_dims(xs, axes())), w_any, any_md(md_dims(ys, axes()))};
  const bool mem_last = v == kLast;
  return {strided_md(xs, dense_strides(xs, mem_last, last), axes()), w_any,
          strided_md(ys, dense_strides(ys, mem_last, last), axes())};
}

double ConvShape::element_count(const Dims& d) {
  double c = 1;
  for (const auto v : d) c *= static_cast<double>(v);
  return c;
}

double ConvShape::image_ns() const {
  const double bytes = 4.0 * (element_count(x) + element_count(y)) / static_cast<double>(n);
  return std::max(kernel_ns("jit", false), bytes / 20.0);
}

// Rates measured on AVX-512 cores: kernels lose the lanes that channels leave empty.
double ConvShape::kernel_ns(std::string_view impl, bool input_grad) const {
  const double o = static_cast<double>(y[last ? y.size() - 1 : 1] / groups);
  const double c = static_cast<double>(w[last ? w.size() - 1 : 1]);
  const auto lanes = [](double k) { return k / (16.0 * std::ceil(k / 16.0)); };
  if (groups > 1 && o == 1 && c == 1) return flops / 30.0;
  const double inner = input_grad ? o : c, outer = input_grad ? c : o;
  const double few = inner < 2 ? 0.75 : 0.9;
  const double use = lanes(outer) * (groups > 1 ? 1 : inner < 4 ? few : 0.4 + 0.6 * lanes(inner));
  const double width = impl.find("avx2") != impl.npos ? 0.5 : 1.0;
  return flops / (165.0 * width * std::max(0.03, use));
}

namespace {

dnnl::memory::desc channel_md(const Md& y) {
  return Md({y.data.dims[1]}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a);
}

dnnl::convolution_forward::primitive_desc forward_desc(const ConvShape& s, const ConvMds& m,
                                                       bool bias,
                                                       const dnnl::primitive_attr& attr) {
  using F = dnnl::convolution_forward;
  const auto kind = dnnl::prop_kind::forward_inference;
  const auto alg = dnnl::algorithm::convolution_direct;
  if (bias) {
    const Md b({s.y[s.last ? s.y.size() - 1 : 1]}, dnnl::memory::data_type::f32,
               dnnl::memory::format_tag::a);
    return {F::desc(kind, alg, m.x, m.w, b, m.y, s.stride, s.dilation, s.low, s.high), attr, cpu()};
  }
  return {F::desc(kind, alg, m.x, m.w, m.y, s.stride, s.dilation, s.low, s.high), attr, cpu()};
}

// What a variant comes down to for one tile of the batch.
struct Resolved {
  ConvMds md;
  Epilogue epilogue;
  dnnl::primitive_desc_base pd;
  dnnl::primitive prim;
};

template <typename Pd, typename Prim>
Resolved resolved(const Pd& pd, ConvMds md, bool make) {
  Resolved r{std::move(md), {}, pd, {}};
  if (make) r.prim = Prim(pd);
  return r;
}

Resolved resolve_forward(const ConvShape& s, const ConvMds& req, const Epilogue* e, bool make) {
  dnnl::primitive_attr attr = user_scratch();
  if (e) attr.set_post_ops(e->ops);
  const auto pd = forward_desc(s, req, e && e->bias_in >= 0, attr);
  Resolved r = resolved<decltype(pd), dnnl::convolution_forward>(
      pd, {pd.src_desc(), pd.weights_desc(), pd.dst_desc()}, make);
  if (e) r.epilogue = *e;
  return r;
}

Resolved resolve_input_grad(const ConvShape& s, const ConvMds& req, bool make) {
  using B = dnnl::convolution_backward_data;
  const auto hint = forward_desc(s, req, false, user_scratch());
  const B::primitive_desc pd(B::desc(dnnl::algorithm::convolution_direct, req.x, req.w, req.y,
                                     s.stride, s.dilation, s.low, s.high),
                             user_scratch(), cpu(), hint);
  return resolved<B::primitive_desc, B>(
      pd, {pd.diff_src_desc(), pd.weights_desc(), pd.diff_dst_desc()}, make);
}

bool usable(const ConvMds& m) { return batch_outermost(m.x) && batch_outermost(m.y); }

// The best reachable form: formats first, then the longest epilogue those formats allow.
std::optional<Resolved> best(const qn_opdesc& op, const ConvShape& s, Variant v,
                             std::int64_t batch) {
  const ConvMds req = s.request(v, batch);
  try {
    if (op.op == QN_OP_CONV_INPUT_GRAD) {
      Resolved r = resolve_input_grad(s, req, false);
      if (!usable(r.md) || unfit(r.pd.impl_info_str())) return std::nullopt;
      return r;
    }
    Resolved plain = resolve_forward(s, req, nullptr, false);
    if (!usable(plain.md) || unfit(plain.pd.impl_info_str())) return std::nullopt;
    const EpilogueTarget target{s.last ? op.out[0].ndim - 1 : 1, 1, plain.md.y, true};
    for (std::uint32_t k = op.program ? op.program->n_inst : 0; k > 0; --k) {
      const auto e = make_epilogue(op, k, target);
      if (!e) continue;
      try {
        Resolved r = resolve_forward(s, plain.md, &*e, false);
        // An epilogue that pushes the product itself to a slower kernel is not worth it.
        const std::string_view impl = plain.pd.impl_info_str();
        if (impl != r.pd.impl_info_str()) continue;
        // oneDNN 2.6's brgemm kernels read operands of the output's shape from the wrong place.
        const bool full =
            std::any_of(e->binary.begin(), e->binary.end(), [](auto& b) { return b.full; });
        if (!full || (impl.substr(0, 2) != "br" && s.groups == 1)) return r;
      } catch (const dnnl::error& e) {
        rethrow_shortage(e);
        continue;  // a shorter one may do
      }
    }
    return plain;
  } catch (const dnnl::error& e) {
    rethrow_shortage(e);
    return std::nullopt;
  }
}

}  // namespace

const char* variant_name(Variant v) {
  return v == kBlocked ? "blocked" : v == kLast ? "channels_last" : "channels_first";
}

void conv_query(const qn_host* host, const qn_opdesc& op, qn_answer* answer) {
  const bool grad = op.op == QN_OP_CONV_INPUT_GRAD;
  const std::string base = grad ? "conv_input_grad." : "conv.";
  const char* why = nullptr;
  const auto s = ConvShape::of(op, &why);
  const OneThread guard;
  for (const Variant v : {kBlocked, kLast, kFirst}) {
    const std::string name = base + variant_name(v);
    if (!s) {
      host->refuse(answer, name.c_str(), why);
      continue;
    }
    const Tiling t = Tiling::of(s->n, s->image_ns());
    const auto r = best(op, *s, v, t.per_tile);
    if (!r) {
      host->refuse(answer, name.c_str(), "oneDNN has no fast kernel for this layout");
      continue;
    }
    const auto x = layout_of(with_batch(r->md.x, s->n), s->axes());
    const auto y = layout_of(with_batch(r->md.y, s->n), s->axes());
    const auto w = layout_of(r->md.w, s->w_axes());
    if (!x || !y || !w) {
      host->refuse(answer, name.c_str(), "oneDNN's format can't be named");
      continue;
    }
    Offer o;
    o.name = name;
    o.kernel_id = v;
    // Not two lists in braces: GCC 12 destroys elements of the other one when memory runs out.
    o.in.push_back(grad ? *y : *x);
    o.in.push_back(*w);
    o.in_any = {false, false};
    o.out = grad ? *x : *y;
    const double bytes = 4.0 * (ConvShape::element_count(s->x) + ConvShape::element_count(s->y));
    const double n = static_cast<double>(s->n);
    o.est_ns =
        cost_ns(n * s->kernel_ns(r->pd.impl_info_str(), grad) * (grad && v == kBlocked ? 1.1 : 1.0),
                1, bytes, static_cast<double>(t.tiles), op.max_workers);
    epilogue_layouts(op, r->epilogue.taken ? &r->epilogue : nullptr, o.out, o);
    o.give(host, answer);
  }
}

std::unique_ptr<Plan> conv_plan(const qn_opdesc& op, std::uint32_t kernel_id) {
  const bool grad = op.op == QN_OP_CONV_INPUT_GRAD;
  const auto v = static_cast<Variant>(kernel_id);
  const char* why = "";
  const auto s = ConvShape::of(op, &why);
  if (!s) throw std::runtime_error(why);
  const Tiling t = Tiling::of(s->n, s->image_ns());
  qn_opdesc bare = op;
  bare.program = nullptr;
  const auto r = best(bare, *s, v, t.per_tile);
  if (!r) throw std::runtime_error("conv: the offered kernel can't be made again");
  const std::uint32_t prefix = op.program ? op.program->n_inst : 0;
  const Md x = given_md(grad ? op.out[0] : op.in[0], s->axes(), with_batch(r->md.x, s->n));
  const Md y = given_md(grad ? op.in[0] : op.out[0], s->axes(), with_batch(r->md.y, s->n));
  const Md w = given_md(op.in[1], s->w_axes(), r->md.w);
  auto plan = std::make_unique<TilePlan>();
  const auto build = [&](std::int64_t batch) {
    const ConvMds m{with_batch(x, batch), w, with_batch(y, batch)};
    const EpilogueTarget target{s->last ? op.out[0].ndim - 1 : 1, 1, m.y, true};
    const auto tail = prefix ? make_epilogue(op, prefix, target) : std::nullopt;
    if (prefix && !tail) throw std::runtime_error("conv: the epilogue is not the one offered");
    const Resolved p = grad ? resolve_input_grad(*s, m, true)
                            : resolve_forward(*s, m, tail ? &*tail : nullptr, true);
    std::vector<Slot> slots;
    std::vector<Operand> ops;
    const std::int64_t xs = image_bytes(m.x) * t.per_tile, ys = image_bytes(m.y) * t.per_tile;
    if (grad) {
      slots = {{DNNL_ARG_DIFF_DST, m.y, false},
               {DNNL_ARG_WEIGHTS, m.w, false},
               {DNNL_ARG_DIFF_SRC, m.x, true}};
      ops = {{Operand::In, 0, ys}, {Operand::In, 1, 0}, {Operand::Out, 0, xs}};
    } else {
      slots = {
          {DNNL_ARG_SRC, m.x, false}, {DNNL_ARG_WEIGHTS, m.w, false}, {DNNL_ARG_DST, m.y, true}};
      ops = {{Operand::In, 0, xs}, {Operand::In, 1, 0}, {Operand::Out, 0, ys}};
      if (tail && tail->bias_in >= 0) {
        slots.push_back({DNNL_ARG_BIAS, channel_md(m.y), false});
        ops.push_back({Operand::In, static_cast<std::uint32_t>(tail->bias_in), 0});
      }
      if (tail) epilogue_operands(*tail, ys, 0, slots, ops);
    }
    plan->operands = ops;
    return std::make_unique<Prim>(p.prim, p.pd.scratchpad_desc(), slots, 2 * op.max_workers);
  };
  plan->full = build(t.per_tile);
  if (t.rest) plan->rest = build(t.rest);
  plan->finish(static_cast<std::uint64_t>(t.tiles));
  return plan;
}

}  // namespace quern::onednn
