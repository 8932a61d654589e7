// Names by which rules and reports know an op, and texts for shapes and layouts.
#pragma once
#include <string>
#include <vector>

#include "runtime/graph/ir.h"
#include "runtime/host/plugin_host.h"

namespace quern {

// Most specific first: {"conv2d", "conv"}; a map is also known by its ops: {"add+relu", "map"}.
std::vector<std::string> op_names(std::uint32_t op, const AttrList& attrs, const Program& program);
// Words a rule may ask for: the semantic layout and the dtype.
std::vector<std::string> op_traits(const IrOp& op, DType dtype);
std::string layout_text(const Layout& l);

}  // namespace quern
