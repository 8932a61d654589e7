// The loops of depthwise convolution: vectors run over channels, sums of two rows by eight columns
// stay in registers. Not here: how the work is cut (depthwise.cpp).
#include <type_traits>

#include "hwy/cache_control.h"
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

// Two rows of sums need more than 16 registers.
constexpr bool kPairs = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;
constexpr int kOutputs = 8;

// The lowest n bits.
HWY_INLINE std::uint32_t Bits(std::int64_t n) {
  return n <= 0 ? 0u : n >= 32 ? ~0u : (1u << n) - 1u;
}

// One run of an axis: output t of it, out0 + t * out_step of the axis, meets input
// in0 + t * pace + i * reach at its tap i, which is first + i * step of the filter.
struct Run {
  std::int64_t out0, out_step, n, in0, pace, reach, first = 0, step = 1, taps;
  bool apart;           // pace is no multiple of reach: inputs are not shared by taps
  std::int64_t stride;  // pace / reach
  std::int64_t lo, hi;  // t * stride + i at which there is an input

  Run(const DepthwiseAxis& a, std::int64_t k) {
    out0 = k, out_step = a.runs(), n = (a.out - k + out_step - 1) / out_step;
    pace = a.stride, reach = a.dilation, taps = a.taps, in0 = k - a.padding;
    apart = false;
    if (a.spread > 1) {
      out_step = a.spread, n = (a.out - k + out_step - 1) / out_step;
      const std::int64_t rest = (a.padding - k) % a.spread;
      first = rest < 0 ? rest + a.spread : rest, step = a.spread;
      taps = first < a.taps ? (a.taps - first + step - 1) / step : 0;
      in0 = (k + first - a.padding) / a.spread;
      pace = reach = 1;
    } else if (a.stride > 1) {
      apart = a.dilation > 1;
    } else {
      pace = a.dilation;
    }
    stride = apart ? 0 : pace / reach;
    lo = in0 >= 0 ? 0 : (-in0 + reach - 1) / reach;
    hi = in0 >= a.in ? 0 : (a.in - 1 - in0) / reach + 1;
  }

  // Bit q: that there is an input at output t and tap q.
  std::uint32_t inside(std::int64_t t) const {
    return Bits(hi - t * stride) & ~Bits(lo - t * stride);
  }
};

// A block of outputs: columns of a run for one row, or for two. Row m of x that they meet is met by
// tap row m of the first and tap row m - shift of the second.
struct Block {
  const float* x;  // where output 0 has its first tap of row 0, maybe outside the image
  std::int64_t x_row, pitch, reach;  // to the next row, output and tap
  const float* w;                    // the filter's tap there
  std::int64_t w_row, w_step;
  std::int64_t row_taps, shift, lo, hi;  // lo .. hi: the rows in the image
  bool pair;                             // two rows of outputs
  std::int64_t taps, column, size;       // taps of a row, place of x in it
  std::uint32_t inside;                  // bit q: that the input q taps further is in the row
  std::int64_t q_lo, q_hi;               // those q, however many
  bool past;                             // results go past the caches
  float* y[2];
  std::int64_t y_step, valid;
};

template <bool kWhole, class D>
HWY_INLINE hn::Vec<D> LoadChannels(D d, const float* p, std::int64_t count) {
  if constexpr (kWhole) return hn::LoadU(d, p);
  return LoadSome(d, p, count);
}

// Adds kTaps taps of a row of x to the sums of the first row, the second or both. Inputs are
// checked when kEdge.
template <int kTaps, int kStride, bool kA, bool kB, bool kEdge, class D>
HWY_INLINE void AddTaps(D d, const float* x, std::int64_t pitch, const float* wa, const float* wb,
                        std::int64_t w_step, std::uint32_t inside, hn::Vec<D>* a, hn::Vec<D>* b) {
  hn::Vec<D> u[kTaps], v[kTaps];
  HWY_UNROLL(7)
  for (int k = 0; k < kTaps; ++k) {
    u[k] = hn::LoadU(d, (kA ? wa : wb) + k * w_step);
    v[k] = kA && kB ? hn::LoadU(d, wb + k * w_step) : u[k];
  }
  HWY_UNROLL(22)
  for (int q = 0; q < (kOutputs - 1) * kStride + kTaps; ++q, x += pitch) {
    if (kEdge && !(inside >> q & 1)) continue;
    const auto in = hn::LoadU(d, x);
    HWY_UNROLL(7)
    for (int k = 0; k < kTaps; ++k) {
      const int o = (q - k) / kStride;
      if (q < k || (q - k) % kStride || o >= kOutputs) continue;
      if (kA) a[o] = hn::MulAdd(in, u[k], a[o]);
      if (kB) b[o] = hn::MulAdd(in, v[k], b[o]);
    }
  }
}

