// Problems for one op of the schema: random shapes, dtypes and attributes that the library accepts,
// their gradients, and element-wise chains behind them.
#pragma once
#include "runtime/cli/check/reference.h"

namespace quern_cli::check {

// Every op of the schema that a caller can record, by name.
std::vector<std::string> recordable_ops();

// The kernel problems that arise from op `name`; its own ones and those of its gradient.
std::vector<Problem> problems_of(Recorder&, const std::string& name);

// As problems_of for an op without problems of its own use: conversions between layouts.
std::vector<Problem> relayout_problems();

}  // namespace quern_cli::check
