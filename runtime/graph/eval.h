// Making and running plans for collected graphs, with quarantine of kernels that fail. Under the
// runtime's lock.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "runtime/graph/collect.h"
#include "runtime/graph/plan.h"

namespace quern {

std::shared_ptr<Plan> plan_for(Runtime& rt, const Collected& c);
// plan null = made now. Returns the plan that ran: another one when a kernel failed.
std::shared_ptr<Plan> run_plan(Runtime& rt, const Collected& c, std::shared_ptr<Plan> plan,
                               std::span<const Array> leaves, std::vector<BufferRef>& outputs);

}  // namespace quern
