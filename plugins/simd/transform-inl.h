// The one-dimensional transforms of tiles, over vectors of channels: Toom-Cook at the points
// 0, 1, -1, 2, -2, 1/2, -1/2, infinity (n = 8), 0, 1, -1, 2, -2, 1/2, infinity (n = 7) and
// 0, 1, -1, 1/2, -2, infinity (n = 6).
// With p the points and s the scale of point_scale(), a correlation y[i] = sum_k x[i + k] w[k] is
// y = to_outputs(data(x) * s * to_points(w)). y has kMaxTaps elements, of which `count`
// mean something. Included once for each instruction set.
#if defined(QUERN_SIMD_TRANSFORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_TRANSFORM_INL_H_
#undef QUERN_SIMD_TRANSFORM_INL_H_
#else
#define QUERN_SIMD_TRANSFORM_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kMaxTaps = 5;  // and outputs

// w[count - 1], by comparisons, so that w can stay in registers.
template <class V>
HWY_INLINE V Last(const V* w, int count) {
  V v = w[0];
  HWY_UNROLL(5)
  for (int k = 1; k < kMaxTaps; ++k)
    if (count == k + 1) v = w[k];
  return v;
}

template <int N>
struct Transform;

template <>
struct Transform<1> {
  static constexpr float kScale[1] = {1};
  template <class D, class V>
  static HWY_INLINE void Data(D, const V* x, V* v) {
    v[0] = x[0];
  }
  template <class D, class V>
  static HWY_INLINE void ToPoints(D, const V* w, int, V* v) {
    v[0] = w[0];
  }
  template <class D, class V>
  static HWY_INLINE void ToOutputs(D, const V* v, int, V* y) {
    for (int i = 0; i < kMaxTaps; ++i) y[i] = v[0];
  }
};

template <>
struct Transform<6> {
  static constexpr float kScale[6] = {1, 1.0f / 3, -1.0f / 3, -16.0f / 15, 1.0f / 15, 1};
  template <class D, class V>
  static HWY_INLINE void Data(D d, const V* x, V* v) {
    const V half = hn::Set(d, 0.5f), two = hn::Set(d, 2.0f), a = hn::Set(d, 1.5f),
            b = hn::Set(d, 2.5f);
    const V even = hn::NegMulAdd(two, x[2], x[4]);  // x4 - 2 x2
    v[0] = hn::Add(hn::MulAdd(a, hn::Sub(x[3], x[1]), even), x[0]);
    v[1] = hn::Add(hn::MulAdd(half, x[2], hn::Sub(x[4], x[1])), hn::Mul(b, x[3]));
    v[2] = hn::NegMulAdd(b, x[2], hn::MulAdd(half, x[3], hn::Add(x[1], x[4])));
    v[3] = hn::MulAdd(two, hn::Sub(x[3], x[1]), hn::Sub(x[4], x[2]));
    v[4] = hn::MulAdd(half, hn::Sub(x[1], x[3]), hn::Sub(x[4], x[2]));
    v[5] = hn::Add(hn::MulAdd(a, hn::Sub(x[4], x[2]), hn::NegMulAdd(two, x[3], x[5])), x[1]);
  }
  // w[count .. kMaxTaps) are zero.
  template <class D, class V>
  static HWY_INLINE void ToPoints(D d, const V* w, int count, V* v) {
    const V half = hn::Set(d, 0.5f), minus = hn::Set(d, -2.0f);
    const V even = hn::Add(w[0], hn::Add(w[2], w[4])), odd = hn::Add(w[1], w[3]);
    v[0] = w[0];
    v[1] = hn::Add(even, odd);
    v[2] = hn::Sub(even, odd);
    V a = w[4], b = w[4];
    HWY_UNROLL(4)
    for (int k = 3; k >= 0; --k) a = hn::MulAdd(a, half, w[k]), b = hn::MulAdd(b, minus, w[k]);
    v[3] = a;
    v[4] = b;
    v[5] = Last(w, count);
  }
  template <class D, class V>
  static HWY_INLINE void ToOutputs(D d, const V* v, int count, V* y) {
    const V half = hn::Set(d, 0.5f), minus = hn::Set(d, -2.0f);
    const V even = hn::Add(v[1], v[2]), odd = hn::Sub(v[1], v[2]);
    V a = v[3], b = v[4];
    y[0] = hn::Add(hn::Add(v[0], even), hn::Add(a, b));
    if (count == 1) y[0] = hn::Add(y[0], v[5]);
    HWY_UNROLL(5)
    for (int i = 1; i < kMaxTaps; ++i) {
      y[i] = y[0];
      if (i >= count) continue;
      a = hn::Mul(a, half);
      b = hn::Mul(b, minus);
      y[i] = hn::Add(i % 2 ? odd : even, hn::Add(a, b));
      if (i == count - 1) y[i] = hn::Add(y[i], v[5]);
    }
  }
};

