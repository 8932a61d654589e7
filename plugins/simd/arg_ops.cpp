// The places of largest and smallest elements for every instruction set.
// Not here: how an array is cut into rows and columns (arg.cpp).
#include <algorithm>
#include <type_traits>

#include "plugins/simd/arg.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/arg_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/lane-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// Orders the lanes of a cell.
template <class C, bool kLargest>
struct Contest {
  using T = typename C::T;
  using Lane = typename C::Lane;
  using Tag = typename C::Tag;
  using Vec = hn::Vec<Tag>;
  static constexpr bool kFloat = std::is_floating_point_v<Lane>;

  // Where b beats a. A comparison that is false for NaN, turned round, is true for it.
  static HWY_INLINE hn::Mask<Tag> Beats(Vec b, Vec a) {
    if constexpr (kFloat) {
      const auto no = kLargest ? hn::Le(b, a) : hn::Ge(b, a);
      return hn::And(hn::Not(no), hn::Eq(a, a));
    } else {
      return kLargest ? hn::Gt(b, a) : hn::Lt(b, a);
    }
  }
  static HWY_INLINE bool Beats(Lane b, Lane a) {
    if constexpr (kFloat) return a == a && !(kLargest ? b <= a : b >= a);
    return kLargest ? b > a : b < a;
  }
};

template <class C, bool kLargest>
bool ArgBetter(const void* from, std::int64_t a, std::int64_t b) {
  const auto* x = static_cast<const typename C::T*>(from);
  return Contest<C, kLargest>::Beats(C::One(x[b]), C::One(x[a]));
}

// The best of each lane, block after block; then where it is in the block that it came from.
template <class C, bool kLargest>
std::uint64_t ArgRow(const void* from, std::int64_t n) {
  using Co = Contest<C, kLargest>;
  const typename C::Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  constexpr std::int64_t kBlock = 2048;
  const auto* x = static_cast<const typename C::T*>(from);
  typename C::Lane best = C::One(x[0]);
  // The elements from i on; lanes beyond the end repeat the first of all.
  const auto part = [&](std::int64_t i, std::int64_t end) HWY_ATTR {
    if (i + lanes <= end) return C::Load(x + i);
    const auto some = hn::FirstN(d, static_cast<std::size_t>(end - i));
    return hn::IfThenElse(some, C::Load(x + i, end - i), hn::Set(d, C::One(x[0])));
  };
  std::int64_t place = 0;
  for (std::int64_t start = 0; start < n; start += kBlock) {
    const std::int64_t end = std::min(n, start + kBlock);
    const auto first = hn::Set(d, best);
    auto a = first, b = first, c = first, e = first;
    std::int64_t i = start;
    for (; i + 4 * lanes <= end; i += 4 * lanes) {
      const auto u = C::Load(x + i), v = C::Load(x + i + lanes), w = C::Load(x + i + 2 * lanes),
                 z = C::Load(x + i + 3 * lanes);
      a = hn::IfThenElse(Co::Beats(u, a), u, a);
      b = hn::IfThenElse(Co::Beats(v, b), v, b);
      c = hn::IfThenElse(Co::Beats(w, c), w, c);
      e = hn::IfThenElse(Co::Beats(z, e), z, e);
    }
    for (; i < end; i += lanes) {
      const auto u = part(i, end);
      a = hn::IfThenElse(Co::Beats(u, a), u, a);
    }
    a = hn::IfThenElse(Co::Beats(b, a), b, a);
    c = hn::IfThenElse(Co::Beats(e, c), e, c);
    a = hn::IfThenElse(Co::Beats(c, a), c, a);
    if (hn::AllFalse(d, Co::Beats(a, first))) continue;
    HWY_ALIGN typename C::Lane buf[hn::MaxLanes(d)];
    hn::Store(a, d, buf);
    for (std::int64_t k = 0; k < lanes; ++k)
      if (Co::Beats(buf[k], best)) best = buf[k];
    // The first element that the best does not beat: the first equal to it, or the first NaN.
    const auto all = hn::Set(d, best);
    for (i = start; i < end; i += lanes) {
      const auto u = i + lanes <= end ? C::Load(x + i) : C::Load(x + i, end - i);
      auto hit = Co::kFloat && best != best ? hn::Not(hn::Eq(u, u)) : hn::Eq(u, all);
      if (i + lanes > end) hit = hn::And(hit, hn::FirstN(d, static_cast<std::size_t>(end - i)));
      const std::intptr_t k = hn::FindFirstTrue(d, hit);
      if (k < 0) continue;
      place = i + k;
      break;
    }
  }
  return static_cast<std::uint64_t>(place);
}

