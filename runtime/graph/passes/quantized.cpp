// Products with quantized weights: a matrix product of few rows with turned weights that were just
// unpacked, where a kernel unpacks them on the way. What it saves is the unpacked matrix in memory.
#include <algorithm>
#include <vector>

#include "runtime/graph/passes/rewriter.h"

namespace quern {
namespace {

class QuantizedProducts : Rewriter {
 public:
  using Rewriter::Rewriter;

  void run() {
    const auto unpacks = [](const IrOp& op) { return op.op == QN_OP_DEQUANTIZE; };
    if (std::none_of(ir_.ops.begin(), ir_.ops.end(), unpacks)) return;
    maker_.assign(ir_.values.size(), nullptr);
    readers_.assign(ir_.values.size(), 0);
    const std::vector<IrOp> before = ir_.ops;
    for (const IrOp& op : before) {
      for (int v : op.out) maker_[static_cast<std::size_t>(v)] = &op;
      for (int v : op.in) ++readers_[static_cast<std::size_t>(v)];
    }
    std::vector<int> gone;
    replace([](const IrOp& op) { return op.op == QN_OP_MATMUL; },
            [&](const IrOp& op) {
              const IrOp *turned = passing(op.in[1], QN_OP_TRANSPOSE), *full = nullptr;
              if (turned && shape(op.in[1]).size() == 2 && turns(turned->attrs.is(0)))
                full = passing(turned->in[0], QN_OP_DEQUANTIZE);
              if (!full || !place(op, *full)) return false;
              gone.push_back(op.in[1]);
              gone.push_back(turned->in[0]);
              return true;
            });
    std::erase_if(ir_.ops, [&](const IrOp& op) {
      return std::find(gone.begin(), gone.end(), op.out[0]) != gone.end();
    });
  }

 private:
  static bool turns(const Ints& axes) { return axes.empty() || (axes[0] != 0 && axes[0] != -2); }
  // The op `kind` that makes v, if nothing else reads v.
  const IrOp* passing(int v, std::uint32_t kind) const {
    const auto i = static_cast<std::size_t>(v);
    if (i >= maker_.size() || readers_[i] != 1 || ir_.values[i].held) return nullptr;
    return maker_[i] && maker_[i]->op == kind ? maker_[i] : nullptr;
  }

  bool place(const IrOp& op, const IrOp& full) {
    const std::size_t n_values = ir_.values.size(), n_ops = ir_.ops.size();
    const int out = op.out[0];
    emit(QN_OP_QUANTIZED_MATMUL, {op.in[0], full.in[0], full.in[1], full.in[2]},
         attributes(full.attrs.i(0), full.attrs.i(1), std::int64_t{1}), shape(out), dtype(out));
    const IrOp fused = ir_.ops.back();
    const Rule* rule = rule_for(op);
    if (rule ? preferred(rule, op, fused) : served(rt_, ir_, fused, false)) {
      give(out);
      return true;
    }
    ir_.values.resize(n_values);
    ir_.ops.resize(n_ops);
    return false;
  }

  std::vector<const IrOp*> maker_;  // of each value there was before, or null
  std::vector<int> readers_;
};

}  // namespace

void quantized_products(Runtime& rt, Ir& ir) { QuantizedProducts(rt, ir).run(); }

}  // namespace quern
