// Element-wise epilogues as oneDNN post-operations.
// Additions of the output's shape are never a `sum`: oneDNN 2.6's brgemm kernels fault on it before
// an eltwise and compute it wrongly for depthwise convolution. Decides only what can be expressed;
// whether an implementation takes it is found by making a primitive.
#include "plugins/onednn/onednn.h"

namespace quern::onednn {

namespace {

enum class Shape { None, Scalar, Channel, Full };

Shape classify(const qn_array_desc& in, const qn_array_desc& out, std::uint32_t channel_axis) {
  if (in.dtype != QN_F32 || in.ndim > out.ndim) return Shape::None;
  const std::uint32_t lead = out.ndim - in.ndim;
  bool scalar = true, channel = true, full = in.ndim == out.ndim;
  for (std::uint32_t i = 0; i < in.ndim; ++i) {
    const std::int64_t n = in.shape[i], want = out.shape[lead + i];
    if (n != 1) scalar = false;
    if (n != want) full = false;
    if (lead + i == channel_axis ? n != want : n != 1) channel = false;
  }
  if (in.ndim == 0 || lead > channel_axis) channel = false;
  return scalar ? Shape::Scalar : channel ? Shape::Channel : full ? Shape::Full : Shape::None;
}

bool unary_algorithm(std::uint32_t op, dnnl::algorithm& a) {
  switch (op) {
    case QN_OP_RELU:
      a = dnnl::algorithm::eltwise_relu;
      return true;
    case QN_OP_SIGMOID:
      a = dnnl::algorithm::eltwise_logistic;
      return true;
    case QN_OP_TANH:
      a = dnnl::algorithm::eltwise_tanh;
      return true;
    case QN_OP_SQUARE:
      a = dnnl::algorithm::eltwise_square;
      return true;
    case QN_OP_ABS:
      a = dnnl::algorithm::eltwise_abs;
      return true;
    case QN_OP_SQRT:
      a = dnnl::algorithm::eltwise_sqrt;
      return true;
    case QN_OP_EXP:
      a = dnnl::algorithm::eltwise_exp;
      return true;
    default:
      return false;
  }
}

bool binary_algorithm(std::uint32_t op, bool chain_first, dnnl::algorithm& a) {
  switch (op) {
    case QN_OP_ADD:
      a = dnnl::algorithm::binary_add;
      return true;
    case QN_OP_MULTIPLY:
      a = dnnl::algorithm::binary_mul;
      return true;
    case QN_OP_SUBTRACT:
      a = dnnl::algorithm::binary_sub;
      return chain_first;
    case QN_OP_DIVIDE:
      a = dnnl::algorithm::binary_div;
      return chain_first;
    default:
      return false;
  }
}

// After `prefix` instructions only the last value, inputs and later values are read.
bool cut_is_clean(const qn_program& p, std::uint32_t prefix) {
  const auto n_in = static_cast<std::int32_t>(p.n_in);
  const std::int32_t last = n_in + static_cast<std::int32_t>(prefix) - 1;
  const auto ok = [&](std::int32_t v) { return v < 0 || v >= last || (v > 0 && v < n_in); };
  for (std::uint32_t i = prefix; i < p.n_inst; ++i)
    if (!ok(p.inst[i].a) || !ok(p.inst[i].b) || !ok(p.inst[i].c)) return false;
  for (std::uint32_t i = 0; i < p.n_out; ++i)
    if (static_cast<std::int32_t>(p.out[i]) < last) return false;
  return true;
}

}  // namespace

std::optional<Epilogue> make_epilogue(const qn_opdesc& op, std::uint32_t prefix,
                                      const EpilogueTarget& t) {
  const qn_program& p = *op.program;
  if (prefix > p.n_inst || !cut_is_clean(p, prefix)) return std::nullopt;
  Epilogue e;
  e.taken = prefix;
  std::int32_t current = 0;
  const auto n_in = static_cast<std::int32_t>(p.n_in);
  const auto constant = [&](std::int32_t v, float& x) {
    if (v < n_in || p.inst[v - n_in].op != QN_INST_CONST) return false;
    x = static_cast<float>(p.inst[v - n_in].imm);
    return true;
  };
  for (std::uint32_t i = 0; i < prefix; ++i) {
    const qn_inst& s = p.inst[i];
    if (s.op == QN_INST_CONST) continue;
    if (s.dtype != QN_F32) return std::nullopt;
    dnnl::algorithm a{};
    if (s.b < 0) {
      if (s.a != current || !unary_algorithm(s.op, a)) return std::nullopt;
      e.ops.append_eltwise(1.f, a, 0.f, 0.f);
    } else {
      if (s.c >= 0 || (s.a == current) == (s.b == current)) return std::nullopt;
      const bool first = s.a == current;
      const std::int32_t other = first ? s.b : s.a;
      float x = 0;
      if (constant(other, x)) {
        float mul = 1, add = 0;
        if (s.op == QN_OP_MAXIMUM && x == 0) {
          e.ops.append_eltwise(1.f, dnnl::algorithm::eltwise_relu, 0.f, 0.f);
        } else {
          if (s.op == QN_OP_ADD)
            add = x;
          else if (s.op == QN_OP_MULTIPLY)
            mul = x;
          else if (s.op == QN_OP_SUBTRACT && first)
            add = -x;
          else if (s.op == QN_OP_SUBTRACT)
            mul = -1, add = x;
          else
            return std::nullopt;
          e.ops.append_eltwise(1.f, dnnl::algorithm::eltwise_linear, mul, add);
        }
      } else {
        if (other <= 0 || other >= n_in || !binary_algorithm(s.op, first, a)) return std::nullopt;
        const std::uint32_t index = op.n_op_in + static_cast<std::uint32_t>(other) - 1;
        const Shape shape = classify(op.in[index], op.out[0], t.channel_axis);
        if (shape == Shape::None) return std::nullopt;
        Dims dims(static_cast<std::size_t>(t.md.data.ndims), 1);
        if (shape == Shape::Channel) dims[t.channel_dim] = t.md.data.dims[t.channel_dim];
        if (shape == Shape::Channel && t.bias && s.op == QN_OP_ADD && current == 0) {
          e.bias_in = static_cast<int>(index);
        } else {
          Dims strides(dims.size(), 1);
          for (int d = 0; d < t.channel_dim; ++d) strides[d] = dims[t.channel_dim];
          const Md md =
              shape == Shape::Full ? t.md : Md(dims, dnnl::memory::data_type::f32, strides);
          e.binary.push_back(
              {index, e.ops.len(), shape == Shape::Full, shape == Shape::Channel, md});
          e.ops.append_binary(a, md);
        }
      }
    }
    current = n_in + static_cast<std::int32_t>(i);
  }
  // A prefix that ends in a constant hands on the wrong value.
  if (current != n_in + static_cast<std::int32_t>(prefix) - 1) return std::nullopt;
  return e;
}

void epilogue_layouts(const qn_opdesc& op, const Epilogue* e, const Layout& out, Offer& offer) {
  for (std::uint32_t i = op.n_op_in; i < op.n_in; ++i) {
    Layout l;
    bool any = true;
    if (e && e->bias_in == static_cast<int>(i)) any = false;
    if (e)
      for (const auto& b : e->binary)
        if (b.in == i) {
          any = false;
          if (b.full) l = out;
        }
    if (!any && !l.named && l.strides.empty()) {
      const Dims shape = shape_of(op.in[i]);
      l.strides = dense_strides(shape, false, false);
      if (l.strides.empty()) any = true;  // a scalar has no strides
    }
    offer.in.push_back(l);
    offer.in_any.push_back(any);
  }
  offer.taken = e ? e->taken : 0;
}

void epilogue_operands(const Epilogue& e, std::int64_t out_step, std::int64_t channel_step,
                       std::vector<Slot>& slots, std::vector<Operand>& operands) {
  for (const auto& b : e.binary) {
    slots.push_back({DNNL_ARG_ATTR_MULTIPLE_POST_OP(b.post_index) | DNNL_ARG_SRC_1, b.md, false});
    operands.push_back({Operand::In, b.in, b.full ? out_step : b.channel ? channel_step : 0});
  }
}

}  // namespace quern::onednn
