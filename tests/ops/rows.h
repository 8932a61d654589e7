// All rows of the tables, and what the tests that run over them share.
// The tables themselves are declared in harness.h.
#pragma once
#include "tests/ops/harness.h"

namespace quern::test {

const Cases& all_cases();
std::vector<std::string> ops_of(bool (*wanted)(const Case&));  // names, each once
bool has(const Case& c, qn_dtype t);
bool has_gradient(const Case& c);  // to be checked by finite differences
std::vector<Array> input_arrays(const Runtime& rt, const Case& c, const Values& values, qn_dtype t,
                                Form form);

}  // namespace quern::test
