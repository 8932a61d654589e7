// The loops of depthwise convolution: vectors run over channels, a few outputs of a row at a time.
#include <algorithm>

#include "plugins/simd/depthwise.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/depthwise_ops.cpp"
#include "hwy/cache_control.h"
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
                        const sdk::ConvEpilogue* e, float* y, std::int64_t place,
                        std::int64_t step) {
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

// Outputs go past the caches when they would not stay there, and a vector fills a line.
HWY_INLINE bool PastCaches(const DepthwiseShape& s, const float* y) {
  constexpr std::int64_t kLine = 16, kStay = std::int64_t{1} << 20;  // floats
  return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>())) >= kLine &&
         s.images * s.axis[0].out * s.axis[1].out * s.c >= kStay && s.c % kLine == 0 &&
         reinterpret_cast<std::uintptr_t>(y) % (kLine * 4) == 0;
}

// Neighbouring outputs that meet neighbouring inputs: stride and dilation 1. Each input is read
// once for a few taps. The inputs first .. first + kOutputs + taps - 1 may lie outside the image
// when kEdge.
template <class D, int kTaps, bool kWhole, bool kEdge>
HWY_INLINE void AddTaps(D d, const float* x, std::int64_t c, std::int64_t first, std::int64_t in,
                        const float* tap, std::int64_t step, std::int64_t count, hn::Vec<D>* sum) {
  const auto load = [&](const float* p)
                        HWY_ATTR { return kWhole ? hn::LoadU(d, p) : LoadSome(d, p, count); };
  hn::Vec<D> w[kTaps];
  HWY_UNROLL(4)
  for (int k = 0; k < kTaps; ++k) w[k] = load(tap + k * step);
  // Few bases: the other addresses need no register of their own.
  const float* base[4] = {x, x + 3 * c, x + 6 * c, x + 9 * c};
  HWY_UNROLL(11)
  for (int i = 0; i < kOutputs + kTaps - 1; ++i) {
    if (kEdge && (first + i < 0 || first + i >= in)) continue;
    const auto v = load(base[i / 3] + i % 3 * c);
    HWY_UNROLL(4)
    for (int k = 0; k < kTaps; ++k)
      if (i >= k && i - k < kOutputs) sum[i - k] = hn::MulAdd(v, w[k], sum[i - k]);
  }
}

// kOutputs outputs from j on, for channels c0 .. c1 by vectors of D.
template <class D, bool kWhole, bool kEdge>
HWY_INLINE void Neighbours(D d, const DepthwiseShape& s, const Rows& rows, const Phase& p,
                           std::int64_t j, std::int64_t c0, std::int64_t c1, const float* image,
                           const float* w, const sdk::ConvEpilogue* e, float* y, std::int64_t place,
                           std::int64_t step) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const bool past = PastCaches(s, y);
  const std::int64_t c = s.c, in = s.axis[1].in, taps = p.count, tap_step = p.step * c;
  for (std::int64_t channel = c0; channel < c1; channel += lanes) {
    const std::int64_t count = c1 - channel;
    hn::Vec<D> sum[kOutputs];
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o) sum[o] = hn::Zero(d);
    for (std::int64_t r = rows.lo; r < rows.hi; ++r) {
      std::int64_t first = j + p.offset, i = 0;
      const float* x = image + (rows.input(r) * in + first) * c + channel;
      const float* tap = w + (rows.tap(r) * s.axis[1].taps + p.first) * c + channel;
      for (; i + 4 <= taps; i += 4, first += 4, x += 4 * c, tap += 4 * tap_step)
        AddTaps<D, 4, kWhole, kEdge>(d, x, c, first, in, tap, tap_step, count, sum);
      if (taps - i == 3)
        AddTaps<D, 3, kWhole, kEdge>(d, x, c, first, in, tap, tap_step, count, sum);
      if (taps - i == 2)
        AddTaps<D, 2, kWhole, kEdge>(d, x, c, first, in, tap, tap_step, count, sum);
      if (taps - i == 1)
        AddTaps<D, 1, kWhole, kEdge>(d, x, c, first, in, tap, tap_step, count, sum);
    }
    float* to = y + place + channel;
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o, to += step) {
      const auto v = e ? Finish(d, sum[o], *e, channel, to - y, count) : sum[o];
      if (kWhole && past)
        hn::Stream(v, d, to);
      else if (kWhole)
        hn::StoreU(v, d, to);
      else
        StoreSome(v, d, to, count);
    }
  }
}

template <bool kEdge>
HWY_NOINLINE void AllNeighbours(const DepthwiseShape& s, const Rows& rows, const Phase& p,
                                std::int64_t j, const float* image, const float* w,
                                const sdk::ConvEpilogue* e, float* y, std::int64_t place,
                                std::int64_t step) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 4> d4;
  const std::int64_t whole =
      s.c / static_cast<std::int64_t>(hn::Lanes(d)) * static_cast<std::int64_t>(hn::Lanes(d));
  Neighbours<decltype(d), true, kEdge>(d, s, rows, p, j, 0, whole, image, w, e, y, place, step);
  Neighbours<decltype(d4), false, kEdge>(d4, s, rows, p, j, whole, s.c, image, w, e, y, place,
                                         step);
}

template <int kOut>
HWY_INLINE void AllChannels(const DepthwiseShape& s, const Rows& rows, const Phase& p,
                            std::int64_t j, std::int64_t lo, std::int64_t hi, const float* x,
                            const float* w, const sdk::ConvEpilogue* e, float* y,
                            std::int64_t place, std::int64_t step) {
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
               const sdk::ConvEpilogue* e, std::int64_t lo, std::int64_t hi) {
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
      const bool neighbours = p.stride == 1 && p.dilation == 1 && end - j >= kOutputs;
      while (j < end) {
        if (neighbours) {
          j = std::min(j, end - kOutputs);  // some outputs are computed twice
          const std::int64_t at = (line * a.out + phase + j * a.spread) * s.c;
          if (p.low(j) == 0 && p.high(j + kOutputs - 1, a.in) == p.count)
            AllNeighbours<false>(s, rows, p, j, image, w, e, y, at, a.spread * s.c);
          else
            AllNeighbours<true>(s, rows, p, j, image, w, e, y, at, a.spread * s.c);
          j += kOutputs;
          continue;
        }
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
  hwy::FlushStream();
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
