// Questions to the plugins, and new ops. Which ops to replace is the passes' own matter.
#include "runtime/graph/passes/rewriter.h"

#include <algorithm>

#include "runtime/graph/opdesc.h"
#include "runtime/graph/select.h"
#include "runtime/host/executor.h"
#include "runtime/host/rules.h"
#include "runtime/host/runtime.h"

namespace quern {
namespace {

template <class F>
bool any_offer(Runtime& rt, const Ir& ir, const IrOp& op, bool in_f32, const F& fits) {
  OpDesc d(op.op, op.attrs, op.n_op_in, rt.executor().workers(), rt.accuracy());
  const auto value = [&](int v) -> const IrValue& {
    return ir.values[static_cast<std::size_t>(v)];
  };
  const auto meta = [&](int v) {
    return Meta{value(v).shape, in_f32 ? widened(value(v).dtype) : value(v).dtype};
  };
  const auto dense = [&](int v) {
    Layout l;
    l.strides = dense_strides(value(v).shape);
    return l;
  };
  for (int v : op.in) d.add_input(meta(v), dense(v));
  for (int v : op.out) d.add_output(meta(v), dense(v));
  const Answer answer = rt.plugins().query(d.get());
  return std::any_of(answer.offers.begin(), answer.offers.end(), fits);
}

}  // namespace

bool served(Runtime& rt, const Ir& ir, const IrOp& op, bool in_f32) {
  return any_offer(rt, ir, op, in_f32, [](const Offer& o) { return o.plugin->id() != "naive"; });
}

bool Rewriter::served_somehow(const IrOp& op) const {
  return served(rt_, ir_, op, false) || served(rt_, ir_, op, true);
}

const Rule* Rewriter::rule_for(const IrOp& op) const {
  return rt_.rules().match(op_names(op.op, op.attrs, op.program), op_traits(op, dtype(op.out[0])));
}

bool Rewriter::preferred(const Rule* rule, const IrOp& op, const IrOp& other) const {
  if (rule)
    for (const std::string& choice : rule->choices) {
      const auto means = [&](const Offer& o) {
        return names_kernel(choice, o.plugin->id(), o.kernel);
      };
      const auto named = [&](const IrOp& asked) {
        return any_offer(rt_, ir_, asked, false, means) || any_offer(rt_, ir_, asked, true, means);
      };
      if (named(op)) return false;
      if (named(other)) return true;
    }
  return !served_somehow(op) && served_somehow(other);
}

int Rewriter::emit(std::uint32_t op, std::initializer_list<int> in, AttrList attrs, Shape out,
                   DType t) {
  IrValue result;
  result.shape = std::move(out);
  result.dtype = t;
  ir_.values.push_back(std::move(result));
  IrOp o;
  o.op = op;
  o.attrs = std::move(attrs);
  for (int v : in) o.in.push_back(v);
  o.n_op_in = in.size();
  o.out.push_back(static_cast<int>(ir_.values.size()) - 1);
  ir_.ops.push_back(std::move(o));
  return ir_.ops.back().out[0];
}

int Rewriter::reshape(int v, const Ints& to) {
  return emit(QN_OP_RESHAPE, {v}, attributes(to), Shape(to.begin(), to.end()), dtype(v));
}

int Rewriter::transpose(int v, const Ints& axes) {
  Shape to;
  for (std::int64_t a : axes) to.push_back(shape(v)[static_cast<std::size_t>(a)]);
  return emit(QN_OP_TRANSPOSE, {v}, attributes(axes), std::move(to), dtype(v));
}

int Rewriter::slice(int v, const Ints& start, const Shape& size) {
  if (size == shape(v)) return v;
  Ints stop, step(size.size(), 1);
  for (std::size_t i = 0; i < size.size(); ++i) stop.push_back(start[i] + size[i]);
  return emit(QN_OP_SLICE, {v}, attributes(start, stop, step), size, dtype(v));
}

int Rewriter::reversed(int v, std::size_t first, std::size_t n) {
  const Shape s = shape(v);
  Ints start(s.size(), 0), stop, step(s.size(), 1);
  for (std::int64_t d : s) stop.push_back(d);
  for (std::size_t i = first; i < first + n; ++i)
    start[i] = s[i] - 1, stop[i] = -s[i] - 1, step[i] = -1;
  return emit(QN_OP_SLICE, {v}, attributes(start, stop, step), s, dtype(v));
}

int Rewriter::padded(int v, const Ints& low, const Ints& high) {
  Shape to = shape(v);
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += low[i] + high[i];
  if (to == shape(v)) return v;
  int zero = emit(QN_OP_ARANGE, {}, attributes(0.0, 1.0, 1.0, dtype(v)), Shape{1}, dtype(v));
  zero = reshape(zero, Ints{});
  return emit(QN_OP_PAD, {v, zero}, attributes(low, high, std::string("constant")), std::move(to),
              dtype(v));
}

void Rewriter::give(int out) {
  ir_.ops.back().out[0] = out;
  ir_.values.pop_back();
}

}  // namespace quern
