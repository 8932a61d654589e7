// The kernels that a runtime has set aside after a fault.
#pragma once
#include "runtime/cli/request.h"

namespace quern_cli {

struct Quarantined {
  std::string plugin, kernel, op, reason;
};
std::vector<Quarantined> quarantined_in(qn_runtime*);
Json to_json(const std::vector<Quarantined>&);
// A table with a blank line before it; "" when there are none.
std::string to_text(const std::vector<Quarantined>&);

}  // namespace quern_cli
