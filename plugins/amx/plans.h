// What all kernels of the plugin share: their numbers, and the functions behind its table.
#pragma once
#include "plugins/sdk/planned.hpp"

namespace quern::amx {

enum Kernel : std::uint32_t {
  kTiled,        // matmul: each tile of a grid packs its own A and B
  kShared,       // matmul: B packed by all workers, then tiles of C
  kPrepacked,    // matmul: B came packed
  kPackB,        // relayout of a constant B
  kConv,         // convolution
  kPackWeights,  // relayout of its weights
  kAttention,
};

using sdk::Planned;

void query_matmul(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
bool query_pack_b(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
void query_attention(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
void query_conv(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
bool query_weights(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
// Null when the op is not served.
std::unique_ptr<Planned> plan_matmul(const qn_opdesc& op, Kernel kernel, qn_plan_info& info);
std::unique_ptr<Planned> plan_pack_b(const qn_opdesc& op, qn_plan_info& info);
std::unique_ptr<Planned> plan_attention(const qn_opdesc& op, qn_plan_info& info);
std::unique_ptr<Planned> plan_conv(const qn_opdesc& op, qn_plan_info& info);
std::unique_ptr<Planned> plan_weights(const qn_opdesc& op, qn_plan_info& info);

}  // namespace quern::amx
