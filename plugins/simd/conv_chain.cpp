// Finds the epilogue of a convolution and the operands it reads.
#include "plugins/simd/conv_chain.h"

namespace quern::simd {
namespace {

enum class Operand : std::uint8_t { kOther, kScalar, kChannel, kFull };

Operand classify(const qn_array_desc& in, const qn_array_desc& out, std::uint32_t channel) {
  if (in.ndim > out.ndim) return Operand::kOther;
  const std::uint32_t lead = out.ndim - in.ndim;
  bool scalar = true, one = lead <= channel, full = in.ndim == out.ndim;
  for (std::uint32_t i = 0; i < in.ndim; ++i) {
    const std::int64_t want = out.shape[lead + i];
    scalar = scalar && in.shape[i] == 1;
    full = full && in.shape[i] == want;
    one = one && in.shape[i] == (lead + i == channel ? want : 1);
  }
  return scalar ? Operand::kScalar
         : one  ? Operand::kChannel
         : full ? Operand::kFull
                : Operand::kOther;
}

}  // namespace

ConvChain::ConvChain(const qn_opdesc& op, bool nhwc) {
  if (!op.program) return;
  const sdk::Epilogue found = sdk::match_epilogue(op, QN_F32);
  for (std::uint32_t k = 0; k < found.n; ++k) {
    if (found.step[k].input < 0) continue;
    const Operand kind =
        classify(op.in[found.step[k].input], op.out[0], nhwc ? op.out[0].ndim - 1 : 1);
    if (kind == Operand::kOther) return;
    channel[k] = kind == Operand::kChannel;
    full[k] = kind == Operand::kFull;
  }
  steps = found;
}

std::vector<std::vector<std::int64_t>> ConvChain::layouts(const qn_opdesc& op,
                                                          const std::vector<std::int64_t>& y,
                                                          std::vector<qn_layout>& in) const {
  std::vector<std::vector<std::int64_t>> strides(op.n_in);
  for (std::uint32_t i = op.n_op_in; i < op.n_in; ++i) {
    in.push_back(sdk::any_strides());
    for (std::uint32_t k = 0; k < steps.n; ++k) {
      if (steps.step[k].input != static_cast<std::int32_t>(i) || op.in[i].ndim == 0) continue;
      std::vector<std::uint32_t> order;
      for (std::uint32_t a = 0; a < op.in[i].ndim; ++a) order.push_back(a);
      strides[i] = full[k] ? y : strides_in_order(op.in[i], order);
      in.back() = sdk::with_strides(strides[i].data());
    }
  }
  return strides;
}

ConvEpilogue ConvChain::at(const qn_run& run) const noexcept {
  ConvEpilogue e{&steps, {}, {}, {}};
  for (std::uint32_t k = 0; k < steps.n; ++k) {
    const std::int32_t i = steps.step[k].input;
    e.operand[k] = i < 0 ? nullptr : static_cast<const float*>(run.in[i].data);
    e.channel[k] = channel[k];
    e.full[k] = full[k];
  }
  return e;
}

}  // namespace quern::simd
