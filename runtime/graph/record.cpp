// Recording: one op becomes a node, or a composed op's body is run. Nothing is computed here.
#include <cstring>

#include "runtime/graph/node.h"
#include "runtime/graph/view.h"
#include "runtime/host/runtime.h"

namespace quern {
namespace {

void check_inputs(const OpInfo& op, Runtime*& runtime, ArrayList& in) {
  if (op.variadic ? in.empty() : in.size() != op.inputs.size())
    fail_invalid("[", op.name, "] ", in.size(), " inputs, expected ",
                 op.variadic ? "at least 1" : std::to_string(op.inputs.size()));
  for (const Array& a : in) {
    if (!a) continue;
    if (!runtime) runtime = &a.runtime();
    if (&a.runtime() != runtime)
      fail_invalid("[", op.name, "] the inputs belong to different runtimes; copy one over");
  }
  if (!runtime) fail_invalid("[", op.name, "] no runtime given and no input to take it from");
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i]) continue;
    if (op.variadic || !op.inputs[i].has_default)
      fail_invalid("[", op.name, "] input ", op.variadic ? str(i) : op.inputs[i].name,
                   " is missing");
    in[i] = scalar(*runtime, op.inputs[i].default_value, DType::f32);
  }
}

void complete_attrs(const OpInfo& op, AttrList& attrs) {
  if (attrs.size() > op.attrs.size())
    fail_invalid("[", op.name, "] ", attrs.size(), " attributes, at most ", op.attrs.size(),
                 " expected");
  for (std::size_t i = attrs.size(); i < op.attrs.size(); ++i) {
    if (op.attrs[i].required)
      fail_invalid("[", op.name, "] attribute '", op.attrs[i].name, "' is missing");
    attrs.push_back(op.attrs[i].default_value);
  }
}

// A view of an array that already has its value needs no node: batches cut from a data set never
// make new plans.
bool view_now(const Call& call, ArrayList& out) {
  const ArrayRep& x = *call.in[0].rep();
  if (call.in.size() > 1) return false;  // depends: the order matters
  if (!x.evaluated.load(std::memory_order_acquire) || x.traces.open()) return false;
  ViewOf v;
  if (!view_strides(call.op.id, call.attrs, x.shape, x.strides, call.out[0].shape, v)) return false;
  out.clear();
  out.push_back(make_leaf(call.runtime, x.dtype, call.out[0].shape, std::move(v.strides), x.buffer,
                          x.offset + v.offset));
  return true;
}

// Makes the node and its results.
void append(Runtime& rt, Draft d, ArrayList& out) {
  ArrayRep* made = make_node(rt, d);
  Array first(made);
  Node* n = made->node.load(std::memory_order_relaxed);
  made->shape = n->out_meta[0].shape;
  n->out.resize(n->out_meta.size(), nullptr);
  n->out[0] = made;
  out.clear();
  out.reserve(n->out_meta.size());
  out.push_back(std::move(first));
  for (std::size_t i = 1; i < n->out_meta.size(); ++i) {
    ArrayRep* r = make_array(rt);
    Array holder(r);
    n->refs.fetch_add(1, std::memory_order_relaxed);
    r->node.store(n, std::memory_order_relaxed);
    r->private_link = false;
    r->slot = static_cast<std::uint32_t>(i);
    r->traces = made->traces;
    r->dtype = n->out_meta[i].dtype;
    r->shape = n->out_meta[i].shape;
    n->out[i] = r;
    out.push_back(std::move(holder));
  }
}

}  // namespace

Array scalar(Runtime& rt, double value, DType dtype) {
  const Shape none = {};
  if (dtype == DType::f32) {
    const float f = static_cast<float>(value);
    return from_host(rt, &f, none, dtype);
  }
  if (dtype == DType::f64) return from_host(rt, &value, none, dtype);
  unsigned char raw[8] = {};
  auto put = [&](const auto& v) { std::memcpy(raw, &v, sizeof v); };
  const double lo = value < -9.2e18 ? -9.2e18 : value;
  const auto i = value != value ? 0 : static_cast<std::int64_t>(lo > 9.2e18 ? 9.2e18 : lo);
  switch (dtype) {
    case DType::boolean:
      put(static_cast<std::uint8_t>(value != 0));
      break;
    case DType::u8:
      put(static_cast<std::uint8_t>(i));
      break;
    case DType::i8:
      put(static_cast<std::int8_t>(i));
      break;
    case DType::u16:
      put(static_cast<std::uint16_t>(i));
      break;
    case DType::i16:
      put(static_cast<std::int16_t>(i));
      break;
    case DType::u32:
      put(static_cast<std::uint32_t>(i));
      break;
    case DType::i32:
      put(static_cast<std::int32_t>(i));
      break;
    case DType::u64:
      put(value >= 9.2e18 && value < 1.8446744073709552e19 ? static_cast<std::uint64_t>(value)
                                                           : static_cast<std::uint64_t>(i));
      break;
    case DType::i64:
      put(i);
      break;
    case DType::c64: {
      const float parts[2] = {static_cast<float>(value), 0};
      put(parts);
      break;
    }
    default: {  // f16, bf16: converted by the kernels
      const Array f = scalar(rt, value, DType::f32);
      AttrList attrs;
      attrs.push_back(dtype);
      ArrayList out;
      record(&rt, QN_OP_ASTYPE, ArrayList{f}, std::move(attrs), out);
      return out[0];
    }
  }
  return from_host(rt, raw, none, dtype);
}

void record(Runtime* runtime, std::uint32_t id, ArrayList&& in, AttrList&& attrs, ArrayList& out) {
  const OpInfo& op = op_info(id);
  check_inputs(op, runtime, in);
  if (attrs.size() != op.attrs.size()) complete_attrs(op, attrs);
  Call call{*runtime, op, op.name, std::move(in), std::move(attrs), {}};
  if (op.kind == OpKind::COMPOSED) {
    op.compose(call, out);
    return;
  }
  op.shape(call);
  if (op.kind == OpKind::VIEW && view_now(call, out)) return;
  append(*runtime, {id, call.in, call.attrs, call.out, joined(call.in)}, out);
}

ArrayList append_node(Runtime& rt, std::uint32_t op, ArrayList in, AttrList attrs,
                      SmallVector<Meta, 1> metas, std::shared_ptr<const CustomRule> custom) {
  ArrayList out;
  append(rt, {op, in, attrs, metas, joined(in), std::move(custom)}, out);
  return out;
}

Array make_placeholder(Runtime& rt, DType dtype, Shape shape, TraceSetRef traces) {
  ArrayList in, out;
  AttrList attrs;
  SmallVector<Meta, 1> meta;
  meta.push_back({std::move(shape), dtype});
  append(rt, {QN_OP_PLACEHOLDER, in, attrs, meta, std::move(traces)}, out);
  return std::move(out[0]);
}

Array make_alias(const Array& a, TraceSetRef traces) {
  ArrayList in{a}, out;
  AttrList attrs;
  SmallVector<Meta, 1> meta;
  meta.push_back({a.shape(), a.dtype()});
  append(a.runtime(), {QN_OP_IDENTITY, in, attrs, meta, std::move(traces)}, out);
  return std::move(out[0]);
}

bool is_placeholder(const ArrayRep& r) {
  if (r.evaluated.load(std::memory_order_acquire)) return false;
  return r.node.load(std::memory_order_relaxed)->op == QN_OP_PLACEHOLDER;
}

}  // namespace quern
