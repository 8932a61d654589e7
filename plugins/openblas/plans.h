// The functions behind the plugin's table: which ops have kernels, and their plans.
#pragma once
#include "plugins/openblas/inside.h"
#include "plugins/sdk/planned.hpp"

namespace quern::openblas {

using sdk::Planned;

void query_matmul(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
// True for an op of linear algebra, whether or not it is served.
bool query_linalg(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
// Null when the op is not served; for matmul with strides that were not offered, too.
std::unique_ptr<Planned> plan_matmul(Regions& regions, const qn_opdesc& op, qn_plan_info& info);
std::unique_ptr<Planned> plan_linalg(Regions& regions, const qn_opdesc& op, qn_plan_info& info);

}  // namespace quern::openblas
