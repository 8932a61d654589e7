// Constants: values that depend on leaves only and prepare an operand - scaled, widened or
// normalised weights, 1 / sqrt(variance + eps) - are marked to be kept. Not what a graph computes
// of its data, though that comes of leaves too: it must be a contraction's weights, or small,
// broadcast and made without reductions.
#include "runtime/graph/passes/constants.h"

namespace quern {
namespace {

constexpr std::int64_t kSmall = 1 << 14;  // elements
constexpr std::int64_t kRepeats = 4;      // how often a small one is read, at least

bool prepares(const IrOp& op) {
  const OpKind kind = op_info(op.op).kind;
  return kind == OpKind::ELEMENTWISE || kind == OpKind::VIEW || op.op == QN_OP_MAP ||
         op.op == QN_OP_CONCATENATE || op.op == QN_OP_PAD;
}

bool measures(const Ir& ir, const IrOp& op) {
  switch (op.op) {
    case QN_OP_SUM:
    case QN_OP_PROD:
    case QN_OP_MAX:
    case QN_OP_MIN:
      return true;
    case QN_OP_MATMUL: {  // an inner product for each row (passes/inner.cpp)
      const Shape& y = ir.values[static_cast<std::size_t>(op.out[0])].shape;
      return y.size() == 3 && y[1] == 1 && y[2] == 1;
    }
    default:
      return false;
  }
}

bool contracts(std::uint32_t op) {
  return op == QN_OP_MATMUL || op == QN_OP_CONV || op == QN_OP_CONV_INPUT_GRAD;
}

}  // namespace

std::vector<char> constants(const Ir& ir, bool measured) {
  std::vector<char> constant(ir.values.size(), 0);
  for (std::size_t v = 0; v < ir.values.size(); ++v) constant[v] = ir.values[v].leaf >= 0;
  for (const IrOp& op : ir.ops) {
    bool all = (prepares(op) || (measured && measures(ir, op))) && !op.in.empty();
    for (int v : op.in) all = all && constant[static_cast<std::size_t>(v)];
    for (int v : op.out) constant[static_cast<std::size_t>(v)] = all;
  }
  return constant;
}

void find_kept(Ir& ir) {
  const auto at = [](int v) { return static_cast<std::size_t>(v); };
  const auto size = [&](int v) { return element_count(ir.values[at(v)].shape); };
  // What the caller gets is made anew each time, and a view of it shares its memory.
  std::vector<char> given(ir.values.size(), 0);
  for (std::size_t v = 0; v < ir.values.size(); ++v) given[v] = ir.values[v].held;
  for (std::size_t i = ir.ops.size(); i-- > 0;)
    if (op_info(ir.ops[i].op).kind == OpKind::VIEW && given[at(ir.ops[i].out[0])])
      given[at(ir.ops[i].in[0])] = 1;
  const auto ours = [&](bool measured) {
    std::vector<char> constant = constants(ir, measured);
    for (const IrOp& op : ir.ops) {
      bool any = false;
      for (int v : op.in) any = any || !constant[at(v)];
      for (int v : op.out) any = any || given[at(v)];
      if (any)
        for (int v : op.out) constant[at(v)] = 0;
    }
    return constant;
  };
  const std::vector<char> plain = ours(false), constant = ours(true);

  std::vector<char> wanted(ir.values.size(), 0);
  for (const IrOp& op : ir.ops) {
    if (constant[at(op.out[0])]) continue;
    for (std::size_t k = 0; k < op.in.size(); ++k) {
      const int v = op.in[k];
      if (!constant[at(v)]) continue;
      const bool beside_data = k > 0 || (op.n_op_in > 1 && !constant[at(op.in[1])]);
      const bool weights = contracts(op.op) && k < op.n_op_in && beside_data;
      const bool broadcast =
          plain[at(v)] && size(v) <= kSmall && size(v) * kRepeats <= size(op.out[0]);
      if (weights || broadcast) wanted[at(v)] = 1;
    }
  }
  for (std::size_t i = ir.ops.size(); i-- > 0;) {
    const IrOp& op = ir.ops[i];
    bool any = false;
    for (int v : op.out) any = any || wanted[at(v)];
    if (!any || !constant[at(op.out[0])]) continue;
    for (int v : op.out) ir.values[at(v)].kept = true;
    for (int v : op.in) wanted[at(v)] = 1;
  }
}

}  // namespace quern
