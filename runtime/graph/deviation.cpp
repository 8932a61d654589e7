// How far a kernel's result is from the reference's.
#include <cmath>
#include <cstring>

#include "runtime/graph/verify.h"

namespace quern {
namespace {

template <typename T>
T load(const void* p, std::uint64_t i) {
  T t;
  std::memcpy(&t, static_cast<const char*>(p) + i * sizeof(T), sizeof t);
  return t;
}

double half(std::uint16_t h) {
  const int exponent = h >> 10 & 31;
  const double fraction = h & 1023;
  const double v = exponent == 0    ? std::ldexp(fraction, -24)
                   : exponent == 31 ? (fraction != 0 ? std::nan("") : HUGE_VAL)
                                    : std::ldexp(fraction + 1024, exponent - 25);
  return h >> 15 ? -v : v;
}

double element(const void* p, DType t, std::uint64_t i) {
  switch (t) {
    case DType::f16:
      return half(load<std::uint16_t>(p, i));
    case DType::bf16: {
      const std::uint32_t u = static_cast<std::uint32_t>(load<std::uint16_t>(p, i)) << 16;
      return static_cast<double>(load<float>(&u, 0));
    }
    case DType::f64:
      return load<double>(p, i);
    default:
      return static_cast<double>(load<float>(p, i));
  }
}

}  // namespace

Deviation deviation(const void* got, const void* want, DType t, std::uint64_t n, double tolerance) {
  Deviation d;
  if (!is_float(t) && !is_complex(t)) {
    const std::uint64_t item = itemsize(t);
    for (std::uint64_t i = 0; i < n; ++i)
      if (std::memcmp(static_cast<const char*>(got) + i * item,
                      static_cast<const char*>(want) + i * item, item) != 0)
        ++d.beyond;
    d.largest = d.beyond ? HUGE_VAL : 0;
    return d;
  }
  if (is_complex(t)) {  // as pairs of reals
    t = DType::f32;
    n *= 2;
  }
  double squares = 0, counted = 0;
  for (std::uint64_t i = 0; i < n; ++i)
    if (const double w = element(want, t, i); std::isfinite(w)) {
      squares += w * w;
      counted += 1;
    }
  const double rms = counted > 0 ? std::sqrt(squares / counted) : 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const double g = element(got, t, i), w = element(want, t, i);
    if (g == w || (std::isnan(g) && std::isnan(w))) continue;
    const double scale = std::abs(w) + rms;
    double e =
        std::isfinite(g) && std::isfinite(w) && scale > 0 ? std::abs(g - w) / scale : HUGE_VAL;
    if (scale < 1e-30 && std::abs(g) < 1e-30) e = 0;  // denormals may be flushed
    if (e > d.largest) d.largest = e;
    if (e > tolerance) ++d.beyond;
  }
  return d;
}

}  // namespace quern
