// The loops of direct convolution: a block of pixels by filters is summed in registers, each value
// of x is read in place and meets a vector of filters.
// Not here: how the work is cut (direct_shape.cpp), where the values lie (direct_places-inl.h).
#include "plugins/simd/direct.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/direct_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/conv_epilogue-inl.h"
#include "plugins/simd/direct_places-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Sums that fit the registers beside two vectors of weights.
#if HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kRows = 12;
#else
constexpr int kRows = 6;
#endif

// A step of the epilogue: the operand of filter j of pixel i lies at p[i * pixel_step + j], and
// where all filters share it in as many copies as a block has filters, with `each` false. bound: it
// is not NaN then.
struct Step {
  sdk::EpilogueStep::Kind kind;
  const float* p;
  std::int64_t pixel_step;
  bool each, bound;
};

// The last of the sums' way: pixels from `pixel` on and filters from `channel` on, to y.
struct Ending {
  const Step* steps;
  std::uint32_t n;
  std::int64_t pixel, channel;
  float* y;
  std::int64_t y_step;

  const float* operand(const Step& s) const {
    return s.p + pixel * s.pixel_step + (s.each ? channel : 0);
  }
  float* to() const { return y + pixel * y_step + channel; }
};

// Values from .. from + length of runs of some pixels: run r of pixel i lies at x[r * x_step + i].
struct Part {
  const float* const* x;
  std::int64_t x_step, runs, from, length;
  const float* w;
  const float* ahead;  // weights to be fetched: two lines for every four values
  std::int64_t ahead_step;
  float* sum;            // [pixel][vector]
  bool first;            // sums begin here
  const Ending* ending;  // they end here, in whole vectors, and go to y; or null
};

// Value k of each run by its weights. (GCC does not inline lambdas everywhere.)
template <class D, int kPixels, int kVectors>
HWY_INLINE void Multiply(D d, const float* const (&x)[kPixels], std::int64_t k, const float* w,
                         hn::Vec<D> (&sum)[kPixels][kVectors]) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  hn::Vec<D> r[kVectors];
  for (int j = 0; j < kVectors; ++j) r[j] = hn::LoadU(d, w + j * lanes);
  HWY_UNROLL(12)
  for (int i = 0; i < kPixels; ++i) {
    const auto v = hn::Set(d, x[i][k]);
    for (int j = 0; j < kVectors; ++j) sum[i][j] = hn::MulAdd(v, r[j], sum[i][j]);
  }
}

// A step on all sums, in registers.
template <sdk::EpilogueStep::Kind kKind, class D, int kPixels, int kVectors>
HWY_INLINE void Each(D d, const float* x, std::int64_t pixel_step,
                     hn::Vec<D> (&sum)[kPixels][kVectors]) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if (pixel_step == 0) {
    for (int j = 0; j < kVectors; ++j) {
      const auto v = hn::LoadU(d, x + j * lanes);
      HWY_UNROLL(12)
      for (int i = 0; i < kPixels; ++i) sum[i][j] = Apply(d, kKind, sum[i][j], v);
    }
    return;
  }
  HWY_UNROLL(12)
  for (int i = 0; i < kPixels; ++i)
    for (int j = 0; j < kVectors; ++j)
      sum[i][j] = Apply(d, kKind, sum[i][j], hn::LoadU(d, x + i * pixel_step + j * lanes));
}

// The same for a bound that is a number.
template <bool kLow, class D, int kPixels, int kVectors>
HWY_INLINE void EachBounded(D d, const float* x, hn::Vec<D> (&sum)[kPixels][kVectors]) {
  const auto bound = hn::LoadU(d, x);
  HWY_UNROLL(12)
  for (int i = 0; i < kPixels; ++i)
    for (int j = 0; j < kVectors; ++j)
      sum[i][j] = kLow ? AtLeast(d, sum[i][j], bound) : AtMost(d, sum[i][j], bound);
}

// silu on n values; too long to be repeated for every sum.
HWY_NOINLINE void Silu(float* p, std::int64_t n) {
  const hn::ScalableTag<float> d;
  for (std::int64_t k = 0; k < n; k += static_cast<std::int64_t>(hn::Lanes(d)))
    hn::StoreU(Apply(d, sdk::EpilogueStep::silu, hn::LoadU(d, p + k), hn::Zero(d)), d, p + k);
}

