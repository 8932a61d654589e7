// The state of a runtime's tuning, asked for and kept as values.
#pragma once
#include <cstdint>
#include <string>

#include "runtime/cli/client.h"

namespace quern_cli {

struct TuningState {
  std::string mode, file, problem;
  uint64_t questions = 0, candidates_run = 0, spent_ns = 0;
};

TuningState tuning_of(qn_runtime*);

}  // namespace quern_cli