// The same for any taps and stride 1: four taps share what they meet.
template <bool kA, bool kB, bool kEdge, class D>
HWY_INLINE void AddByFour(D d, const Block& k, const float* x, const float* wa, const float* wb,
                          hn::Vec<D>* a, hn::Vec<D>* b) {
  std::int64_t i = 0;
  const auto inside = [&] { return Bits(k.q_hi - i) & ~Bits(k.q_lo - i); };
  for (; i + 4 <= k.taps; i += 4, x += 4 * k.pitch, wa += 4 * k.w_step, wb += 4 * k.w_step)
    AddTaps<4, 1, kA, kB, kEdge>(d, x, k.pitch, wa, wb, k.w_step, inside(), a, b);
  for (; i < k.taps; ++i, x += k.pitch, wa += k.w_step, wb += k.w_step)
    AddTaps<1, 1, kA, kB, kEdge>(d, x, k.pitch, wa, wb, k.w_step, inside(), a, b);
}

// The same for any taps, one at a time, with any stride.
template <bool kA, bool kB, bool kWhole, class D>
HWY_INLINE void AddEachTap(D d, const Block& k, const float* x, const float* wa, const float* wb,
                           std::int64_t count, std::int64_t c, hn::Vec<D>* a, hn::Vec<D>* b) {
  const std::int64_t pace = k.pitch / c, reach = k.reach / c;
  std::int64_t column = k.column;
  for (std::int64_t i = 0; i < k.taps; ++i, column += reach, x += k.reach) {
    const auto u = LoadChannels<kWhole>(d, (kA ? wa : wb) + i * k.w_step, count);
    const auto v = kA && kB ? LoadChannels<kWhole>(d, wb + i * k.w_step, count) : u;
    const float* p = x;
    std::int64_t at = column;
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o, p += k.pitch, at += pace) {
      if (at < 0 || at >= k.size) continue;
      const auto in = LoadChannels<kWhole>(d, p, count);
      if (kA) a[o] = hn::MulAdd(in, u, a[o]);
      if (kB) b[o] = hn::MulAdd(in, v, b[o]);
    }
  }
}

template <bool kWhole, class D>
HWY_INLINE void Finished(D d, const DepthwisePart& p, const Block& k, int row, std::int64_t channel,
                         std::int64_t count, hn::Vec<D>* sums) {
  if (p.bounds.bounded) {
    const auto low = hn::Set(d, p.bounds.low), high = hn::Set(d, p.bounds.high);
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o) sums[o] = Bounded(d, sums[o], low, high);
  }
  float* y = k.y[row] + channel;
  if (p.rest) {
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o)
      if (o < k.valid)
        sums[o] = Finish(d, sums[o], *p.rest, channel, y - p.y + o * k.y_step, count);
  }
  HWY_UNROLL(8)
  for (int o = 0; o < kOutputs; ++o, y += k.y_step) {
    if (o >= k.valid) break;
    if (kWhole && k.past)
      hn::Stream(sums[o], d, y);
    else if constexpr (kWhole)
      hn::StoreU(sums[o], d, y);
    else
      StoreSome(sums[o], d, y, count);
  }
}

// kTaps 0: any number of taps, and with kStride 0 any stride.
template <int kTaps, int kStride, bool kEdge, bool kWhole, class D>
HWY_NOINLINE void Outputs(D d, const DepthwisePart& part, const Block& k, std::int64_t c) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t at = part.c0; at < part.c1; at += lanes) {
    // The last vector may overlap the one before.
    const std::int64_t channel = kWhole ? std::min(at, part.c1 - lanes) : at,
                       count = part.c1 - channel;
    const float *x = k.x + channel, *w = k.w + (channel - part.c0);
    const auto start = LoadChannels<kWhole>(d, part.shift + (channel - part.c0), count);
    hn::Vec<D> a[kOutputs], b[kOutputs];
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o) a[o] = b[o] = start;
    const auto rows = [&](std::int64_t from, std::int64_t to, auto first, auto second) HWY_ATTR {
      constexpr bool kA = decltype(first)::value, kB = decltype(second)::value;
      for (std::int64_t m = std::max(from, k.lo); m < std::min(to, k.hi); ++m) {
        const float *p = x + m * k.x_row, *wa = w + m * k.w_row, *wb = wa - k.shift * k.w_row;
        if constexpr (kTaps == 0 && kStride == 1)
          AddByFour<kA, kB, kEdge>(d, k, p, wa, wb, a, b);
        else if constexpr (kTaps == 0)
          AddEachTap<kA, kB, kWhole>(d, k, p, wa, wb, count, c, a, b);
        else
          AddTaps<kTaps, kStride, kA, kB, kEdge>(d, p, k.reach, wa, wb, k.w_step, k.inside, a, b);
      }
    };
    constexpr std::true_type yes;
    constexpr std::false_type no;
    if (!kPairs || !k.pair) {
      rows(0, k.row_taps, yes, no);
    } else if constexpr (kPairs) {
      rows(0, k.shift, yes, no);
      rows(k.shift, k.row_taps, yes, yes);
      rows(k.row_taps, k.hi, no, yes);
    }
    Finished<kWhole>(d, part, k, 0, channel, count, a);
    if (kPairs && k.pair) Finished<kWhole>(d, part, k, 1, channel, count, b);
  }
}

