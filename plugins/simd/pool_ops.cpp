// Max and average pooling of f32 and their gradients: vectors over channels, or over the width for
// channels-first. Not here: offers and tiling (pool.cpp).
#include <algorithm>
#include <cmath>
#include <limits>

#include "plugins/simd/pool.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/pool_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The part of a window that lies in the image.
struct Window {
  std::int64_t h0, h1, w0, w1;
  Window(const PoolShape& s, std::int64_t oh, std::int64_t ow) {
    h0 = oh * s.sh - s.ph, w0 = ow * s.sw - s.pw;
    h1 = std::min(h0 + s.kh, s.h), w1 = std::min(w0 + s.kw, s.w);
    h0 = std::max<std::int64_t>(h0, 0), w0 = std::max<std::int64_t>(w0, 0);
  }
};

template <class D, class V>
HWY_INLINE V Larger(D, V best, V v) {
  return hn::IfThenElse(hn::Or(hn::Gt(v, best), hn::Not(hn::Eq(v, v))), v, best);
}

HWY_INLINE bool SameValue(float a, float b) { return a == b || (a != a && b != b); }

struct MaxFold {
  static constexpr float kStart = -std::numeric_limits<float>::infinity();
  template <class D, class V>
  static HWY_INLINE V Add(D d, V a, V v) {
    return Larger(d, a, v);
  }
  static HWY_INLINE float One(float a, float v) { return v > a || v != v ? v : a; }
};
struct AvgFold {
  static constexpr float kStart = 0;
  template <class D, class V>
  static HWY_INLINE V Add(D, V a, V v) {
    return hn::Add(a, v);
  }
  static HWY_INLINE float One(float a, float v) { return a + v; }
};

// kVectors vectors of channels at once, then what is left one by one.
template <class Fold, class D, int kVectors>
HWY_INLINE void FoldChannels(D d, const PoolShape& s, const Window& win, const float* x,
                             float scale, float* y) {
  const std::size_t lanes = hn::Lanes(d);
  auto a = hn::Set(d, Fold::kStart), b = a;
  for (std::int64_t h = win.h0; h < win.h1; ++h) {
    const float* p = x + (h * s.w + win.w0) * s.c;
    for (std::int64_t w = win.w0; w < win.w1; ++w, p += s.c) {
      a = Fold::Add(d, a, hn::LoadU(d, p));
      if (kVectors > 1) b = Fold::Add(d, b, hn::LoadU(d, p + lanes));
    }
  }
  const auto v = hn::Set(d, scale);
  hn::StoreU(scale == 1.0f ? a : hn::Mul(a, v), d, y);
  if (kVectors > 1) hn::StoreU(scale == 1.0f ? b : hn::Mul(b, v), d, y + lanes);
}

template <class Fold>
void ForwardLast(const PoolShape& s, const float* x, float* y, std::int64_t lo, std::int64_t hi,
                 float scale) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 4> d4;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d)),
             lanes4 = static_cast<std::int64_t>(hn::Lanes(d4));
  for (std::int64_t r = lo; r < hi; ++r) {
    const float* image = x + r / s.oh * s.h * s.w * s.c;
    float* out = y + r * s.ow * s.c;
    for (std::int64_t ow = 0; ow < s.ow; ++ow, out += s.c) {
      const Window win(s, r % s.oh, ow);
      std::int64_t c = 0;
      for (; c + 2 * lanes <= s.c; c += 2 * lanes)
        FoldChannels<Fold, decltype(d), 2>(d, s, win, image + c, scale, out + c);
      for (; c + lanes <= s.c; c += lanes)
        FoldChannels<Fold, decltype(d), 1>(d, s, win, image + c, scale, out + c);
      for (; c + lanes4 <= s.c; c += lanes4)
        FoldChannels<Fold, decltype(d4), 1>(d4, s, win, image + c, scale, out + c);
      for (; c < s.c; ++c) {
        float a = Fold::kStart;
        for (std::int64_t h = win.h0; h < win.h1; ++h)
          for (std::int64_t w = win.w0; w < win.w1; ++w)
            a = Fold::One(a, image[(h * s.w + w) * s.c + c]);
        out[c] = a * scale;
      }
    }
  }
}

