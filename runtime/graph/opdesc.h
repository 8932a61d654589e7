// Builds the C description of one op for the plugins. Everything it points to lives in the object.
#pragma once
#include <deque>
#include <vector>

#include "quern/kernel.h"
#include "runtime/graph/ir.h"
#include "runtime/host/plugin_host.h"

namespace quern {

class OpDesc {
 public:
  OpDesc(std::uint32_t op, const AttrList& attrs, std::size_t n_op_in, std::uint32_t workers,
         std::uint32_t accuracy);
  void add_input(const Meta& m, const Layout& l) { add(in_, m, l); }
  void add_output(const Meta& m, const Layout& l) { add(out_, m, l); }
  void set_program(const Program& p);
  void set_const_mask(std::uint64_t m) { desc_.const_mask = m; }
  const qn_opdesc& get();

 private:
  void add(std::vector<qn_array_desc>& v, const Meta& m, const Layout& l);
  qn_opdesc desc_{};
  std::vector<qn_array_desc> in_, out_;
  std::vector<qn_attr> attrs_;
  std::deque<Shape> shapes_;
  std::deque<Strides> strides_;
  std::deque<std::string> names_;
  qn_program program_{};
};

}  // namespace quern
