// Plain loops for functions without vector code here: the C++ library's, or composed of them.
// Not here: anything of f32 or of integers, anything hot.
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "plugins/simd/map.h"

namespace quern::simd {
namespace {

// Complex functions are computed in f64 and rounded once.
using Wide = std::complex<double>;
using C64 = std::complex<float>;

template <class T, class W, auto F>
void unary(const void* const* src, void* dst, std::size_t n) {
  const T* a = static_cast<const T*>(src[0]);
  T* out = static_cast<T*>(dst);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<T>(F(static_cast<W>(a[i])));
}

template <class T, class W, auto F>
void binary(const void* const* src, void* dst, std::size_t n) {
  const T* a = static_cast<const T*>(src[0]);
  const T* b = static_cast<const T*>(src[1]);
  T* out = static_cast<T*>(dst);
  for (std::size_t i = 0; i < n; ++i)
    out[i] = static_cast<T>(F(static_cast<W>(a[i]), static_cast<W>(b[i])));
}

// A closed-form guess (Winitzki), polished by Halley steps on erf, or on erfc where erf is flat.
double erfinv(double y) {
  const double a = std::abs(y);
  if (!(a < 1))
    return a == 1 ? std::copysign(std::numeric_limits<double>::infinity(), y) : std::nan("");
  if (a < 1e-100) return y * 0.88622692545275801;                 // sqrt(pi) / 2
  const double l = std::log1p(-a * a), b = 4.3307467508 + l / 2;  // 2 / (pi * 0.147)
  double x = std::sqrt(std::sqrt(b * b - l / 0.147) - b);
  for (int i = 0; i < 3; ++i) {
    const double error = a < 0.5 ? std::erf(x) - a : (1 - a) - std::erfc(x);
    const double slope = 1.1283791670955126 * std::exp(-x * x);  // 2 / sqrt(pi)
    x -= error / (slope + x * error);
  }
  return std::copysign(x, y);
}

Wide log1p(const Wide& z) {
  const double x = z.real(), y = z.imag();
  return {0.5 * std::log1p(x * (2 + x) + y * y), std::atan2(y, 1 + x)};
}

// x / |x|, and 0 for 0.
Wide sign(const Wide& z) {
  const double size = std::abs(z);
  return size == 0 ? Wide{} : z / size;
}

// By real part, then by imaginary part, as in NumPy.
bool less(const Wide& x, const Wide& y) {
  return x.real() < y.real() || (x.real() == y.real() && x.imag() < y.imag());
}

Wide maximum(const Wide& x, const Wide& y) {
  if (x != x) return x;
  return y != y || less(x, y) ? y : x;
}

Wide minimum(const Wide& x, const Wide& y) {
  if (x != x) return x;
  return y != y || less(y, x) ? y : x;
}

Wide logaddexp(const Wide& x, const Wide& y) {
  const Wide &high = x.real() < y.real() ? y : x, &low = x.real() < y.real() ? x : y;
  if (std::isinf(high.real()) || std::isinf(low.real())) return high;
  return high + log1p(std::exp(low - high));
}

template <auto F>
constexpr MapFn c1 = unary<C64, Wide, F>;
template <auto F>
constexpr MapFn c2 = binary<C64, Wide, F>;

MapFn complex_op(std::uint32_t op) {
  switch (op) {
    case QN_OP_SIGN:
      return c1<sign>;
    case QN_OP_LOG2:
      return c1<[](const Wide& z) { return std::log(z) * std::numbers::log2e; }>;
    case QN_OP_LOG10:
      return c1<[](const Wide& z) { return std::log(z) * std::numbers::log10e; }>;
    case QN_OP_LOG1P:
      return c1<log1p>;
    case QN_OP_TAN:
      return c1<[](const Wide& z) { return std::tan(z); }>;
    case QN_OP_ARCSIN:
      return c1<[](const Wide& z) { return std::asin(z); }>;
    case QN_OP_ARCCOS:
      return c1<[](const Wide& z) { return std::acos(z); }>;
    case QN_OP_ARCTAN:
      return c1<[](const Wide& z) { return std::atan(z); }>;
    case QN_OP_TANH:
      return c1<[](const Wide& z) { return std::tanh(z); }>;
    case QN_OP_ARCSINH:
      return c1<[](const Wide& z) { return std::asinh(z); }>;
    case QN_OP_ARCCOSH:
      return c1<[](const Wide& z) { return std::acosh(z); }>;
    case QN_OP_ARCTANH:
      return c1<[](const Wide& z) { return std::atanh(z); }>;
    case QN_OP_MAXIMUM:
      return c2<maximum>;
    case QN_OP_MINIMUM:
      return c2<minimum>;
    case QN_OP_LOGADDEXP:
      return c2<logaddexp>;
    default:
      return nullptr;
  }
}

MapFn double_op(std::uint32_t op) {
  switch (op) {
    case QN_OP_ERF:
      return unary<double, double, [](double x) { return std::erf(x); }>;
    case QN_OP_ERFINV:
      return unary<double, double, erfinv>;
    case QN_OP_POWER:
      return binary<double, double, [](double x, double y) { return std::pow(x, y); }>;
    case QN_OP_IMAG:
      return unary<double, double, [](double) { return 0.0; }>;
    default:
      return nullptr;
  }
}

}  // namespace

MapFn scalar_fn(std::uint32_t op, Lane in) {
  if (in == Lane::kComplex) return complex_op(op);
  if (in == Lane::kDouble) return double_op(op);
  if (in == Lane::kFloat && op == QN_OP_IMAG)
    return unary<float, float, [](float) { return 0.0f; }>;
  return nullptr;
}

}  // namespace quern::simd
