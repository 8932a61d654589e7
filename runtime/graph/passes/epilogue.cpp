// Programs cut in two. Which offer is taken is settled in assign.cpp.
#include "runtime/graph/passes/epilogue.h"

namespace quern {

// The rest of the program may read only the last value that the kernel computed.
const char* cut_fault(const IrOp& op, const Offer& o) {
  if (!op.has_program() || op.op == QN_OP_MAP) return nullptr;
  const std::size_t n = op.program.inst.size(), k = o.epilogue_taken,
                    n_in = op.program.in_dtype.size();
  const auto last = static_cast<std::int32_t>(k ? n_in + k - 1 : 0);
  for (std::size_t i = k; i < n; ++i) {
    const qn_inst& inst = op.program.inst[i];
    for (std::int32_t v : {inst.a, inst.b, inst.c}) {
      if (v < 0 || v == last) continue;
      const bool root = v == 0;
      const bool inside =
          v >= static_cast<std::int32_t>(n_in) && v < static_cast<std::int32_t>(n_in + k);
      if (root || inside) return "takes a part of the epilogue that can't be cut off there";
    }
  }
  return nullptr;
}

bool take_epilogue(const IrOp& op, PlannedStep& s, Meta* root) {
  const std::size_t n = op.program.inst.size(), k = s.offer.epilogue_taken;
  if (op.has_program()) s.program = op.program;
  if (!op.has_program() || op.op == QN_OP_MAP || k >= n) return false;
  root->dtype = k ? from_abi(op.program.inst[k - 1].dtype) : op.root_dtype;
  s.program.inst.resize(k);
  s.program.out.clear();
  if (k) {
    s.program.out.push_back(static_cast<std::uint32_t>(op.program.in_dtype.size() + k - 1));
  } else {
    s.program = {};
    s.in.resize(s.n_op_in);
    s.in_meta.resize(s.n_op_in);
    s.offer.in.resize(s.n_op_in);
  }
  return true;
}

IrOp rest_of_epilogue(const IrOp& op, std::size_t taken, int root, DType dtype) {
  IrOp map;
  map.op = QN_OP_MAP;
  map.out = op.out;
  const auto n_in = static_cast<std::int32_t>(op.program.in_dtype.size()),
             k = static_cast<std::int32_t>(taken);
  std::vector<std::int32_t> to(static_cast<std::size_t>(n_in), -1);
  map.in.push_back(root);
  map.program.in_dtype.push_back(to_abi(dtype));
  const auto input = [&](std::int32_t v) {
    auto& t = to[static_cast<std::size_t>(v)];
    if (t < 0) {
      t = static_cast<std::int32_t>(map.in.size());
      map.in.push_back(op.in[op.n_op_in + static_cast<std::size_t>(v) - 1]);
      map.program.in_dtype.push_back(op.program.in_dtype[static_cast<std::size_t>(v)]);
    }
  };
  for (std::size_t i = taken; i < op.program.inst.size(); ++i)
    for (std::int32_t v : {op.program.inst[i].a, op.program.inst[i].b, op.program.inst[i].c})
      if (v > 0 && v < n_in) input(v);
  const auto new_in = static_cast<std::int32_t>(map.in.size());
  const std::int32_t last = k ? n_in + k - 1 : 0;
  const auto renumber = [&](std::int32_t v) {
    if (v < 0) return v;
    if (v == last) return 0;
    if (v < n_in) return to[static_cast<std::size_t>(v)];
    return v - n_in - k + new_in;
  };
  for (std::size_t i = taken; i < op.program.inst.size(); ++i) {
    qn_inst inst = op.program.inst[i];
    inst.a = renumber(inst.a);
    inst.b = renumber(inst.b);
    inst.c = renumber(inst.c);
    map.program.inst.push_back(inst);
  }
  for (std::uint32_t o : op.program.out)
    map.program.out.push_back(static_cast<std::uint32_t>(renumber(static_cast<std::int32_t>(o))));
  map.n_op_in = map.in.size();
  return map;
}

}  // namespace quern