// Two rows in, one out, for windows of 2 x 2 with stride 2: even and odd columns are taken apart.
template <class Fold, class D>
HWY_INLINE std::int64_t HalveRow(D d, const float* x0, const float* x1, float scale, float* y,
                                 std::int64_t i, std::int64_t n) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (; i + lanes <= n; i += lanes) {
    hn::Vec<D> a, b, c, e;
    hn::LoadInterleaved2(d, x0 + 2 * i, a, b);
    hn::LoadInterleaved2(d, x1 + 2 * i, c, e);
    const auto m = Fold::Add(
        d, Fold::Add(d, Fold::Add(d, Fold::Add(d, hn::Set(d, Fold::kStart), a), b), c), e);
    hn::StoreU(hn::Mul(m, hn::Set(d, scale)), d, y + i);
  }
  return i;
}

HWY_INLINE bool Halving(const PoolShape& s) {
  return s.kh == 2 && s.kw == 2 && s.sh == 2 && s.sw == 2 && s.ph == 0 && s.pw == 0;
}

template <class Fold>
void ForwardFirst(const PoolShape& s, const float* x, float* y, std::int64_t lo, std::int64_t hi,
                  float scale) {
  for (std::int64_t r = lo; r < hi; ++r) {
    const float* plane = x + r / s.oh * s.h * s.w;
    const std::int64_t oh = r % s.oh;
    float* out = y + r * s.ow;
    std::int64_t ow = 0;
#if HWY_TARGET != HWY_SCALAR
    if (Halving(s)) {
      const float* x0 = plane + 2 * oh * s.w;
      ow = HalveRow<Fold>(hn::ScalableTag<float>(), x0, x0 + s.w, scale, out, ow, s.ow);
      ow = HalveRow<Fold>(hn::CappedTag<float, 4>(), x0, x0 + s.w, scale, out, ow, s.ow);
    }
#endif
    for (; ow < s.ow; ++ow) {
      const Window win(s, oh, ow);
      float a = Fold::kStart;
      for (std::int64_t h = win.h0; h < win.h1; ++h)
        for (std::int64_t w = win.w0; w < win.w1; ++w) a = Fold::One(a, plane[h * s.w + w]);
      out[ow] = a * scale;
    }
  }
}

template <class Fold>
void Forward(const PoolShape& s, const float* x, float* y, std::int64_t lo, std::int64_t hi,
             float scale) {
  if (s.channels_last)
    ForwardLast<Fold>(s, x, y, lo, hi, scale);
  else
    ForwardFirst<Fold>(s, x, y, lo, hi, scale);
}

void MaxPool(const PoolShape& s, const float* x, float* y, std::int64_t lo, std::int64_t hi) {
  Forward<MaxFold>(s, x, y, lo, hi, 1.0f);
}

void AvgPool(const PoolShape& s, const float* x, float* y, std::int64_t lo, std::int64_t hi) {
  Forward<AvgFold>(s, x, y, lo, hi, 1.0f / static_cast<float>(s.kh * s.kw));
}

// The range of output rows of a unit, with its rows of dx set to zero.
struct Unit {
  std::int64_t image, oh0, oh1;
  std::int64_t first, size;  // its elements of dx
  Unit(const PoolShape& s, std::int64_t k, float* dx) {
    const std::int64_t row = s.channels_last ? s.w * s.c : s.w;
    std::int64_t h0 = 0, h1 = s.h;
    if (s.disjoint() && s.oh > 0) {
      image = k / s.oh, oh0 = k % s.oh, oh1 = oh0 + 1;
      h0 = oh0 * s.sh, h1 = oh1 == s.oh ? s.h : h0 + s.sh;
    } else {
      image = k, oh0 = 0, oh1 = s.oh;
    }
    first = (image * s.h + h0) * row, size = (h1 - h0) * row;
    std::fill_n(dx + first, size, 0.0f);
  }
};

