// One op asked for on the command line: its number, inputs and attributes, ready for qn_op.
// Checks words and numbers only; shapes and dtypes are judged by the library.
#pragma once
#include <nlohmann/json.hpp>

#include "runtime/cli/client.h"
#include "runtime/cli/commands.h"

namespace quern_cli {

using Json = nlohmann::ordered_json;

struct InputSpec {
  std::vector<int64_t> shape;
  std::string dtype;
};

struct AttrValue {
  uint32_t type = QN_ATTR_DEFAULT;
  int64_t i = 0;
  double f = 0;
  std::vector<int64_t> is;
  std::vector<double> fs;
  std::string s;
};

// For qn_op; points into v.
std::vector<qn_attr> raw_attrs(const std::vector<AttrValue>& v);

struct Request {
  std::string op;
  uint32_t id = 0;
  uint32_t n_out = 1;
  Json schema;
  std::vector<InputSpec> inputs;
  std::vector<AttrValue> attrs;

  std::vector<qn_attr> raw_attrs() const { return quern_cli::raw_attrs(attrs); }
  std::string text() const;  // "conv2d f32(4, 32, 32, 32), f32(32, 5, 5, 32) padding=2"
  std::string attr_text;
};

// "bf16" -> QN_BF16; throws UsageError.
qn_dtype dtype_of(const std::string& name);
// The schema of each op that can be recorded, in the library's order.
std::vector<Json> all_schemas();
Request make_request(const Options&);
// Evaluated arrays of plausible values.
std::vector<ArrayHandle> make_inputs(qn_runtime*, const Request&);

}  // namespace quern_cli
