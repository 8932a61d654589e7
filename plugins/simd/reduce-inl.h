// Loops of reductions over rows and columns, for any op and element.
// Included once for each instruction set, inside Highway's target namespace.
//
// An Op says what is computed: Cell the elements (lane-inl.h), Acc the type of a total, kStart what
// it starts from, Vector and Scalar how two are joined, Lanes what lanes hold as one total.
// kWatched: Vector may lose a NaN; Careful does not.
#if defined(QUERN_SIMD_REDUCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_REDUCE_INL_H_
#undef QUERN_SIMD_REDUCE_INL_H_
#else
#define QUERN_SIMD_REDUCE_INL_H_
#endif

#include <algorithm>
#include <type_traits>

#include "plugins/simd/lane-inl.h"
#include "plugins/simd/reduce_ops.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

template <class Op>
using CellOf = typename Op::Cell;
template <class Op>
using ItemOf = typename Op::Cell::T;
template <class Op>
using LaneOf = typename Op::Cell::Lane;
template <class Op>
using TagOf = typename Op::Cell::Tag;
template <class Op>
using VecOf = hn::Vec<TagOf<Op>>;

// As many totals, in vectors. A watched op also sums the elements: a NaN among them shows there.
template <class Op, int kVectors>
struct Gathered {
  VecOf<Op> a[kVectors], sum[kVectors];

  HWY_INLINE Gathered() {
    const TagOf<Op> d;
    for (int v = 0; v < kVectors; ++v) {
      a[v] = hn::Set(d, static_cast<LaneOf<Op>>(Op::kStart));
      if constexpr (Op::kWatched) sum[v] = hn::Zero(d);
    }
  }
  template <bool kCareful>
  HWY_INLINE void Take(VecOf<Op> x, int v) {
    const TagOf<Op> d;
    if constexpr (kCareful) {
      a[v] = Op::Careful(d, a[v], x);
    } else {
      a[v] = Op::Vector(d, a[v], x);
      if constexpr (Op::kWatched) sum[v] = hn::Add(sum[v], x);
    }
  }
  HWY_INLINE bool Suspicious() const {
    const TagOf<Op> d;
    if constexpr (Op::kWatched) {
      auto all = sum[0];
      for (int v = 1; v < kVectors; ++v) all = hn::Add(all, sum[v]);
      return !hn::AllTrue(d, hn::Eq(all, all));
    }
    return false;
  }
};

template <class Op, bool kCareful>
HWY_INLINE bool RowBlock(const ItemOf<Op>* x, std::int64_t n, typename Op::Acc& total) {
  using C = CellOf<Op>;
  const TagOf<Op> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  Gathered<Op, 4> g;
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes)
    for (int v = 0; v < 4; ++v) g.template Take<kCareful>(C::Load(x + i + v * lanes), v);
  for (; i + lanes <= n; i += lanes) g.template Take<kCareful>(C::Load(x + i), 0);
  if (i < n) {
    const auto some = hn::FirstN(d, static_cast<std::size_t>(n - i));
    const auto fill = hn::Set(d, static_cast<LaneOf<Op>>(Op::kStart));
    g.template Take<kCareful>(hn::IfThenElse(some, C::Load(x + i, n - i), fill), 1);
  }
  if (!kCareful && g.Suspicious()) return false;
  const auto join = [&](VecOf<Op> a, VecOf<Op> b)
                        HWY_ATTR { return kCareful ? Op::Careful(d, a, b) : Op::Vector(d, a, b); };
  total = Op::Scalar(total, Op::Lanes(d, join(join(g.a[0], g.a[1]), join(g.a[2], g.a[3]))));
  return true;
}

template <class Op>
void ReduceRow(const void* from, std::int64_t n, void* total) {
  const auto* x = static_cast<const ItemOf<Op>*>(from);
  auto& t = *static_cast<typename Op::Acc*>(total);
  constexpr std::int64_t kBlock = 4096;
  for (std::int64_t i = 0; i < n; i += kBlock) {
    const std::int64_t m = std::min(kBlock, n - i);
    if (!RowBlock<Op, false>(x + i, m, t)) RowBlock<Op, true>(x + i, m, t);
  }
}

// totals[0 ..] joined with kVectors vectors, or with the first k lanes of one.
template <class Op>
HWY_INLINE void IntoTotals(VecOf<Op> a, typename Op::Acc* totals, std::int64_t k) {
  const TagOf<Op> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  if constexpr (std::is_same_v<typename Op::Acc, LaneOf<Op>>) {
    if (k >= lanes) return hn::StoreU(Op::Careful(d, hn::LoadU(d, totals), a), d, totals);
  }
  HWY_ALIGN LaneOf<Op> buf[hn::MaxLanes(d)];
  hn::Store(a, d, buf);
  if (k >= lanes)
    for (std::int64_t c = 0; c < lanes; ++c) totals[c] = Op::Scalar(totals[c], buf[c]);
  else
    for (std::int64_t c = 0; c < k; ++c) totals[c] = Op::Scalar(totals[c], buf[c]);
}