// dy goes to the first element of the window that equals its maximum.
template <class D>
HWY_INLINE void RouteChannels(D d, const PoolShape& s, const Window& win, const float* x,
                              hn::Vec<D> y, hn::Vec<D> dy, float* dx) {
  const auto nan = hn::Not(hn::Eq(y, y));
  auto open = hn::Eq(hn::Zero(d), hn::Zero(d));
  for (std::int64_t h = win.h0; h < win.h1; ++h) {
    std::int64_t at = (h * s.w + win.w0) * s.c;
    for (std::int64_t w = win.w0; w < win.w1; ++w, at += s.c) {
      const auto v = hn::LoadU(d, x + at);
      const auto hit = hn::And(open, hn::Or(hn::Eq(v, y), hn::And(nan, hn::Not(hn::Eq(v, v)))));
      hn::StoreU(hn::Add(hn::LoadU(d, dx + at), hn::IfThenElseZero(hit, dy)), d, dx + at);
      open = hn::AndNot(hit, open);
    }
  }
}

HWY_INLINE void RouteOne(const PoolShape& s, const Window& win, const float* x, float y, float dy,
                         float* dx, std::int64_t step) {
  for (std::int64_t h = win.h0; h < win.h1; ++h)
    for (std::int64_t w = win.w0; w < win.w1; ++w) {
      const std::int64_t at = (h * s.w + w) * step;
      if (!SameValue(x[at], y)) continue;
      dx[at] += dy;
      return;
    }
}

void GradLast(const PoolShape& s, const Unit& u, const float* x, const float* y, const float* dy,
              float* dx) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 4> d4;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d)),
             lanes4 = static_cast<std::int64_t>(hn::Lanes(d4));
  const float* xi = x + u.image * s.h * s.w * s.c;
  float* di = dx + u.image * s.h * s.w * s.c;
  for (std::int64_t oh = u.oh0; oh < u.oh1; ++oh) {
    for (std::int64_t ow = 0; ow < s.ow; ++ow) {
      const std::int64_t o = ((u.image * s.oh + oh) * s.ow + ow) * s.c;
      const Window win(s, oh, ow);
      std::int64_t c = 0;
      for (; c + lanes <= s.c; c += lanes)
        RouteChannels(d, s, win, xi + c, hn::LoadU(d, y + o + c), hn::LoadU(d, dy + o + c), di + c);
      for (; c + lanes4 <= s.c; c += lanes4)
        RouteChannels(d4, s, win, xi + c, hn::LoadU(d4, y + o + c), hn::LoadU(d4, dy + o + c),
                      di + c);
      for (; c < s.c; ++c) RouteOne(s, win, xi + c, y[o + c], dy[o + c], di + c, s.c);
    }
  }
}

template <class D, class M>
HWY_INLINE hn::Vec<D> Take(D, hn::Vec<D> v, hn::Vec<D> y, M nan, hn::Vec<D> dy, M& open) {
  const auto hit = hn::And(open, hn::Or(hn::Eq(v, y), hn::And(nan, hn::Not(hn::Eq(v, v)))));
  open = hn::AndNot(hit, open);
  return hn::IfThenElseZero(hit, dy);
}

template <class D>
HWY_INLINE std::int64_t DoubleRow(D d, const float* x, const float* y, const float* dy,
                                  std::int64_t w, float* dx, std::int64_t i, std::int64_t n) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (; i + lanes <= n; i += lanes) {
    hn::Vec<D> a, b, c, e;
    hn::LoadInterleaved2(d, x + 2 * i, a, b);
    hn::LoadInterleaved2(d, x + w + 2 * i, c, e);
    const auto m = hn::LoadU(d, y + i), g = hn::LoadU(d, dy + i);
    const auto nan = hn::Not(hn::Eq(m, m));
    auto open = hn::Eq(hn::Zero(d), hn::Zero(d));
    a = Take(d, a, m, nan, g, open);
    b = Take(d, b, m, nan, g, open);
    c = Take(d, c, m, nan, g, open);
    e = Take(d, e, m, nan, g, open);
    hn::StoreInterleaved2(a, b, d, dx + 2 * i);
    hn::StoreInterleaved2(c, e, d, dx + w + 2 * i);
  }
  return i;
}

