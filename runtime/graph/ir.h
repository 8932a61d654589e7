// What the passes work on: values and ops by number, in topological order.
// Built from recorded nodes for one plan and dropped once the plan is made.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "quern/kernel.h"
#include "runtime/core/attr.h"
#include "runtime/schema/ops.h"

namespace quern {

// Every word that decides what a plan does, exactly: equal keys, equal plans.
using GraphKey = SmallVector<std::uint64_t, 64>;

struct Program {
  std::vector<qn_dtype> in_dtype;
  std::vector<qn_inst> inst;
  std::vector<std::uint32_t> out;
};

class Runtime;

struct IrValue {
  Shape shape;
  DType dtype = DType::f32;
  int leaf = -1;
  bool held = false;   // the caller gets it
  bool kept = false;   // made of leaves alone, and kept while these do not change (kept.h)
  bool spare = false;  // a leaf whose memory the update that reads it may take
};

struct IrOp {
  std::uint32_t op = 0;
  AttrList attrs;
  SmallVector<int, 4> in;
  SmallVector<int, 1> out;
  std::size_t n_op_in = 0;
  Program program;  // of a map, or the epilogue of another op (then out is the program's result)
  DType root_dtype = DType::f32;  // with an epilogue: dtype of the op's own result
  bool has_program() const { return !program.inst.empty(); }
};

struct Ir {
  std::vector<IrValue> values;
  std::vector<IrOp> ops;
  std::vector<int> results;  // value of each held result, in the collector's order
};

void simplify(Ir& ir);  // passes/simplify.cpp: aliases, repeated work, dead ops
// passes/phases.cpp: strides of transposed convolutions as channels where no kernel serves them
void split_phases(Runtime& rt, Ir& ir);
// passes/unfold.cpp: convolutions that no kernel serves as matrix products
void unfold(Runtime& rt, Ir& ir);
// passes/quantized.cpp: products with weights that are unpacked on the way
void quantized_products(Runtime& rt, Ir& ir);
// passes/inner.cpp: sums of products as inner products
void inner_products(Runtime& rt, Ir& ir);
// passes/widen.cpp: halves through f32 where no kernel serves them
void widen(Runtime& rt, Ir& ir);
// passes/fold.cpp: scales and shifts of channels into the weights before them. True if there were
// any.
bool fold(Runtime& rt, Ir& ir);
void fuse(Ir& ir);  // passes/fuse.cpp: element-wise clusters into maps, maps into epilogues
// passes/constants.cpp: which values are worth keeping (IrValue::kept)
void find_kept(Ir& ir);

}  // namespace quern
