// Descriptions of a planned step: for its plugin, and for people.
#include "runtime/graph/planned_step.h"

#include "runtime/core/error.h"
#include "runtime/graph/node.h"
#include "runtime/graph/opdesc.h"
#include "runtime/graph/select.h"

namespace quern {

void describe(const PlannedStep& p, OpDesc& d) {
  for (std::size_t i = 0; i < p.in.size(); ++i) d.add_input(p.in_meta[i], p.in[i].form.layout);
  for (std::size_t i = 0; i < p.out.size(); ++i) d.add_output(p.out_meta[i], p.out[i].form.layout);
  if (!p.program.inst.empty()) d.set_program(p.program);
}

std::string operands_text(const PlannedStep& p, bool layouts) {
  std::string s;
  const auto add = [&](const Operand& o, const Meta& m, bool more) {
    if (more) s += ", ";
    if (layouts) {
      s += layout_text(o.form.layout);
    } else {
      s += name(m.dtype);
      s += to_string(m.shape);
    }
  };
  for (std::size_t i = 0; i < p.in.size(); ++i) add(p.in[i], p.in_meta[i], i != 0);
  s += " -> ";
  for (std::size_t i = 0; i < p.out.size(); ++i) add(p.out[i], p.out_meta[i], i != 0);
  return s;
}

std::string title(const PlannedStep& p) {
  std::string t = op_names(p.op, p.attrs, p.program).front();
  if (p.op != QN_OP_MAP)
    for (const qn_inst& i : p.program.inst) {
      const OpInfo* op = find_op(i.op);
      t += str("+", op ? op->name : "const");
    }
  return t;
}

}  // namespace quern
