// Matmul on OpenBLAS: the functions behind the plugin's table.
// It holds no state.
#pragma once
#include "plugins/sdk/quern_plugin.hpp"

namespace quern::openblas {

void query_matmul(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
qn_status plan_matmul(const qn_host& host, const qn_opdesc& op, qn_plan** out, qn_plan_info* info,
                      qn_error_slot* error);
qn_status tile_matmul(const qn_plan* plan, const qn_run* run, std::uint32_t tile, void* scratch);
void free_matmul(qn_plan* plan);

}  // namespace quern::openblas
