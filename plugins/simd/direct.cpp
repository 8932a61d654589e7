// Offers and plans for direct convolution and its gradient by the input.
// Not here: sizes and costs (direct_shape.cpp), the packed weights (direct_weights.cpp), the loops
// (direct_ops.cpp).
#include "plugins/simd/direct.h"

#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

constexpr const char* kName = "conv.direct";

struct DirectPlan : Plan {
  DirectShape shape{};
  sdk::ConvChain chain;

  void tile(const qn_run& run, std::uint32_t t, void* scratch) const noexcept override {
    const sdk::ConvEpilogue e = chain.at(run);
    direct_ops().tile(
        shape, static_cast<const float*>(run.in[0].data), static_cast<const float*>(run.in[1].data),
        static_cast<float*>(run.out[0].data), chain.steps.n ? &e : nullptr, t, scratch);
  }
};

}  // namespace

void query_direct(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  DirectShape s;
  if (const char* why = direct_shape(op, s)) return host.refuse(answer, kName, why);
  const bool nhwc = sdk::is_nhwc(op);
  const auto x = sdk::channels_last_strides(op.in[0], nhwc),
             y = sdk::channels_last_strides(op.out[0], nhwc);
  const std::string name = direct_weights_name(op, s);
  const qn_layout out = sdk::with_strides(y.data());
  std::vector<qn_layout> in{sdk::with_strides(x.data()),
                            sdk::named(name, static_cast<std::uint64_t>(s.weight_floats()) * 4)};
  const sdk::ConvChain chain(op, nhwc, sdk::EpilogueSteps::all);
  const auto operands = chain.layouts(op, y, in);
  qn_candidate c =
      sdk::candidate(kName, kDirectKernel, direct_ns(s, chain.steps.n, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = op.n_in;
  c.n_out = 1;
  c.in = in.data();
  c.out = &out;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.epilogue_taken = chain.steps.taken;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_direct(const qn_opdesc& op, qn_plan_info& info) {
  auto p = std::make_unique<DirectPlan>();
  if (direct_shape(op, p->shape)) return nullptr;
  p->chain = sdk::ConvChain(op, sdk::is_nhwc(op), sdk::EpilogueSteps::all);
  if (op.program && p->chain.steps.taken != op.program->n_inst) return nullptr;
  info.n_tiles = static_cast<std::uint32_t>(p->shape.chunks * p->shape.parts);
  info.worker_scratch = static_cast<std::uint64_t>(p->shape.scratch_bytes());
  return p;
}

}  // namespace quern::simd
