// Where the values of x lie that direct convolution sums: a table of the runs of all pixels, with
// what leaves the image replaced. Included once for each instruction set; it computes no sums.
#if defined(QUERN_SIMD_DIRECT_PLACES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_DIRECT_PLACES_INL_H_
#undef QUERN_SIMD_DIRECT_PLACES_INL_H_
#else
#define QUERN_SIMD_DIRECT_PLACES_INL_H_
#endif

#include <algorithm>

#include "hwy/highway.h"
#include "plugins/simd/conv_epilogue-inl.h"
#include "plugins/simd/direct.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Values begin .. end of a run of n, the others zero. Vectors, for runs are short.
HWY_INLINE void CopyRun(const float* from, std::int64_t begin, std::int64_t end, std::int64_t n,
                        float* to) {
#if HWY_TARGET <= HWY_AVX2
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto first = [d](std::int64_t k) HWY_ATTR {
    return hn::FirstN(d, static_cast<std::size_t>(std::max<std::int64_t>(k, 0)));
  };
  for (std::int64_t k = 0; k < n; k += lanes) {
    const auto mask = hn::AndNot(first(begin - k), first(end - k));
    StoreSome(hn::MaskedLoad(mask, d, from + k), d, to + k, n - k);
  }
#else
  for (std::int64_t k = 0; k < n; ++k) to[k] = k >= begin && k < end ? from[k] : 0;
#endif
}

// The places of the runs of pixels first .. first + pixels of all images: table[run][pixel].
class Places {
 public:
  // zeros: of a run; copies: s.copied() floats.
  Places(const DirectShape& s, const float* x, const float** table, const float* zeros,
         float* copies)
      : s_(s),
        x_(x),
        table_(table),
        zeros_(zeros),
        copies_(copies),
        left_(s.left()),
        right_(s.right()) {}

  void find(std::int64_t first, std::int64_t pixels) {
    const DirectAxis &h = s_.h, &w = s_.w;
    for (std::int64_t at = 0; at < pixels;) {
      const std::int64_t row = (first + at) / w.out, column = (first + at) % w.out;
      const std::int64_t n = std::min(w.out - column, pixels - at);
      const std::int64_t image = row / h.out, top = row % h.out * h.stride - h.padding;
      const float** to = table_ + at;
      for (std::int64_t i = 0; i < h.taps; ++i) {
        const std::int64_t y = top + i * h.dilation;
        const bool inside = y >= 0 && y < h.in;
        const float* line = x_ + (image * h.in + y) * w.in * s_.c;
        if (!inside) {
          for (std::int64_t j = 0; j < (s_.merged ? 1 : w.taps); ++j, to += pixels)
            std::fill(to, to + n, zeros_);
        } else if (s_.merged) {
          // The output above has a copy of the same, if it lies in the chunk.
          const std::int64_t tap = i + h.stride / h.dilation;
          const bool above = at >= w.out && row % h.out > 0 && h.stride % h.dilation == 0;
          const std::int64_t step = (tap - i) * pixels - w.out;
          of_rows(line, column, n, to, above && tap < h.taps ? to + step : nullptr);
          to += pixels;
        } else {
          for (std::int64_t j = 0; j < w.taps; ++j, to += pixels)
            of_tap(line, column * w.stride - w.padding + j * w.dilation, n, to);
        }
      }
      at += n;
    }
  }

 private:
  // n runs of a tap, the first from column `from` of a line.
  void of_tap(const float* line, std::int64_t from, std::int64_t n, const float** to) const {
    const std::int64_t step = s_.w.stride, in = s_.w.in;
    const std::int64_t lo = from >= 0 ? 0 : std::min(n, (-from + step - 1) / step);
    const std::int64_t hi = from >= in ? lo : std::clamp((in - 1 - from) / step + 1, lo, n);
    std::fill(to, to + lo, zeros_);
    fill(line, from, lo, hi, to);
    std::fill(to + hi, to + n, zeros_);
  }

  // n runs of a row of taps, for the outputs from `column` on. same: the places of the same, or
  // null.
  void of_rows(const float* line, std::int64_t column, std::int64_t n, const float** to,
               const float* const* same) {
    const DirectAxis& w = s_.w;
    const std::int64_t from = column * w.stride - w.padding;
    const std::int64_t lo = std::clamp<std::int64_t>(left_ - column, 0, n);
    const std::int64_t hi = std::clamp(w.out - right_ - column, lo, n);
    for (std::int64_t k = 0; k < n; ++k) {
      if (k == lo) {
        fill(line, from, lo, hi, to);
        k = hi;
        if (k == n) break;
      }
      if (same) {
        to[k] = same[k];
        continue;
      }
      const std::int64_t x = from + k * w.stride;
      const std::int64_t begin = std::clamp<std::int64_t>(-x, 0, w.taps);
      const std::int64_t end = std::clamp(w.in - x, begin, w.taps);
      CopyRun(line + x * s_.c, begin * s_.c, end * s_.c, s_.run(), copies_);
      to[k] = copies_;
      copies_ += s_.run();
    }
  }

  void fill(const float* line, std::int64_t from, std::int64_t lo, std::int64_t hi,
            const float** to) const {
    if (lo >= hi) return;
    const std::int64_t step = s_.w.stride * s_.c;
    const float* p = line + (from + lo * s_.w.stride) * s_.c;
    for (std::int64_t k = lo; k < hi; ++k, p += step) to[k] = p;
  }

  const DirectShape& s_;
  const float* x_;
  const float** table_;
  const float* zeros_;
  float* copies_;
  std::int64_t left_, right_;
};

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