template <class D, int kPixels, int kVectors>
HWY_INLINE void SiluOfAll(D d, hn::Vec<D> (&sum)[kPixels][kVectors]) {
  const std::size_t lanes = hn::Lanes(d);
  HWY_ALIGN float all[kPixels * kVectors * HWY_MAX_BYTES / 4];
  HWY_UNROLL(12)
  for (std::size_t i = 0; i < kPixels; ++i)
    for (std::size_t j = 0; j < kVectors; ++j)
      hn::Store(sum[i][j], d, all + (i * kVectors + j) * lanes);
  Silu(all, static_cast<std::int64_t>(kPixels * kVectors * lanes));
  HWY_UNROLL(12)
  for (std::size_t i = 0; i < kPixels; ++i)
    for (std::size_t j = 0; j < kVectors; ++j)
      sum[i][j] = hn::Load(d, all + (i * kVectors + j) * lanes);
}

template <class D, int kPixels, int kVectors>
HWY_INLINE void End(D d, const Ending& e, hn::Vec<D> (&sum)[kPixels][kVectors]) {
  using S = sdk::EpilogueStep;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::uint32_t k = 0; k < e.n; ++k) {
    const float* x = e.operand(e.steps[k]);
    const std::int64_t step = e.steps[k].pixel_step;
    switch (e.steps[k].kind) {
      case S::relu:
        Each<S::relu>(d, x, step, sum);
        break;
      case S::add:
        Each<S::add>(d, x, step, sum);
        break;
      case S::subtract:
        Each<S::subtract>(d, x, step, sum);
        break;
      case S::multiply:
        Each<S::multiply>(d, x, step, sum);
        break;
      case S::maximum:
        if (e.steps[k].bound)
          EachBounded<true>(d, x, sum);
        else
          Each<S::maximum>(d, x, step, sum);
        break;
      case S::minimum:
        if (e.steps[k].bound)
          EachBounded<false>(d, x, sum);
        else
          Each<S::minimum>(d, x, step, sum);
        break;
      case S::silu:
        SiluOfAll(d, sum);
        break;
    }
  }
  float* to = e.to();
  HWY_UNROLL(12)
  for (int i = 0; i < kPixels; ++i)
    for (int j = 0; j < kVectors; ++j) hn::StoreU(sum[i][j], d, to + i * e.y_step + j * lanes);
}

template <int kPixels, int kVectors>
HWY_NOINLINE void Sum(const Part& p) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sum[kPixels][kVectors];
  HWY_UNROLL(12)
  for (int i = 0; i < kPixels; ++i)
    for (int j = 0; j < kVectors; ++j)
      sum[i][j] = p.first ? hn::Zero(d) : hn::LoadU(d, p.sum + (i * kVectors + j) * lanes);
  if (p.ending) {
    const float* to = p.ending->to() + 2 * kPixels * p.ending->y_step;
    HWY_UNROLL(12)
    for (int i = 0; i < kPixels; ++i) __builtin_prefetch(to + i * p.ending->y_step, 1, 3);
  }
  const float* HWY_RESTRICT w = p.w;
  const float* ahead = p.ahead;
  const std::int64_t w_step = kVectors * lanes, last = p.from + p.length;
  for (std::int64_t run = 0; run < p.runs; ++run) {
    const float* x[kPixels];
    HWY_UNROLL(12)
    for (int i = 0; i < kPixels; ++i) x[i] = p.x[run * p.x_step + i];
    std::int64_t k = p.from;
    for (; k + 4 <= last; k += 4, w += 4 * w_step) {
      __builtin_prefetch(ahead, 0, 2);
      __builtin_prefetch(ahead + 16, 0, 2);
      ahead += p.ahead_step;
      Multiply(d, x, k, w, sum);
      Multiply(d, x, k + 1, w + w_step, sum);
      Multiply(d, x, k + 2, w + 2 * w_step, sum);
      Multiply(d, x, k + 3, w + 3 * w_step, sum);
    }
    for (; k < last; ++k, w += w_step) Multiply(d, x, k, w, sum);
  }
  if (p.ending) return End(d, *p.ending, sum);
  HWY_UNROLL(12)
  for (int i = 0; i < kPixels; ++i)
    for (int j = 0; j < kVectors; ++j) hn::StoreU(sum[i][j], d, p.sum + (i * kVectors + j) * lanes);
}

