// The op table at run time, built from ops.def: signatures, rules, kinds.
// It knows nothing of kernels; see host/.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ops/rules.h"

namespace quern {

enum class OpKind : std::uint8_t { ELEMENTWISE, VIEW, KERNEL, INTERNAL, COMPOSED };

struct InputInfo {
  std::string name;
  bool variadic = false;
  bool has_default = false;
  double default_value = 0;
};

struct AttrInfo {
  std::string name;
  std::uint32_t type = 0;  // QN_ATTR_*; bool is INT
  bool required = true;
  Attr default_value;
};

struct OpInfo {
  std::uint32_t id = 0;
  const char* name = "";
  OpKind kind = OpKind::KERNEL;
  std::vector<InputInfo> inputs;
  std::vector<AttrInfo> attrs;
  std::uint32_t n_out = 1;
  bool variadic = false;
  void (*shape)(Call&) = nullptr;
  void (*grad)(Vjp&) = nullptr;
  void (*compose)(Call&, ArrayList&) = nullptr;
  const char* doc = "";
};

const OpInfo* find_op(std::uint32_t id);       // null when unknown
const OpInfo& op_info(std::uint32_t id);       // throws NOT_FOUND
const OpInfo* find_op(std::string_view name);  // null when unknown
std::span<const OpInfo* const> all_ops();      // by id
const char* op_schema_json(std::uint32_t i);   // i-th of all_ops(); null out of range

}  // namespace quern
