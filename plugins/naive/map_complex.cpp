// Complex instructions: computed in complex f64 and rounded once, so that what remains is the
// rounding of the result. Branch cuts and infinities are those of C99 Annex G; the order of complex
// numbers is NumPy's, by real part and then by imaginary part.
#include "plugins/naive/map_complex.h"

#include <complex>
#include <numbers>

#include "plugins/naive/scalar.h"
#include "quern/op_ids.h"

namespace quern::naive {
namespace {

using Wide = std::complex<double>;

Wide log1p(const Wide& z) {
  const double x = z.real(), y = z.imag();
  return {0.5 * std::log1p(x * (2 + x) + y * y), std::atan2(y, 1 + x)};
}

// x / |x|, and 0 for 0.
Wide sign(const Wide& z) {
  const double size = std::abs(z);
  return size == 0 ? Wide{} : z / size;
}

// 0 to a power with positive real part is 0; 0 to the 0 is 1 as for real numbers.
Wide power(const Wide& x, const Wide& y) {
  if (y == 0.0) return 1.0;
  if (x == 0.0 && y.real() > 0) return 0.0;
  return std::exp(y * std::log(x));
}

Wide logaddexp(const Wide& x, const Wide& y) {
  const Wide &high = x.real() < y.real() ? y : x, &low = x.real() < y.real() ? x : y;
  if (std::isinf(high.real()) || std::isinf(low.real())) return high;
  return high + log1p(std::exp(low - high));
}

using Unary = Wide (*)(const Wide&);
using Binary = Wide (*)(const Wide&, const Wide&);
using Test = bool (*)(const C64&, const C64&);

Unary unary(std::uint32_t op) {
  switch (op) {
    case QN_OP_NEGATIVE:
      return [](const Wide& z) { return -z; };
    case QN_OP_SIGN:
      return sign;
    case QN_OP_SQUARE:
      return [](const Wide& z) { return z * z; };
    case QN_OP_SQRT:
      return [](const Wide& z) { return std::sqrt(z); };
    case QN_OP_RSQRT:
      return [](const Wide& z) { return 1.0 / std::sqrt(z); };
    case QN_OP_EXP:
      return [](const Wide& z) { return std::exp(z); };
    case QN_OP_LOG:
      return [](const Wide& z) { return std::log(z); };
    case QN_OP_LOG2:
      return [](const Wide& z) { return std::log(z) * std::numbers::log2e; };
    case QN_OP_LOG10:
      return [](const Wide& z) { return std::log(z) * std::numbers::log10e; };
    case QN_OP_LOG1P:
      return log1p;
    case QN_OP_SIN:
      return [](const Wide& z) { return std::sin(z); };
    case QN_OP_COS:
      return [](const Wide& z) { return std::cos(z); };
    case QN_OP_TAN:
      return [](const Wide& z) { return std::tan(z); };
    case QN_OP_ARCSIN:
      return [](const Wide& z) { return std::asin(z); };
    case QN_OP_ARCCOS:
      return [](const Wide& z) { return std::acos(z); };
    case QN_OP_ARCTAN:
      return [](const Wide& z) { return std::atan(z); };
    case QN_OP_SINH:
      return [](const Wide& z) { return std::sinh(z); };
    case QN_OP_COSH:
      return [](const Wide& z) { return std::cosh(z); };
    case QN_OP_TANH:
      return [](const Wide& z) { return std::tanh(z); };
    case QN_OP_ARCSINH:
      return [](const Wide& z) { return std::asinh(z); };
    case QN_OP_ARCCOSH:
      return [](const Wide& z) { return std::acosh(z); };
    case QN_OP_ARCTANH:
      return [](const Wide& z) { return std::atanh(z); };
    case QN_OP_ROUND:
      return [](const Wide& z) { return Wide(std::nearbyint(z.real()), std::nearbyint(z.imag())); };
    case QN_OP_RECIPROCAL:
      return [](const Wide& z) { return 1.0 / z; };
    case QN_OP_CONJUGATE:
      return [](const Wide& z) { return std::conj(z); };
    case QN_OP_COPY:
    case QN_OP_STOP_GRADIENT:
      return [](const Wide& z) { return z; };
    default:
      return nullptr;
  }
}

Binary binary(std::uint32_t op) {
  switch (op) {
    case QN_OP_ADD:
      return [](const Wide& x, const Wide& y) { return x + y; };
    case QN_OP_SUBTRACT:
      return [](const Wide& x, const Wide& y) { return x - y; };
    case QN_OP_MULTIPLY:
      return [](const Wide& x, const Wide& y) { return x * y; };
    case QN_OP_DIVIDE:
      return [](const Wide& x, const Wide& y) { return x / y; };
    case QN_OP_POWER:
      return power;
    case QN_OP_MAXIMUM:
      return [](const Wide& x, const Wide& y) { return scalar::maximum(x, y); };
    case QN_OP_MINIMUM:
      return [](const Wide& x, const Wide& y) { return scalar::minimum(x, y); };
    case QN_OP_LOGADDEXP:
      return logaddexp;
    default:
      return nullptr;
  }
}

Test test(std::uint32_t op) {
  switch (op) {
    case QN_OP_EQUAL:
      return [](const C64& x, const C64& y) { return x == y; };
    case QN_OP_NOT_EQUAL:
      return [](const C64& x, const C64& y) { return x != y; };
    case QN_OP_LESS:
      return [](const C64& x, const C64& y) { return scalar::less(x, y); };
    case QN_OP_LESS_EQUAL:
      return [](const C64& x, const C64& y) { return scalar::less(x, y) || x == y; };
    case QN_OP_GREATER:
      return [](const C64& x, const C64& y) { return scalar::less(y, x); };
    case QN_OP_GREATER_EQUAL:
      return [](const C64& x, const C64& y) { return scalar::less(y, x) || x == y; };
    case QN_OP_ISNAN:
      return [](const C64& x, const C64&) { return x != x; };
    case QN_OP_ISINF:
      return [](const C64& x, const C64&) { return std::isinf(x.real()) || std::isinf(x.imag()); };
    default:
      return nullptr;
  }
}

bool gives_part(std::uint32_t op) {
  return op == QN_OP_ABS || op == QN_OP_REAL || op == QN_OP_IMAG;
}

void part(std::uint32_t op, const C64* a, float* out, std::int64_t n) {
  for (std::int64_t k = 0; k < n; ++k) {
    out[k] = op == QN_OP_REAL   ? a[k].real()
             : op == QN_OP_IMAG ? a[k].imag()
                                : static_cast<float>(std::abs(Wide(a[k])));
  }
}

}  // namespace

bool is_complex_op(std::uint32_t op) {
  return op == QN_OP_COMPLEX || gives_part(op) || unary(op) || binary(op) || test(op);
}

qn_dtype complex_result(std::uint32_t op) {
  return gives_part(op) ? QN_F32 : test(op) ? QN_BOOL : QN_C64;
}

void execute_complex(std::uint32_t op, const void* a, const void* b, void* out, std::int64_t n) {
  const auto *x = static_cast<const C64*>(a), *y = static_cast<const C64*>(b);
  if (op == QN_OP_COMPLEX) {
    const auto *re = static_cast<const float*>(a), *im = static_cast<const float*>(b);
    for (std::int64_t k = 0; k < n; ++k) static_cast<C64*>(out)[k] = {re[k], im[k]};
  } else if (gives_part(op)) {
    part(op, x, static_cast<float*>(out), n);
  } else if (const Unary f = unary(op)) {
    for (std::int64_t k = 0; k < n; ++k) static_cast<C64*>(out)[k] = C64(f(x[k]));
  } else if (const Binary f = binary(op)) {
    for (std::int64_t k = 0; k < n; ++k) static_cast<C64*>(out)[k] = C64(f(x[k], y[k]));
  } else if (const Test f = test(op)) {
    if (!y) y = x;
    for (std::int64_t k = 0; k < n; ++k) static_cast<bool*>(out)[k] = f(x[k], y[k]);
  }
}

}  // namespace quern::naive
