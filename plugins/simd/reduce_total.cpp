// Sums and products over rows and columns for every instruction set: f32 in vectors of f32 whose
// short sums are gathered in doubles, products of f32 in doubles, so that nothing overflows on the
// way. Not here: how an array is cut into rows and columns (reduce.cpp), the loops (reduce-inl.h).
#include <type_traits>

#include "plugins/simd/reduce_ops.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/reduce_total.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/reduce-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// What is common to both: nothing is lost on the way, so nothing is watched.
template <class C, class A>
struct Total {
  using Cell = C;
  using Acc = A;
  using Out = typename C::T;
  static constexpr bool kWatched = false;
  static HWY_INLINE Out Result(Acc total) { return C::Back(total); }
};

template <class C, class A>
struct SumOp : Total<C, A> {
  static constexpr A kStart = 0;
  template <class DT, class VT>
  static HWY_INLINE VT Vector(DT, VT a, VT b) {
    return hn::Add(a, b);
  }
  template <class DT, class VT>
  static HWY_INLINE VT Careful(DT, VT a, VT b) {
    return hn::Add(a, b);
  }
  static HWY_INLINE A Scalar(A a, A b) { return a + b; }
  template <class DT, class VT>
  static HWY_INLINE A Lanes(DT d, VT v) {
    return static_cast<A>(hn::GetLane(hn::SumOfLanes(d, v)));
  }
};

template <class C, class A>
struct ProductOp : Total<C, A> {
  static constexpr A kStart = 1;
  template <class DT, class VT>
  static HWY_INLINE VT Vector(DT, VT a, VT b) {
    return hn::Mul(a, b);
  }
  template <class DT, class VT>
  static HWY_INLINE VT Careful(DT, VT a, VT b) {
    return hn::Mul(a, b);
  }
  static HWY_INLINE A Scalar(A a, A b) { return a * b; }
  template <class DT, class VT>
  static HWY_INLINE A Lanes(DT d, VT v) {
    HWY_ALIGN hn::TFromD<DT> buf[hn::MaxLanes(DT())];
    hn::Store(v, d, buf);
    for (std::size_t half = hn::Lanes(d) / 2; half > 0; half /= 2)
      for (std::size_t k = 0; k < half; ++k) buf[k] *= buf[k + half];
    return static_cast<A>(buf[0]);
  }
};

template <class Op>
constexpr ReduceOps kTotals{
    sizeof(typename Op::Acc), CellOf<Op>::kGathers, StartTotals<Op>, ReduceRow<Op>,
    ReduceColumns<Op>,        MergeTotals<Op>,      StoreTotals<Op>, ReduceShortRows<Op>};

const ReduceOps* GetTotalOps(bool product, qn_dtype t) {
  switch (t) {
    case QN_I32:
    case QN_U32:
      return product ? &kTotals<ProductOp<Same<std::uint32_t>, std::uint32_t>>
                     : &kTotals<SumOp<Same<std::uint32_t>, std::uint32_t>>;
    case QN_I64:
    case QN_U64:
      return product ? &kTotals<ProductOp<Same<std::uint64_t>, std::uint64_t>>
                     : &kTotals<SumOp<Same<std::uint64_t>, std::uint64_t>>;
    case QN_F16:  // products of halves: through f32
      return product ? nullptr : &kTotals<SumOp<Widened<Ieee>, double>>;
    case QN_BF16:
      return product ? nullptr : &kTotals<SumOp<Widened<Brain>, double>>;
#if HWY_HAVE_FLOAT64
    case QN_F32:
      return product ? &kTotals<ProductOp<Doubled, double>> : &kTotals<SumOp<Same<float>, double>>;
    case QN_F64:
      return product ? &kTotals<ProductOp<Same<double>, double>>
                     : &kTotals<SumOp<Same<double>, double>>;
#else
    case QN_F32:
      return product ? nullptr : &kTotals<SumOp<Same<float>, double>>;
#endif
    default:
      return nullptr;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetTotalOps);

const ReduceOps* total_ops(bool product, qn_dtype t) {
  return HWY_DYNAMIC_DISPATCH(GetTotalOps)(product, t);
}

}  // namespace quern::simd
#endif