template <class Op, int kVectors, bool kCareful>
HWY_INLINE bool ReduceStrip(const void* const* rows, std::int64_t n_rows, std::int64_t c,
                            std::int64_t k, typename Op::Acc* totals) {
  using C = CellOf<Op>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(TagOf<Op>()));
  Gathered<Op, kVectors> g;
  for (std::int64_t r = 0; r < n_rows; ++r) {
    const auto* x = static_cast<const ItemOf<Op>*>(rows[r]) + c;
    if (kVectors == 1 && k < lanes) {
      g.template Take<kCareful>(C::Load(x, k), 0);
      continue;
    }
    for (int v = 0; v < kVectors; ++v) g.template Take<kCareful>(C::Load(x + v * lanes), v);
  }
  if (!kCareful && g.Suspicious()) return false;
  for (int v = 0; v < kVectors; ++v) IntoTotals<Op>(g.a[v], totals + c + v * lanes, k);
  return true;
}

template <class Op>
void ReduceColumns(const void* const* rows, std::int64_t n_rows, std::int64_t n, void* to) {
  auto* totals = static_cast<typename Op::Acc*>(to);
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(TagOf<Op>()));
  std::int64_t c = 0;
  for (; c + 4 * lanes <= n; c += 4 * lanes)
    if (!ReduceStrip<Op, 4, false>(rows, n_rows, c, lanes, totals))
      ReduceStrip<Op, 4, true>(rows, n_rows, c, lanes, totals);
  for (; c < n; c += lanes)
    if (!ReduceStrip<Op, 1, false>(rows, n_rows, c, n - c, totals))
      ReduceStrip<Op, 1, true>(rows, n_rows, c, n - c, totals);
}

template <class Op>
void StartTotals(void* totals, std::int64_t n) {
  std::fill_n(static_cast<typename Op::Acc*>(totals), n, static_cast<typename Op::Acc>(Op::kStart));
}

template <class Op>
void MergeTotals(void* to, const void* from, std::int64_t n) {
  auto* a = static_cast<typename Op::Acc*>(to);
  const auto* b = static_cast<const typename Op::Acc*>(from);
  for (std::int64_t c = 0; c < n; ++c) a[c] = Op::Scalar(a[c], b[c]);
}

template <class Op>
void StoreTotals(const void* from, void* to, std::int64_t n, std::int64_t apart) {
  const auto* totals = static_cast<const typename Op::Acc*>(from);
  auto* y = static_cast<typename Op::Out*>(to);
  for (std::int64_t c = 0; c < n; ++c) y[c * apart] = Op::Result(totals[c]);
}

template <class Op>
void ReduceShortRows(const void* from, std::int64_t rows, std::int64_t n, std::int64_t apart,
                     void* to, std::int64_t y_apart) {
  using Lane = LaneOf<Op>;
  const TagOf<Op> d;
  const hn::RebindToSigned<TagOf<Op>> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto* x = static_cast<const ItemOf<Op>*>(from);
  auto* y = static_cast<typename Op::Out*>(to);
  using Offset = hn::TFromD<decltype(di)>;
  HWY_ALIGN Offset offsets[hn::MaxLanes(di)];
  HWY_ALIGN Lane room[kShortReduced * hn::MaxLanes(d)];
  HWY_ALIGN Lane buf[hn::MaxLanes(d)];
  for (std::int64_t r = 0; r < rows; r += lanes) {
    const std::int64_t k = std::min(lanes, rows - r);
    // Lanes that have no row left take the first once more.
    if (r == 0 || k < lanes)
      for (std::int64_t j = 0; j < lanes; ++j)
        offsets[j] = static_cast<Offset>(j < k ? j * apart : 0);
    const auto at = hn::Load(di, offsets);
    const Lane* lane = nullptr;
    if constexpr (CellOf<Op>::kGathers) {
      lane = x + r * apart;
    } else {
      const std::int64_t all = k * n;
      for (std::int64_t i = 0; i < all; i += lanes)
        hn::Store(all - i >= lanes ? CellOf<Op>::Load(x + r * n + i)
                                   : CellOf<Op>::Load(x + r * n + i, all - i),
                  d, room + i);
      lane = room;
    }
    auto a = hn::Set(d, static_cast<Lane>(Op::kStart)), b = a;
    std::int64_t i = 0;
    for (; i + 2 <= n; i += 2) {
      a = Op::Careful(d, a, hn::GatherIndex(d, lane + i, at));
      b = Op::Careful(d, b, hn::GatherIndex(d, lane + i + 1, at));
    }
    if (i < n) a = Op::Careful(d, a, hn::GatherIndex(d, lane + i, at));
    hn::Store(Op::Careful(d, a, b), d, buf);
    for (std::int64_t j = 0; j < k; ++j)
      y[(r + j) * y_apart] = Op::Result(static_cast<typename Op::Acc>(buf[j]));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#endif
