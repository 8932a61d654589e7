// The query and plan functions of every kernel family.
#pragma once
#include "plugins/simd/common.h"

namespace quern::simd {

void query_map(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_map(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
// A program that only copies is served by query_copy too; its plans have the id below.
bool is_copy(const qn_opdesc& op);
constexpr std::uint32_t kCopyKernel = 8;
void query_copy(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_copy(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_random(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_random(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_reduce(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_reduce(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_rows(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_rows(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_groups(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_groups(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_arg(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_arg(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_scan(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_scan(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_search(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_search(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_pool(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_pool(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_sort(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_sort(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_attention(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_attention(const qn_opdesc& op, std::uint32_t kernel_id,
                                     qn_plan_info& info);
void query_fft(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_fft(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_pad(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_pad(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_gather(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_gather(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_arange(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_arange(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_scatter(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_scatter(const qn_opdesc& op, std::uint32_t kernel_id,
                                   qn_plan_info& info);
void query_concatenate(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_concatenate(const qn_opdesc& op, std::uint32_t kernel_id,
                                       qn_plan_info& info);
void query_slice_update(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_slice_update(const qn_opdesc& op, std::uint32_t kernel_id,
                                        qn_plan_info& info);
void query_dequantize(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_dequantize(const qn_opdesc& op, std::uint32_t kernel_id,
                                      qn_plan_info& info);
void query_quantized(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_quantized(const qn_opdesc& op, std::uint32_t kernel_id,
                                     qn_plan_info& info);
void query_relayout(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_relayout(const qn_opdesc& op, std::uint32_t kernel_id,
                                    qn_plan_info& info);
void query_conv(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_conv(const qn_opdesc& op, std::uint32_t kernel_id, qn_plan_info& info);
void query_conv_weights(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_conv_weights(const qn_opdesc& op, std::uint32_t kernel_id,
                                        qn_plan_info& info);
// Convolution with one filter a channel; part of the family above.
bool is_depthwise(const qn_opdesc& op);
void query_depthwise(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_depthwise(const qn_opdesc& op, qn_plan_info& info);
// Direct convolution; part of the family above.
constexpr std::uint32_t kDirectKernel = 4;
void query_direct(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_direct(const qn_opdesc& op, qn_plan_info& info);
// Relayouts to transformed and to packed weights; the plans are null for others.
bool offer_points(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_points(const qn_opdesc& op, qn_plan_info& info);
bool offer_direct_weights(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
std::unique_ptr<Plan> plan_direct_weights(const qn_opdesc& op, qn_plan_info& info);

}  // namespace quern::simd