// The same for a bundle of small groups: filter j reads channels j / kSmall * kSmall .. of a tap.
template <int kPixels, int kSmall>
HWY_NOINLINE void SumSmall(const Part& p) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  HWY_ALIGN std::int32_t lane[kSmall][HWY_MAX_BYTES / 4];
  for (std::int32_t k = 0; k < kSmall; ++k)
    for (std::int32_t j = 0; j < lanes; ++j) lane[k][j] = j / kSmall * kSmall + k;
  decltype(hn::SetTableIndices(d, lane[0])) own[kSmall];
  HWY_UNROLL(8)
  for (int k = 0; k < kSmall; ++k) own[k] = hn::SetTableIndices(d, lane[k]);
  V sum[kPixels][1];
  HWY_UNROLL(12)
  for (int i = 0; i < kPixels; ++i)
    sum[i][0] = p.first ? hn::Zero(d) : hn::LoadU(d, p.sum + i * lanes);
  const float* HWY_RESTRICT w = p.w;
  for (std::int64_t run = 0; run < p.runs; ++run, w += kSmall * lanes) {
    const float* const* x = p.x + run * p.x_step;
    V r[kSmall];
    HWY_UNROLL(8)
    for (int k = 0; k < kSmall; ++k) r[k] = hn::LoadU(d, w + k * lanes);
    HWY_UNROLL(12)
    for (int i = 0; i < kPixels; ++i) {
      const V v = hn::LoadU(d, x[i] + p.from);
      HWY_UNROLL(8)
      for (int k = 0; k < kSmall; ++k)
        sum[i][0] = hn::MulAdd(hn::TableLookupLanes(v, own[k]), r[k], sum[i][0]);
    }
  }
  if (p.ending) return End(d, *p.ending, sum);
  HWY_UNROLL(12)
  for (int i = 0; i < kPixels; ++i) hn::StoreU(sum[i][0], d, p.sum + i * lanes);
}

template <int kSmall, int kPixels = kRows>
HWY_INLINE void SumSmallOf(const Part& p, std::int64_t pixels) {
  if constexpr (kPixels > 0) {
    if (pixels == kPixels) return SumSmall<kPixels, kSmall>(p);
    SumSmallOf<kSmall, kPixels - 1>(p, pixels);
  }
}

template <int kVectors, int kPixels = kRows>
HWY_INLINE void SumOf(const Part& p, std::int64_t pixels) {
  if constexpr (kPixels > 0) {
    if (pixels == kPixels) return Sum<kPixels, kVectors>(p);
    SumOf<kVectors, kPixels - 1>(p, pixels);
  }
}

// Sums [pixel][vector] of some pixels to y, where a group's filters end within a vector.
HWY_INLINE void StoreRest(const Ending& e, const float* sum, std::int64_t width,
                          std::int64_t pixels, std::int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t i = 0; i < pixels; ++i) {
    for (std::int64_t j = 0; j < count; j += lanes) {
      auto v = hn::LoadU(d, sum + i * width + j);
      for (std::uint32_t k = 0; k < e.n; ++k) {
        const Step& s = e.steps[k];
        const float* x = e.operand(s) + i * s.pixel_step + j;
        v = Apply(d, s.kind, v, LoadSome(d, x, count - j));
      }
      StoreSome(v, d, e.to() + i * e.y_step + j, count - j);
    }
  }
}

// Pieces of the depth, so that the weights of a block stay in the nearest cache: some runs, or a
// part of one.
struct Pieces {
  std::int64_t runs, length;
  explicit Pieces(const DirectShape& s) {
    constexpr std::int64_t kMost = 320;
    const std::int64_t all = s.runs(), run = s.run();
    const auto even = [](std::int64_t n, std::int64_t most) {
      const std::int64_t pieces = (n + most - 1) / most;
      return (n + pieces - 1) / pieces;
    };
    runs = run >= kMost ? 1 : even(all, std::max<std::int64_t>(1, kMost / run));
    length = run > kMost ? (even(run, kMost) + 3) / 4 * 4 : run;
  }
};

// All pixels of a chunk by one block of filters.
struct Block {
  const float* const* table;
  std::int64_t pixels, width, count, offset;  // offset: of the group's channels
  const float* w;
  float* sums;
};

