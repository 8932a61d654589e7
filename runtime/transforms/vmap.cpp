// The walk that maps a recorded function over a batch, and custom gradients under it.
// What each op becomes is in batch.cpp and batch_contract.cpp.
#include "runtime/transforms/vmap.h"

#include <algorithm>

#include "runtime/ops/api.gen.h"
#include "runtime/transforms/batch.h"
#include "runtime/transforms/custom.h"

namespace quern {
namespace {

std::int64_t batch_size(std::span<const Array> in, std::span<const std::int64_t> axes) {
  std::int64_t size = -1;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (axes[i] == kNoAxis) continue;
    const int k = normalize_axis("vmap", axes[i], in[i].ndim());
    if (size >= 0 && in[i].dim(k) != size)
      fail_invalid("[vmap] input ", i, " of shape ", to_string(in[i].shape()), " has ",
                   in[i].dim(k), " examples along axis ", axes[i], ", expected ", size,
                   " as in the inputs before it");
    size = in[i].dim(k);
  }
  if (size < 0) fail_invalid("[vmap] no input is mapped, expected an axis for at least one");
  return size;
}

FunctionRef mapped_rule(const FunctionRef& f) {
  if (!f) return nullptr;
  return vmap(f, std::vector<std::int64_t>(f->n_in(), 0), std::vector<std::int64_t>(f->n_out(), 0));
}

ArrayList batch_custom(const Batch& b) {
  const auto n_in = static_cast<std::size_t>(b.n.attrs.i(0));
  ArrayList in, values;
  for (std::size_t i = 0; i < n_in; ++i) in.push_back(b.with_batch(i));
  if (b.n.custom->vmap) {
    ArrayList out = b.n.custom->vmap->call(in);
    for (std::size_t k = 0; k < out.size(); ++k) {
      Shape want;
      want.push_back(b.size);
      want.append(b.n.out_meta[k].shape.begin(), b.n.out_meta[k].shape.end());
      if (out[k].shape() != want || out[k].dtype() != b.n.out_meta[k].dtype)
        fail_invalid("[custom_gradient] vmap gave a value of ", name(out[k].dtype()),
                     to_string(out[k].shape()), ", expected ", name(b.n.out_meta[k].dtype),
                     to_string(want));
    }
    return out;
  }
  for (std::size_t i = n_in; i < b.in.size(); ++i) values.push_back(b.with_batch(i));
  auto rule = std::make_shared<CustomRule>();
  rule->vjp = mapped_rule(b.n.custom->vjp);
  rule->jvp = mapped_rule(b.n.custom->jvp);
  return custom_gradient(in, values, std::move(rule));
}

// With no examples there is nothing to compute.
ArrayList empty_batch(const Node& n, Runtime& rt) {
  ArrayList out;
  for (const Meta& m : n.out_meta) {
    Ints to{0};
    to.append(m.shape.begin(), m.shape.end());
    out.push_back(ops::broadcast_to(scalar(rt, 0, m.dtype), std::move(to)));
  }
  return out;
}

}  // namespace

std::vector<Meta> example_metas(const char* op, std::span<const Array> in,
                                std::span<const std::int64_t> axes) {
  std::vector<Meta> metas;
  for (std::size_t i = 0; i < in.size(); ++i) {
    Shape s = in[i].shape();
    if (!axes.empty() && axes[i] != kNoAxis)
      s.erase(s.begin() + normalize_axis(op, axes[i], s.size()));
    metas.push_back({std::move(s), in[i].dtype()});
  }
  return metas;
}

ArrayList map_over(const Tracing& t, std::span<const Array> outputs, std::span<const Array> in,
                   std::span<const std::int64_t> in_axes, std::span<const std::int64_t> out_axes) {
  const std::int64_t size = batch_size(in, in_axes);
  std::unordered_map<const ArrayRep*, Array> batched, same;  // same: inputs that are not mapped
  for (std::size_t i = 0; i < in.size(); ++i) {
    const ArrayRep* r = t.inputs()[i].rep();
    if (in_axes[i] == kNoAxis)
      same.insert_or_assign(r, in[i]);
    else
      batched.insert_or_assign(
          r, moved_axis(in[i], normalize_axis("vmap", in_axes[i], in[i].ndim()), 0));
  }
  const Walked w = walk(outputs, t.trace());
  for (const Node* n : w.order) {
    if (n->op == QN_OP_PLACEHOLDER) continue;
    Batch b{*n, op_info(n->op), size, {}, {}};
    bool any = false;
    for (const Array& a : n->in) {
      const auto mapped = batched.find(a.rep());
      const auto plain = same.find(a.rep());
      b.mapped.push_back(mapped != batched.end());
      b.in.push_back(b.mapped.back() ? mapped->second : plain == same.end() ? a : plain->second);
      any |= b.mapped.back();
    }
    auto& known = any ? batched : same;
    Runtime& rt = b.in[0].runtime();
    const ArrayList out = !any ? append_node(rt, n->op, b.in, n->attrs, n->out_meta, n->custom)
                          : size == 0 ? empty_batch(*n, rt)
                          : n->custom ? batch_custom(b)
                                      : batch_node(b);
    for (std::size_t k = 0; k < out.size(); ++k)
      if (n->out[k]) known.insert_or_assign(n->out[k], out[k]);
  }
  ArrayList result;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const Array& o = outputs[k];
    const auto mapped = batched.find(o.rep());
    if (mapped == batched.end()) {
      const auto plain = same.find(o.rep());
      Array one = plain == same.end() ? o : plain->second;
      if (out_axes[k] != kNoAxis) {
        Ints to;
        to.push_back(size);
        to.append(one.shape().begin(), one.shape().end());
        one = moved_axis(ops::broadcast_to(one, std::move(to)), 0,
                         normalize_axis("vmap", out_axes[k], o.ndim() + 1));
      }
      result.push_back(std::move(one));
    } else {
      if (out_axes[k] == kNoAxis)
        fail_invalid("[vmap] output ", k,
                     " has no axis for the batch, but it depends on a mapped input");
      result.push_back(
          moved_axis(mapped->second, 0, normalize_axis("vmap", out_axes[k], o.ndim() + 1)));
    }
  }
  return result;
}

}  // namespace quern
