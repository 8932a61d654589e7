// Making and running plans for collected graphs, with quarantine of kernels that fail. Under the
// runtime's lock.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "runtime/graph/collect.h"
#include "runtime/graph/plan.h"

namespace quern {

// leaves give dtype, shape and strides; key is stored in the plan. Throws Error.
std::shared_ptr<Plan> plan_for(Runtime& rt, const Ir& ir, std::span<const Array> leaves,
                               GraphKey key, bool may_fold);
// False when a kernel failed: it is quarantined, and the caller plans again. Throws Error after too
// many tries.
bool run_plan(Runtime& rt, Plan& plan, std::span<const Array> leaves,
              std::vector<BufferRef>& outputs, int tries);

}  // namespace quern