// Filters of three by three, which stay in registers.
template <int kStride, bool kPair, bool kEdge, class D>
HWY_NOINLINE void Outputs3(D d, const DepthwisePart& part, const Block& k) {
  constexpr int kRows = kPair ? 3 + kStride : 3;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t w_step = k.w_step, x_row = k.x_row, pitch = k.reach;
  const std::uint32_t inside = k.inside, rows = Bits(k.hi) & ~Bits(k.lo);
  for (std::int64_t at = part.c0; at < part.c1; at += lanes) {
    const std::int64_t channel = std::min(at, part.c1 - lanes);
    const float *x = k.x + channel, *w = k.w + (channel - part.c0);
    const auto start = hn::LoadU(d, part.shift + (channel - part.c0));
    hn::Vec<D> tap[9], a[kOutputs], b[kOutputs];
    HWY_UNROLL(9)
    for (int i = 0; i < 9; ++i) tap[i] = hn::LoadU(d, w + i * w_step);
    HWY_UNROLL(8)
    for (int o = 0; o < kOutputs; ++o) a[o] = b[o] = start;
    HWY_UNROLL(5)
    for (int m = 0; m < kRows; ++m, x += x_row) {
      if (!(rows >> m & 1)) continue;
      const float* p = x;
      HWY_UNROLL(17)
      for (int q = 0; q < (kOutputs - 1) * kStride + 3; ++q, p += pitch) {
        if (kEdge && !(inside >> q & 1)) continue;
        const auto in = hn::LoadU(d, p);
        HWY_UNROLL(3)
        for (int i = 0; i < 3; ++i) {
          const int o = (q - i) / kStride;
          if (q < i || (q - i) % kStride || o >= kOutputs) continue;
          if (m < 3) a[o] = hn::MulAdd(in, tap[m * 3 + i], a[o]);
          if (kPair && m >= kStride) b[o] = hn::MulAdd(in, tap[(m - kStride) * 3 + i], b[o]);
        }
      }
    }
    Finished<true>(d, part, k, 0, channel, lanes, a);
    if (kPair) Finished<true>(d, part, k, 1, channel, lanes, b);
  }
}

template <int kTaps, int kStride>
HWY_INLINE void Edges(const DepthwisePart& part, const Block& k, std::int64_t c) {
  constexpr std::uint32_t all = (1u << ((kOutputs - 1) * kStride + kTaps)) - 1;
  const hn::ScalableTag<float> d;
  const bool whole = (k.inside & all) == all;
  if constexpr (kTaps == 3) {
    // Two rows of outputs there lie as far apart as two columns.
    if (k.row_taps == 3 && k.w_row == 3 * k.w_step && (!k.pair || k.shift == kStride)) {
      if constexpr (kPairs) {
        if (k.pair)
          return whole ? Outputs3<kStride, true, false>(d, part, k)
                       : Outputs3<kStride, true, true>(d, part, k);
      }
      return whole ? Outputs3<kStride, false, false>(d, part, k)
                   : Outputs3<kStride, false, true>(d, part, k);
    }
  }
  if (whole)
    Outputs<kTaps, kStride, false, true>(d, part, k, c);
  else
    Outputs<kTaps, kStride, true, true>(d, part, k, c);
}

HWY_INLINE void AnyBlock(const DepthwisePart& part, const Block& k, std::int64_t stride,
                         std::int64_t c) {
  const hn::ScalableTag<float> d;
  if (c < static_cast<std::int64_t>(hn::Lanes(d)))
    return Outputs<0, 0, true, false>(hn::CappedTag<float, 4>(), part, k, c);
  switch (k.taps * 4 + stride) {
    case 3 * 4 + 1:
      return Edges<3, 1>(part, k, c);
    case 5 * 4 + 1:
      return Edges<5, 1>(part, k, c);
    case 7 * 4 + 1:
      return Edges<7, 1>(part, k, c);
    case 3 * 4 + 2:
      return Edges<3, 2>(part, k, c);
    case 5 * 4 + 2:
      return Edges<5, 2>(part, k, c);
    case 7 * 4 + 2:
      return Edges<7, 2>(part, k, c);
    default:
      if (stride != 1) return Outputs<0, 0, true, true>(d, part, k, c);
      if (k.q_lo <= 0 && k.q_hi >= kOutputs - 1 + k.taps)
        return Outputs<0, 1, false, true>(d, part, k, c);
      return Outputs<0, 1, true, true>(d, part, k, c);
  }
}