template <>
struct Transform<7> {
  static constexpr float kScale[7] = {-0.5f,      -1.0f / 3,  1.0f / 9, 1.0f / 36,
                                      -1.0f / 60, 32.0f / 45, 1};
  template <class D, class V>
  static HWY_INLINE void Data(D d, const V* x, V* v) {
    const V half = hn::Set(d, 0.5f), two = hn::Set(d, 2.0f), four = hn::Set(d, 4.0f),
            five = hn::Set(d, 5.0f);
    V e[6];  // all points but 1/2 and infinity share the factor z - 1/2
    HWY_UNROLL(6)
    for (int k = 0; k < 6; ++k) e[k] = hn::NegMulAdd(half, x[k], x[k + 1]);
    const V p0 = hn::NegMulAdd(four, e[1], e[3]), p1 = hn::NegMulAdd(four, e[2], e[4]);
    const V q0 = hn::Sub(e[3], e[1]), q1 = hn::Sub(e[4], e[2]);
    v[0] = hn::MulAdd(four, e[0], hn::NegMulAdd(five, e[2], e[4]));
    v[1] = hn::Add(p1, p0);
    v[2] = hn::Sub(p1, p0);
    v[3] = hn::MulAdd(two, q0, q1);
    v[4] = hn::NegMulAdd(two, q0, q1);
    v[5] = hn::MulAdd(four, x[1], hn::NegMulAdd(five, x[3], x[5]));
    v[6] = hn::MulAdd(four, e[1], hn::NegMulAdd(five, e[3], e[5]));
  }
  // w[count .. kMaxTaps) are zero.
  template <class D, class V>
  static HWY_INLINE void ToPoints(D d, const V* w, int count, V* v) {
    const V half = hn::Set(d, 0.5f), two = hn::Set(d, 2.0f), four = hn::Set(d, 4.0f);
    const V e1 = hn::Add(w[0], hn::Add(w[2], w[4])), o1 = hn::Add(w[1], w[3]);
    const V e2 = hn::MulAdd(four, hn::MulAdd(four, w[4], w[2]), w[0]);
    const V o2 = hn::Mul(two, hn::MulAdd(four, w[3], w[1]));
    v[0] = w[0];
    v[1] = hn::Add(e1, o1);
    v[2] = hn::Sub(e1, o1);
    v[3] = hn::Add(e2, o2);
    v[4] = hn::Sub(e2, o2);
    V a = w[4];
    HWY_UNROLL(4)
    for (int k = 3; k >= 0; --k) a = hn::MulAdd(a, half, w[k]);
    v[5] = a;
    v[6] = Last(w, count);
  }
  template <class D, class V>
  static HWY_INLINE void ToOutputs(D d, const V* v, int count, V* y) {
    const V e1 = hn::Add(v[1], v[2]), o1 = hn::Sub(v[1], v[2]);
    const V e2 = hn::Add(v[3], v[4]), o2 = hn::Sub(v[3], v[4]);
    y[0] = hn::Add(hn::Add(v[0], e1), hn::Add(e2, v[5]));
    if (count == 1) y[0] = hn::Add(y[0], v[6]);
    HWY_UNROLL(5)
    for (int i = 1; i < kMaxTaps; ++i) {
      y[i] = y[0];
      if (i >= count) continue;
      const float p = static_cast<float>(1 << i);
      y[i] = hn::MulAdd(hn::Set(d, 1 / p), v[5],
                        hn::MulAdd(hn::Set(d, p), i % 2 ? o2 : e2, i % 2 ? o1 : e1));
      if (i == count - 1) y[i] = hn::Add(y[i], v[6]);
    }
  }
};

