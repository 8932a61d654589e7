// Which rows there are, and which of them a test takes.
// Their inputs' values are made in cases.cpp.
#include "tests/ops/rows.h"

#include <algorithm>

#include "tests/ops/tables.gen.h"

namespace quern::test {

const Cases& all_cases() {
  static const Cases cases = [] {
    Cases all;
    for (const auto table : kTables) {
      for (Case& c : table()) all.push_back(std::move(c));
    }
    return all;
  }();
  return cases;
}

std::vector<Array> input_arrays(const Runtime& rt, const Case& c, const Values& values, qn_dtype t,
                                Form form) {
  std::vector<Array> in;
  for (std::size_t i = 0; i < values.size(); ++i)
    in.push_back(array(rt, values[i], input_dtype(c, i, t), form));
  return in;
}

std::vector<std::string> ops_of(bool (*wanted)(const Case&)) {
  std::vector<std::string> ops;
  for (const Case& c : all_cases()) {
    if (wanted(c) && std::find(ops.begin(), ops.end(), c.op) == ops.end()) ops.push_back(c.op);
  }
  return ops;
}

bool has(const Case& c, qn_dtype t) {
  return std::find(c.dtypes.begin(), c.dtypes.end(), t) != c.dtypes.end();
}

bool has_gradient(const Case& c) {
  return c.gradient && (has(c, QN_F64) || has(c, QN_C64)) &&
         std::any_of(c.in.begin(), c.in.end(), [](const Input& in) { return in.differentiable; });
}

}  // namespace quern::test