void SumBlock(const DirectShape& s, const Pieces& pieces, const Block& b, Ending ending) {
  const std::int64_t groups = (b.pixels + kRows - 1) / kRows, run = s.run(), all = s.runs();
  const float* w = b.w;
  for (std::int64_t r = 0; r < all; r += pieces.runs) {
    const std::int64_t runs = std::min(pieces.runs, all - r);
    for (std::int64_t from = 0; from < run; from += pieces.length) {
      const std::int64_t length = std::min(pieces.length, run - from);
      const std::int64_t floats = runs * length * b.width;
      const bool last = r + runs == all && from + length == run;
      std::int64_t at = 0;
      for (std::int64_t g = 0; g < groups; ++g) {
        const std::int64_t n = (b.pixels - at + groups - g - 1) / (groups - g);
        float* sum = b.sums + at * b.width;
        // What follows in memory is what the next piece needs; a quarter of it for each group.
        const bool fetch = g < 4;
        const Part p{b.table + r * b.pixels + at,
                     b.pixels,
                     runs,
                     b.offset + from,
                     length,
                     w,
                     fetch ? w + floats + g * floats / 4 : w,
                     fetch ? 32 : 0,
                     sum,
                     r == 0 && from == 0,
                     last && b.count == b.width ? &ending : nullptr};
        if (s.small == 4)
          SumSmallOf<4>(p, n);
        else if (s.small == 8)
          SumSmallOf<8>(p, n);
        else if (b.width > s.lanes)
          SumOf<2>(p, n);
        else
          SumOf<1>(p, n);
        if (last && b.count < b.width) StoreRest(ending, sum, b.width, n, b.count);
        at += n;
        ending.pixel += last ? n : 0;
      }
      w += floats;
    }
  }
}

void Tile(const DirectShape& s, const float* x, const float* w, float* y,
          const sdk::ConvEpilogue* e, std::int64_t task, void* scratch) {
  const std::int64_t chunk = s.by_part ? task % s.chunks : task / s.parts;
  const std::int64_t part = s.by_part ? task / s.chunks : task % s.parts;
  auto* memory = static_cast<char*>(scratch);
  auto* table = reinterpret_cast<const float**>(memory);
  auto* sums = reinterpret_cast<float*>(memory + s.table_bytes());
  float* zeros = sums + s.sums_bytes() / 4;
  const std::int64_t first = s.pixels() * chunk / s.chunks;
  const std::int64_t pixels = s.pixels() * (chunk + 1) / s.chunks - first;
  std::fill(zeros, zeros + s.zeros(), 0.0f);
  Places(s, x, table, zeros, zeros + s.zeros()).find(first, pixels);
  Step steps[sdk::Epilogue::max_steps];
  HWY_ALIGN float constants[sdk::Epilogue::max_steps][2 * HWY_MAX_BYTES / 4];
  const std::uint32_t n = e ? e->steps->n : 0;
  for (std::uint32_t k = 0; k < n; ++k) {
    const bool each = e->operand[k] && (e->full[k] || e->channel[k]);
    if (!each)
      std::fill(constants[k], constants[k] + s.block(),
                e->operand[k] ? *e->operand[k] : static_cast<float>(e->steps->step[k].imm));
    steps[k] = {e->steps->step[k].kind, each ? e->operand[k] : constants[k], e->full[k] ? s.o : 0,
                each, !each && constants[k][0] == constants[k][0]};
  }
  const Pieces pieces(s);
  const std::int64_t blocks = s.groups * s.blocks();
  for (std::int64_t k = blocks * part / s.parts; k < blocks * (part + 1) / s.parts; ++k) {
    const std::int64_t group = k / s.blocks(), b = k % s.blocks();
    const std::int64_t width = s.width(b), filter = b * s.block();
    const Block block{table,        pixels,
                      width,        std::min(width, s.og - filter),
                      group * s.cg, w + group * s.group_floats() + b * s.block_floats(),
                      sums};
    SumBlock(s, pieces, block, {steps, n, first, group * s.og + filter, y, s.o});
  }
}

const DirectOps& GetDirectOps() {
  static const DirectOps ops{static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>())), kRows,
                             Tile};
  return ops;
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetDirectOps);

const DirectOps& direct_ops() { return HWY_DYNAMIC_DISPATCH(GetDirectOps)(); }

}  // namespace quern::simd
#endif
