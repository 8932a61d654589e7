// The part of an epilogue that the convolutions here do themselves: how it is found, what it asks
// of its operands. Not here: doing it (conv_epilogue-inl.h).
#pragma once
#include "plugins/simd/common.h"
#include "plugins/simd/conv_epilogue.h"

namespace quern::simd {

struct ConvChain {
  sdk::Epilogue steps;
  bool channel[sdk::Epilogue::max_steps] = {};
  bool full[sdk::Epilogue::max_steps] = {};

  ConvChain() = default;
  // The longest chain of steps whose operands are single values, one a channel, or of y's shape.
  ConvChain(const qn_opdesc& op, bool nhwc);
  // Appends the layouts of the epilogue's inputs for an output with strides y. They point into the
  // result.
  std::vector<std::vector<std::int64_t>> layouts(const qn_opdesc& op,
                                                 const std::vector<std::int64_t>& y,
                                                 std::vector<qn_layout>& in) const;
  // [worker] Its operands in a run.
  ConvEpilogue at(const qn_run& run) const noexcept;
};

}  // namespace quern::simd