void GradFirst(const PoolShape& s, const Unit& u, const float* x, const float* y, const float* dy,
               float* dx) {
  const float* xi = x + u.image * s.h * s.w;
  float* di = dx + u.image * s.h * s.w;
  for (std::int64_t oh = u.oh0; oh < u.oh1; ++oh) {
    const std::int64_t o = (u.image * s.oh + oh) * s.ow;
    std::int64_t ow = 0;
#if HWY_TARGET != HWY_SCALAR
    if (Halving(s)) {
      const std::int64_t at = 2 * oh * s.w;
      ow = DoubleRow(hn::ScalableTag<float>(), xi + at, y + o, dy + o, s.w, di + at, ow, s.ow);
      ow = DoubleRow(hn::CappedTag<float, 4>(), xi + at, y + o, dy + o, s.w, di + at, ow, s.ow);
    }
#endif
    for (; ow < s.ow; ++ow) RouteOne(s, Window(s, oh, ow), xi, y[o + ow], dy[o + ow], di, 1);
  }
}

void Mask(const Unit& u, const PoolMask& mask, float* dx) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto above = hn::Set(d, *mask.above), other = hn::Set(d, *mask.other);
  const float* x = mask.x + u.first;
  dx += u.first;
  std::int64_t i = 0;
  for (; i + lanes <= u.size; i += lanes) {
    const auto keep = hn::Gt(hn::LoadU(d, x + i), above);
    hn::StoreU(hn::IfThenElse(keep, hn::LoadU(d, dx + i), other), d, dx + i);
  }
  for (; i < u.size; ++i) dx[i] = x[i] > *mask.above ? dx[i] : *mask.other;
}

void MaxPoolGrad(const PoolShape& s, const float* x, const float* y, const float* dy, float* dx,
                 const PoolMask* mask, std::int64_t lo, std::int64_t hi) {
  for (std::int64_t k = lo; k < hi; ++k) {
    const Unit u(s, k, dx);
    if (s.channels_last)
      GradLast(s, u, x, y, dy, dx);
    else
      GradFirst(s, u, x, y, dy, dx);
    if (mask) Mask(u, *mask, dx);
  }
}

void AvgPoolGrad(const PoolShape& s, const float* dy, float* dx, std::int64_t lo, std::int64_t hi) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const float scale = 1.0f / static_cast<float>(s.kh * s.kw);
  const std::int64_t step = s.channels_last ? s.c : 1;
  for (std::int64_t k = lo; k < hi; ++k) {
    const Unit u(s, k, dx);
    float* di = dx + u.image * s.h * s.w * step;
    for (std::int64_t oh = u.oh0; oh < u.oh1; ++oh) {
      const float* g = dy + (u.image * s.oh + oh) * s.ow * step;
      for (std::int64_t ow = 0; ow < s.ow; ++ow, g += step) {
        const Window win(s, oh, ow);
        for (std::int64_t h = win.h0; h < win.h1; ++h)
          for (std::int64_t w = win.w0; w < win.w1; ++w) {
            float* to = di + (h * s.w + w) * step;
            std::int64_t c = 0;
            for (; c + lanes <= step; c += lanes)
              hn::StoreU(hn::MulAdd(hn::LoadU(d, g + c), hn::Set(d, scale), hn::LoadU(d, to + c)),
                         d, to + c);
            for (; c < step; ++c) to[c] += g[c] * scale;
          }
      }
    }
  }
}

const PoolOps* GetPoolOps() {
  static constexpr PoolOps ops{MaxPool, AvgPool, MaxPoolGrad, AvgPoolGrad};
  return &ops;
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetPoolOps);

const PoolOps& pool_ops() { return *HWY_DYNAMIC_DISPATCH(GetPoolOps)(); }

}  // namespace quern::simd
#endif
