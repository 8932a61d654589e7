// The loops of depthwise convolution: vectors run over channels, a few outputs of a row at a time.
#include <algorithm>

#include "plugins/simd/depthwise.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/depthwise_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/conv_epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Taps `first`, first + step, ... (`count` of them) of one axis and the inputs they meet: output j
// of the phase meets input j * stride + i * dilation + offset at the i-th.
struct Phase {
  std::int64_t first, step, count, stride, dilation, offset;
  Phase(const DepthwiseAxis& a, std::int64_t phase) {
    step = a.spread, stride = a.stride, dilation = a.dilation;
    const std::int64_t rest = (a.padding - phase * a.stride) % a.spread;
    first = rest < 0 ? rest + a.spread : rest;
    count = first < a.taps ? (a.taps - first + step - 1) / step : 0;
    offset = (phase * a.stride + first - a.padding) / a.spread;
    if (a.spread == 1) offset = -a.padding;
  }
  // The taps that meet an element for output j.
  std::int64_t low(std::int64_t j) const {
    const std::int64_t at = -(j * stride + offset);
    return at <= 0 ? 0 : std::min(count, (at + dilation - 1) / dilation);
  }
  std::int64_t high(std::int64_t j, std::int64_t size) const {
    const std::int64_t room = size - 1 - (j * stride + offset);
    return room < 0 ? 0 : std::min(count, room / dilation + 1);
  }
};

// The rows of the filter that meet a row of x, and which.
struct Rows {
  std::int64_t lo, hi;
  Phase phase;
  std::int64_t at;
  Rows(const DepthwiseAxis& h, std::int64_t row) : phase(h, row % h.spread), at(row / h.spread) {
    lo = phase.low(at);
    hi = phase.high(at, h.in);
  }
  std::int64_t input(std::int64_t i) const {
    return at * phase.stride + i * phase.dilation + phase.offset;
  }
  std::int64_t tap(std::int64_t i) const { return phase.first + i * phase.step; }
};

constexpr int kOutputs = 8;

// Outputs j .. j + kOut of a phase, taps lo .. hi, for the channels of one vector.
template <class D, int kOut>
HWY_INLINE void Outputs(D d, const DepthwiseShape& s, const Rows& rows, const Phase& p,
                        std::int64_t j, std::int64_t lo, std::int64_t hi, const float* x,
                        const float* w, std::int64_t channel, std::int64_t count,
                        const ConvEpilogue* e, float* y, std::int64_t place, std::int64_t step) {
  using V = hn::Vec<D>;
  V sum[kOut];
  for (int o = 0; o < kOut; ++o) sum[o] = hn::Zero(d);
  const std::int64_t c = s.c;
  for (std::int64_t r = rows.lo; r < rows.hi; ++r) {
    const float* row =
        x + (rows.input(r) * s.axis[1].in + j * p.stride + lo * p.dilation + p.offset) * c +
        channel;
    const float* tap = w + (rows.tap(r) * s.axis[1].taps + p.first + lo * p.step) * c + channel;
    for (std::int64_t i = lo; i < hi; ++i, row += p.dilation * c, tap += p.step * c) {
      const V v = LoadSome(d, tap, count);
      HWY_UNROLL(8)
      for (int o = 0; o < kOut; ++o)
        sum[o] = hn::MulAdd(LoadSome(d, row + o * p.stride * c, count), v, sum[o]);
    }
  }
  HWY_UNROLL(8)
  for (int o = 0; o < kOut; ++o) {
    const std::int64_t at = place + o * step + channel;
    StoreSome(e ? Finish(d, sum[o], *e, channel, at, count) : sum[o], d, y + at, count);
  }
}

template <int kOut>
HWY_INLINE void AllChannels(const DepthwiseShape& s, const Rows& rows, const Phase& p,
                            std::int64_t j, std::int64_t lo, std::int64_t hi, const float* x,
                            const float* w, const ConvEpilogue* e, float* y, std::int64_t place,
                            std::int64_t step) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 4> d4;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto lanes4 = static_cast<std::int64_t>(hn::Lanes(d4));
  std::int64_t c = 0;
  for (; c + lanes <= s.c; c += lanes)
    Outputs<decltype(d), kOut>(d, s, rows, p, j, lo, hi, x, w, c, lanes, e, y, place, step);
  for (; c < s.c; c += lanes4)
    Outputs<decltype(d4), kOut>(d4, s, rows, p, j, lo, hi, x, w, c, s.c - c, e, y, place, step);
}

void Depthwise(const DepthwiseShape& s, const float* x, const float* w, float* y,
               const ConvEpilogue* e, std::int64_t lo, std::int64_t hi) {
  const DepthwiseAxis &h = s.axis[0], &a = s.axis[1];
  const std::int64_t segments = depthwise_segments(a);
  for (std::int64_t unit = lo; unit < hi; ++unit) {
    const std::int64_t segment = unit % segments, line = unit / segments;
    const float* image = x + line / h.out * h.in * a.in * s.c;
    const Rows rows(h, line % h.out);
    for (std::int64_t phase = 0; phase < a.spread; ++phase) {
      const Phase p(a, phase);
      const std::int64_t all = phase < a.out ? (a.out - phase + a.spread - 1) / a.spread : 0;
      const std::int64_t end = std::min(all, (segment + 1) * kDepthwiseSegment);
      std::int64_t j = segment * kDepthwiseSegment;
      while (j < end) {
        const std::int64_t place = (line * a.out + phase + j * a.spread) * s.c;
        const std::int64_t step = a.spread * s.c;
        const std::int64_t last = j + kOutputs - 1;
        if (last < end && p.low(j) == 0 && p.high(last, a.in) == p.count) {
          AllChannels<kOutputs>(s, rows, p, j, 0, p.count, image, w, e, y, place, step);
          j += kOutputs;
        } else {
          AllChannels<1>(s, rows, p, j, p.low(j), p.high(j, a.in), image, w, e, y, place, step);
          ++j;
        }
      }
    }
  }
}

DepthwiseFn GetDepthwise() { return Depthwise; }
std::int64_t GetDepthwiseLanes() {
  return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>()));
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetDepthwise);
HWY_EXPORT(GetDepthwiseLanes);

DepthwiseFn depthwise_loop() { return HWY_DYNAMIC_DISPATCH(GetDepthwise)(); }
std::int64_t depthwise_lanes() { return HWY_DYNAMIC_DISPATCH(GetDepthwiseLanes)(); }

}  // namespace quern::simd
#endif