// Fills what the rows determine: row r of a run, and the next with `pair`.
HWY_INLINE void SetRows(const DepthwiseShape& s, const DepthwisePart& p, const Run& rows,
                        std::int64_t r, bool pair, Block& k) {
  const std::int64_t first = rows.in0 + r * rows.pace, in = s.axis[0].in;
  const std::int64_t all = rows.taps + (pair ? rows.stride : 0);
  const std::int64_t lo = first >= 0 ? 0 : std::min(all, (-first + rows.reach - 1) / rows.reach);
  const std::int64_t hi = first >= in ? 0 : std::min(all, (in - 1 - first) / rows.reach + 1);
  k.lo = lo, k.hi = hi, k.row_taps = rows.taps, k.shift = pair ? rows.stride : 0, k.pair = pair;
  const std::int64_t w_row = s.axis[1].taps * p.w_pitch;
  k.x_row = rows.reach * s.axis[1].in * s.c;
  k.w_row = rows.step * w_row;
  k.x = p.x + first * s.axis[1].in * s.c;
  k.w = p.w + rows.first * w_row;
}

// Results go past the caches when they would not stay there, and each vector fills a line.
HWY_INLINE bool PastCaches(const DepthwiseShape& s, const DepthwisePart& p) {
  constexpr std::int64_t kLine = 16, kStay = std::int64_t{1} << 20;  // floats
  return static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>())) >= kLine &&
         s.images * s.axis[0].out * s.axis[1].out * s.c >= kStay && s.c % kLine == 0 &&
         p.c0 % kLine == 0 && p.c1 % kLine == 0 &&
         reinterpret_cast<std::uintptr_t>(p.y) % (kLine * 4) == 0;
}

// One unit: a segment of rows r and r + 1 of a run of rows.
HWY_INLINE void Unit(const DepthwiseShape& s, const DepthwisePart& p, std::int64_t image,
                     const Run& rows, std::int64_t r, std::int64_t segment,
                     const Run& first_columns) {
  const DepthwiseAxis &h = s.axis[0], &w = s.axis[1];
  const std::int64_t end = std::min(r + 2, rows.n);
  const bool pair = kPairs && !rows.apart && rows.stride <= rows.taps && r + 1 < end;
  Block k{};
  k.past = PastCaches(s, p);
  for (std::int64_t row = r; row < end; row += pair ? 2 : 1) {
    SetRows(s, p, rows, row, pair, k);
    const Block start = k;
    for (std::int64_t i = 0; i < w.runs(); ++i) {
      const Run columns = i == 0 ? first_columns : Run(w, i);
      k.pitch = columns.pace * s.c, k.reach = columns.reach * s.c;
      k.w_step = columns.step * p.w_pitch, k.taps = columns.taps, k.size = w.in;
      k.y_step = columns.out_step * s.c;
      const std::int64_t segments = s.segments(), begin = columns.n * segment / segments,
                         stop = columns.n * (segment + 1) / segments;
      for (std::int64_t t = begin; t < stop; t += kOutputs) {
        // The last outputs may be computed twice.
        const std::int64_t o = std::min(t, std::max(begin, stop - kOutputs));
        k.column = columns.in0 + o * columns.pace;
        k.x = start.x + (image * h.in * w.in + k.column) * s.c;
        k.w = start.w + columns.first * p.w_pitch;
        k.inside = columns.inside(o);
        k.q_lo = columns.lo - o * columns.stride, k.q_hi = columns.hi - o * columns.stride;
        k.valid = std::min<std::int64_t>(kOutputs, stop - o);
        const std::int64_t place = (image * h.out + rows.out0 + row * rows.out_step) * w.out +
                                   columns.out0 + o * columns.out_step;
        k.y[0] = p.y + place * s.c;
        k.y[1] = pair ? k.y[0] + rows.out_step * w.out * s.c : nullptr;
        AnyBlock(p, k, columns.stride, s.c);
      }
    }
  }
}

void Depthwise(const DepthwiseShape& s, const DepthwisePart& p) {
  const DepthwiseAxis& h = s.axis[0];
  const std::int64_t segments = s.segments(), of_line = s.pairs() * segments;
  const Run columns(s.axis[1], 0);
  for (std::int64_t u = p.unit0; u < p.unit1;) {
    const std::int64_t line = u / of_line, end = std::min(p.unit1, (line + 1) * of_line);
    const Run rows(h, line % h.runs());
    for (; u < end; ++u)
      Unit(s, p, line / h.runs(), rows, u % of_line / segments * 2, u % segments, columns);
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
