// Epilogues of results that lie channels-last, as a scale and a shift of each channel, bounds, and
// what is left. Not here: the steps on vectors (conv_epilogue-inl.h).
#pragma once
#include <algorithm>
#include <limits>

#include "plugins/sdk/conv.hpp"

namespace quern::simd {

// What all channels share, for one run.
struct Bounds {
  bool bounded = false;
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

// How a chain is taken apart: first the steps that scale and shift, then those that bound, then the
// rest.
struct ChannelSteps {
  std::uint32_t affine = 0, bounds = 0;  // how many of the chain's
  bool scales = false;
  sdk::ConvChain rest;

  ChannelSteps() = default;
  explicit ChannelSteps(const sdk::ConvChain& chain) {
    using Step = sdk::EpilogueStep;
    const auto kind = [&](std::uint32_t k) { return chain.steps.step[k].kind; };
    const std::uint32_t n = chain.steps.n;
    std::uint32_t k = 0;
    for (; k < n && !chain.full[k]; ++k) {
      if (kind(k) != Step::add && kind(k) != Step::subtract && kind(k) != Step::multiply) break;
      scales = scales || kind(k) == Step::multiply;
    }
    affine = k;
    for (; k < n && !chain.full[k] && !chain.channel[k]; ++k)
      if (kind(k) != Step::relu && kind(k) != Step::maximum && kind(k) != Step::minimum) break;
    bounds = k - affine;
    for (std::uint32_t i = k; i < n; ++i) {
      rest.steps.step[i - k] = chain.steps.step[i];
      rest.channel[i - k] = chain.channel[i], rest.full[i - k] = chain.full[i];
    }
    rest.steps.n = n - k;
  }

  // [worker] Follows scale and shift of the n channels from c0 on by those of the chain.
  Bounds apply(const sdk::ConvEpilogue& e, std::int64_t c0, std::int64_t n, float* scale,
               float* shift) const noexcept {
    for (std::uint32_t k = 0; k < affine; ++k) {
      const sdk::EpilogueStep& step = e.steps->step[k];
      const float* p = e.operand[k];
      const float one = p ? *p : static_cast<float>(step.imm);
      for (std::int64_t i = 0; i < n; ++i) {
        const float v = e.channel[k] ? p[c0 + i] : one;
        if (step.kind == sdk::EpilogueStep::multiply)
          scale[i] *= v, shift[i] *= v;
        else
          shift[i] += step.kind == sdk::EpilogueStep::add ? v : -v;
      }
    }
    Bounds b;
    for (std::uint32_t k = affine; k < affine + bounds; ++k) {
      const sdk::EpilogueStep& step = e.steps->step[k];
      const float* p = e.operand[k];
      const float v = step.kind == sdk::EpilogueStep::relu ? 0.0f
                      : p                                  ? *p
                                                           : static_cast<float>(step.imm);
      if (v != v) std::fill_n(shift, n, v);  // and with it all results
      const auto bound = [&](float x) {
        return step.kind == sdk::EpilogueStep::minimum ? std::min(x, v) : std::max(x, v);
      };
      b.bounded = true, b.low = bound(b.low), b.high = bound(b.high);
    }
    return b;
  }
};

}  // namespace quern::simd
