// Names and texts for selection rules and reports.
#include "runtime/graph/select.h"

#include "runtime/core/error.h"

namespace quern {

std::vector<std::string> op_names(std::uint32_t op, const AttrList& attrs, const Program& program) {
  const std::string base = op_info(op).name;
  std::vector<std::string> names;
  if (op == QN_OP_MAP) {
    std::string joined;
    std::size_t n = 0;
    for (const qn_inst& i : program.inst) {
      if (++n > 6) {
        joined += "+..";
        break;
      }
      const OpInfo* info = find_op(i.op);
      joined += str(joined.empty() ? "" : "+", info ? info->name : "const");
    }
    names.push_back(joined);
    if (program.inst.size() == 1) names.push_back(joined);
  } else if (base.starts_with("conv")) {
    const std::size_t stride_at = op == QN_OP_CONV ? 0 : 1;
    if (attrs.size() > stride_at)
      names.push_back(str("conv", attrs.is(stride_at).size(), "d", base.substr(4)));
  }
  names.push_back(base);
  return names;
}

std::vector<std::string> op_traits(const IrOp& op, DType dtype) {
  std::vector<std::string> t{std::string(name(dtype))};
  const OpInfo& info = op_info(op.op);
  for (std::size_t i = 0; i < info.attrs.size() && i < op.attrs.size(); ++i)
    if (info.attrs[i].name == "layout") t.emplace_back(op.attrs.s(i));
  return t;
}

std::string layout_text(const Layout& l) {
  if (l.named) return l.name;
  return l.any ? "any strides" : "strides" + to_string(l.strides);
}

}  // namespace quern
