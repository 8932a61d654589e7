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

void record(Runtime* runtime, std::uint32_t id, ArrayList in, AttrList attrs, ArrayList& out) {
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
  out = append_node(*runtime, id, std::move(call.in), std::move(call.attrs), std::move(call.out));
}

namespace {

ArrayList results_of(Runtime& rt, std::unique_ptr<Node> node, const TraceSetRef& traces) {
  const std::size_t n_out = node->out_meta.size();
  node->out.resize(n_out, nullptr);
  SmallVector<std::unique_ptr<ArrayRep>, 1> reps;
  for (std::size_t i = 0; i < n_out; ++i) {
    reps.emplace_back(std::make_unique<ArrayRep>());
    ArrayRep& r = *reps.back();
    r.dtype = node->out_meta[i].dtype;
    r.shape = node->out_meta[i].shape;
    r.slot = static_cast<std::uint32_t>(i);
    r.runtime = &rt;
    r.traces = traces;
    node->out[i] = &r;
  }
  ArrayList out;
  out.reserve(n_out);
  node->refs.store(static_cast<std::uint32_t>(n_out), std::memory_order_relaxed);
  Node* n = node.release();
  for (auto& r : reps) {
    rt.retain();
    r->node.store(n, std::memory_order_relaxed);
    out.emplace_back(r.release());
  }
  rt.nodes_recorded.fetch_add(1, std::memory_order_relaxed);
  return out;
}

}  // namespace

ArrayList append_node(Runtime& rt, std::uint32_t op, ArrayList in, AttrList attrs,
                      SmallVector<Meta, 1> out, std::shared_ptr<const CustomRule> custom) {
  const TraceSetRef traces = joined(in);
  auto node = std::make_unique<Node>();
  node->op = op;
  node->in = std::move(in);
  node->attrs = std::move(attrs);
  node->out_meta = std::move(out);
  node->custom = std::move(custom);
  return results_of(rt, std::move(node), traces);
}

Array make_placeholder(Runtime& rt, DType dtype, Shape shape, TraceSetRef traces) {
  auto node = std::make_unique<Node>();
  node->op = QN_OP_PLACEHOLDER;
  node->out_meta.push_back({std::move(shape), dtype});
  return std::move(results_of(rt, std::move(node), traces)[0]);
}

Array make_alias(const Array& a, TraceSetRef traces) {
  auto node = std::make_unique<Node>();
  node->op = QN_OP_IDENTITY;
  node->in.push_back(a);
  node->out_meta.push_back({a.shape(), a.dtype()});
  return std::move(results_of(a.runtime(), std::move(node), traces)[0]);
}

bool is_placeholder(const ArrayRep& r) {
  if (r.evaluated.load(std::memory_order_acquire)) return false;
  return r.node.load(std::memory_order_relaxed)->op == QN_OP_PLACEHOLDER;
}

}  // namespace quern
