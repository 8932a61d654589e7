// Asks the plugins about an op on row-major arrays. It changes nothing.
#include "runtime/graph/passes/served.h"

#include <algorithm>

#include "runtime/graph/opdesc.h"
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
  const auto& offers = rt.plugins().query(d.get()).offers;
  return std::any_of(offers.begin(), offers.end(), fits);
}

}  // namespace

bool served(Runtime& rt, const Ir& ir, const IrOp& op, bool in_f32) {
  return any_offer(rt, ir, op, in_f32, [](const Offer& o) { return o.plugin->id() != "naive"; });
}

bool served_by(Runtime& rt, const Ir& ir, const IrOp& op, const std::string& choice) {
  const auto fits = [&](const Offer& o) { return names_kernel(choice, o.plugin->id(), o.kernel); };
  return any_offer(rt, ir, op, false, fits) || any_offer(rt, ir, op, true, fits);
}

}  // namespace quern
