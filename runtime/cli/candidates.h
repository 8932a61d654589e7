// The candidates of one op, asked for once and kept as values.
// No timing.
#pragma once
#include "runtime/cli/request.h"

namespace quern_cli {

struct Candidate {
  std::string plugin, kernel, layouts, reason;
  double est_ns = 0;
  uint64_t workspace = 0;
  bool chosen = false;
  double measured_ns = 0;  // by tuning; 0 = not measured
};

std::vector<Candidate> candidates_of(qn_runtime*, const Request&,
                                     const std::vector<ArrayHandle>& inputs);

}  // namespace quern_cli