template <>
struct Transform<8> {
  static constexpr float kScale[8] = {1,         -2.0f / 9,  -2.0f / 9,  1.0f / 90,
                                      1.0f / 90, 32.0f / 45, 32.0f / 45, 1};
  template <class D, class V>
  static HWY_INLINE void Data(D d, const V* x, V* v) {
    const V half = hn::Set(d, 0.5f), two = hn::Set(d, 2.0f), quarter = hn::Set(d, 0.25f);
    const V a = hn::Set(d, 5.25f), b = hn::Set(d, 4.25f), c = hn::Set(d, 2.5f);
    const V e1 = hn::NegMulAdd(b, x[4], hn::Add(x[2], x[6]));
    const V o1 = hn::NegMulAdd(b, x[3], hn::Add(x[1], x[5]));
    const V e2 = hn::MulAdd(quarter, x[2], hn::NegMulAdd(hn::Set(d, 1.25f), x[4], x[6]));
    const V o2 = hn::MulAdd(half, x[1], hn::NegMulAdd(c, x[3], hn::Mul(two, x[5])));
    const V e3 = hn::MulAdd(hn::Set(d, 4.0f), x[2], hn::NegMulAdd(hn::Set(d, 5.0f), x[4], x[6]));
    const V o3 = hn::MulAdd(two, x[1], hn::NegMulAdd(c, x[3], hn::Mul(half, x[5])));
    v[0] = hn::MulAdd(a, hn::Sub(x[4], x[2]), hn::Sub(x[0], x[6]));
    v[1] = hn::Add(e1, o1);
    v[2] = hn::Sub(e1, o1);
    v[3] = hn::Add(e2, o2);
    v[4] = hn::Sub(e2, o2);
    v[5] = hn::Add(e3, o3);
    v[6] = hn::Sub(e3, o3);
    v[7] = hn::MulAdd(a, hn::Sub(x[3], x[5]), hn::Sub(x[7], x[1]));
  }
  // w[count .. kMaxTaps) are zero.
  template <class D, class V>
  static HWY_INLINE void ToPoints(D d, const V* w, int count, V* v) {
    const V half = hn::Set(d, 0.5f), two = hn::Set(d, 2.0f), quarter = hn::Set(d, 0.25f),
            four = hn::Set(d, 4.0f);
    const V e1 = hn::Add(w[0], hn::Add(w[2], w[4])), o1 = hn::Add(w[1], w[3]);
    const V e2 = hn::MulAdd(four, hn::MulAdd(four, w[4], w[2]), w[0]);
    const V o2 = hn::Mul(two, hn::MulAdd(four, w[3], w[1]));
    const V e3 = hn::MulAdd(quarter, hn::MulAdd(quarter, w[4], w[2]), w[0]);
    const V o3 = hn::Mul(half, hn::MulAdd(quarter, w[3], w[1]));
    v[0] = w[0];
    v[1] = hn::Add(e1, o1);
    v[2] = hn::Sub(e1, o1);
    v[3] = hn::Add(e2, o2);
    v[4] = hn::Sub(e2, o2);
    v[5] = hn::Add(e3, o3);
    v[6] = hn::Sub(e3, o3);
    v[7] = Last(w, count);
  }
  template <class D, class V>
  static HWY_INLINE void ToOutputs(D d, const V* v, int count, V* y) {
    const V e1 = hn::Add(v[1], v[2]), o1 = hn::Sub(v[1], v[2]);
    const V e2 = hn::Add(v[3], v[4]), o2 = hn::Sub(v[3], v[4]);
    const V e3 = hn::Add(v[5], v[6]), o3 = hn::Sub(v[5], v[6]);
    y[0] = hn::Add(hn::Add(v[0], e1), hn::Add(e2, e3));
    if (count == 1) y[0] = hn::Add(y[0], v[7]);
    HWY_UNROLL(5)
    for (int i = 1; i < kMaxTaps; ++i) {
      y[i] = y[0];
      if (i >= count) continue;
      const float p = static_cast<float>(1 << i);
      y[i] = i % 2 ? Power(d, o1, o2, o3, p) : Power(d, e1, e2, e3, p);
      if (i == count - 1) y[i] = hn::Add(y[i], v[7]);
    }
  }

 private:
  template <class D, class V>
  static HWY_INLINE V Power(D d, V a, V b, V c, float p) {
    return hn::MulAdd(hn::Set(d, p), b, hn::MulAdd(hn::Set(d, 1 / p), c, a));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