// One vector or kVectors of columns; `load` takes an element's offset.
template <class C, bool kLargest, int kVectors, class F>
HWY_INLINE void ArgStrip(std::int64_t n, std::int64_t step, std::int64_t k, const F& load,
                         std::uint32_t* y) {
  using Co = Contest<C, kLargest>;
  const typename C::Tag d;
  const hn::RebindToUnsigned<typename C::Tag> du;
  using Index = hn::TFromD<decltype(du)>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  typename Co::Vec best[kVectors];
  hn::Vec<decltype(du)> at[kVectors];
  for (int v = 0; v < kVectors; ++v) best[v] = load(v * lanes), at[v] = hn::Zero(du);
  for (std::int64_t i = 1; i < n; ++i) {
    const auto here = hn::Set(du, static_cast<Index>(i));
    for (int v = 0; v < kVectors; ++v) {
      const auto e = load(i * step + v * lanes);
      const auto hit = Co::Beats(e, best[v]);
      best[v] = hn::IfThenElse(hit, e, best[v]);
      at[v] = hn::IfThenElse(hn::RebindMask(du, hit), here, at[v]);
    }
  }
  HWY_ALIGN Index buf[hn::MaxLanes(du)];
  for (int v = 0; v < kVectors; ++v) {
    hn::Store(at[v], du, buf);
    for (std::int64_t c = 0; c < std::min(lanes, k - v * lanes); ++c)
      y[v * lanes + c] = static_cast<std::uint32_t>(buf[c]);
  }
}

template <class C, bool kLargest>
void ArgColumns(const void* from, std::int64_t n, std::int64_t step, std::int64_t width,
                std::uint32_t* y) {
  using T = typename C::T;
  const auto* x = static_cast<const T*>(from);
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(typename C::Tag()));
  std::int64_t c = 0;
  for (; c + 4 * lanes <= width; c += 4 * lanes)
    ArgStrip<C, kLargest, 4>(
        n, step, 4 * lanes, [&](std::int64_t at) HWY_ATTR { return C::Load(x + c + at); }, y + c);
  for (; c + lanes <= width; c += lanes)
    ArgStrip<C, kLargest, 1>(
        n, step, lanes, [&](std::int64_t at) HWY_ATTR { return C::Load(x + c + at); }, y + c);
  if (c < width)
    ArgStrip<C, kLargest, 1>(
        n, step, width - c,
        [&](std::int64_t at) HWY_ATTR { return C::Load(x + c + at, width - c); }, y + c);
}

// A lane for each row. Narrow elements are widened first.
template <class C, bool kLargest>
std::int64_t ArgShortRows(const void* from, std::int64_t rows, std::int64_t n, std::uint32_t* y) {
  const typename C::Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if constexpr (C::kGathers) {
    const hn::RebindToSigned<typename C::Tag> di;
    using Offset = hn::TFromD<decltype(di)>;
    const auto* x = static_cast<const typename C::T*>(from);
    HWY_ALIGN Offset apart[hn::MaxLanes(di)];
    for (std::int64_t k = 0; k < lanes; ++k) apart[k] = static_cast<Offset>(k * n);
    const auto at_lane = hn::Load(di, apart);
    std::int64_t r = 0;
    for (; r + lanes <= rows; r += lanes)
      ArgStrip<C, kLargest, 1>(
          n, 1, lanes,
          [&](std::int64_t at) HWY_ATTR { return hn::GatherIndex(d, x + r * n + at, at_lane); },
          y + r);
    return r;
  } else {
    using Lane = typename C::Lane;
    HWY_ALIGN Lane room[kShortRow * hn::MaxLanes(d)];
    const auto* x = static_cast<const typename C::T*>(from);
    std::int64_t r = 0;
    for (; r + lanes <= rows; r += lanes) {
      for (std::int64_t i = 0; i < n; ++i)
        hn::Store(C::Load(x + r * n + i * lanes), d, room + i * lanes);
      ArgShortRows<Same<Lane>, kLargest>(room, lanes, n, y + r);
    }
    return r;
  }
}

template <class C, bool kLargest>
constexpr ArgOps kArgOps{ArgRow<C, kLargest>, ArgBetter<C, kLargest>, ArgColumns<C, kLargest>,
                         ArgShortRows<C, kLargest>};

template <bool kLargest>
const ArgOps* ArgOpsOf(qn_dtype t) {
  switch (t) {
    case QN_BOOL:
    case QN_U8:
      return &kArgOps<Promoted<std::uint8_t>, kLargest>;
    case QN_I8:
      return &kArgOps<Promoted<std::int8_t>, kLargest>;
    case QN_U16:
      return &kArgOps<Promoted<std::uint16_t>, kLargest>;
    case QN_I16:
      return &kArgOps<Promoted<std::int16_t>, kLargest>;
    case QN_U32:
      return &kArgOps<Same<std::uint32_t>, kLargest>;
    case QN_I32:
      return &kArgOps<Same<std::int32_t>, kLargest>;
    case QN_U64:
      return &kArgOps<Same<std::uint64_t>, kLargest>;
    case QN_I64:
      return &kArgOps<Same<std::int64_t>, kLargest>;
    case QN_F16:
      return &kArgOps<Widened<Ieee>, kLargest>;
    case QN_BF16:
      return &kArgOps<Widened<Brain>, kLargest>;
    case QN_F32:
      return &kArgOps<Same<float>, kLargest>;
#if HWY_HAVE_FLOAT64
    case QN_F64:
      return &kArgOps<Same<double>, kLargest>;
#endif
    default:
      return nullptr;
  }
}

const ArgOps* GetArgOps(qn_dtype t, bool largest) {
  return largest ? ArgOpsOf<true>(t) : ArgOpsOf<false>(t);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetArgOps);

const ArgOps* arg_ops(qn_dtype t, bool largest) {
  return HWY_DYNAMIC_DISPATCH(GetArgOps)(t, largest);
}

}  // namespace quern::simd
#endif
