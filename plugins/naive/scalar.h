// The scalar functions behind the element-wise ops, with every corner defined: wrap-around, zero
// divisors, shifts, NaN. T is a compute type (bool, an integer, float, double); nothing here knows
// of arrays or 16-bit floats. The order of complex numbers, too; their functions are
// map_complex.cpp's.
#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "plugins/naive/element.h"

namespace quern::naive::scalar {

template <typename T>
inline constexpr bool is_fp = std::is_floating_point_v<T>;
template <typename T>
inline constexpr bool is_complex = false;
template <typename T>
inline constexpr bool is_complex<std::complex<T>> = true;

// x < y; complex numbers by real part, then by imaginary part, as in NumPy.
template <typename T>
bool less(const T& x, const T& y) {
  if constexpr (is_complex<T>)
    return x.real() < y.real() || (x.real() == y.real() && x.imag() < y.imag());
  else
    return x < y;
}

// Integers wrap: arithmetic goes through u64 and is cut to T. For bool any non-zero result is true.
template <typename T>
T wrap(std::uint64_t u) {
  return static_cast<T>(u);
}
template <typename T>
std::uint64_t widen(T x) {
  return static_cast<std::uint64_t>(x);
}

template <typename T>
T add(T x, T y) {
  if constexpr (is_fp<T> || is_complex<T>)
    return x + y;
  else
    return wrap<T>(widen(x) + widen(y));
}
template <typename T>
T subtract(T x, T y) {
  if constexpr (is_fp<T>)
    return x - y;
  else
    return wrap<T>(widen(x) - widen(y));
}
template <typename T>
T multiply(T x, T y) {
  if constexpr (is_fp<T>)
    return x * y;
  else
    return wrap<T>(widen(x) * widen(y));
}
template <typename T>
T negative(T x) {
  if constexpr (is_fp<T>)
    return -x;
  else
    return wrap<T>(std::uint64_t{0} - widen(x));
}
template <typename T>
T absolute(T x) {
  if constexpr (is_fp<T>)
    return std::abs(x);
  else if constexpr (std::is_signed_v<T>)
    return x < 0 ? negative(x) : x;
  else
    return x;
}
template <typename T>
T sign(T x) {
  if constexpr (std::is_signed_v<T>) {
    if (x < 0) return static_cast<T>(-1);
  }
  return static_cast<T>(x > T{0} ? 1 : 0);  // also 0 for NaN
}

// The quotient rounded down; 0 for an integer divided by zero; the smallest over -1 wraps.
template <typename T>
T floor_divide(T x, T y) {
  if constexpr (is_fp<T>) {
    return std::floor(x / y);
  } else {
    if (y == T{0}) return T{0};
    if constexpr (std::is_signed_v<T>) {
      if (y == T{-1}) return negative(x);
      if (x % y != 0 && (x < 0) != (y < 0)) return static_cast<T>(x / y - 1);
    }
    return static_cast<T>(x / y);
  }
}

// The sign of y; 0 for an integer y of zero.
template <typename T>
T remainder(T x, T y) {
  if constexpr (is_fp<T>) {
    const T r = std::fmod(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
  } else {
    if (y == T{0}) return T{0};
    if constexpr (std::is_signed_v<T>) {
      if (y == T{-1}) return T{0};
      const T r = static_cast<T>(x % y);
      return r != 0 && (r < 0) != (y < 0) ? static_cast<T>(r + y) : r;
    } else {
      return static_cast<T>(x % y);
    }
  }
}

// Integers by squaring, wrapping; 0 for a negative exponent.
template <typename T>
T power(T x, T y) {
  if constexpr (is_fp<T>) {
    return std::pow(x, y);
  } else {
    if constexpr (std::is_signed_v<T>) {
      if (y < 0) return T{0};
    }
    std::uint64_t result = 1, base = widen(x);
    for (std::uint64_t e = widen(y); e; e >>= 1) {
      if (e & 1u) result *= base;
      base *= base;
    }
    return wrap<T>(result);
  }
}

template <typename T>
T maximum(T x, T y) {
  if constexpr (is_fp<T> || is_complex<T>) {
    if (x != x) return x;
    if (y != y) return y;
  }
  return less(x, y) ? y : x;
}
template <typename T>
T minimum(T x, T y) {
  if constexpr (is_fp<T> || is_complex<T>) {
    if (x != x) return x;
    if (y != y) return y;
  }
  return less(y, x) ? y : x;
}
template <typename T>
T relu(T x) {
  return maximum(x, T{0});
}

// A shift by a negative amount counts as one by the whole width.
template <typename T>
bool shifts_out(T y) {
  constexpr std::uint64_t width = std::is_same_v<T, bool> ? 1 : sizeof(T) * 8;
  return widen(y) >= width;
}
template <typename T>
T left_shift(T x, T y) {
  return shifts_out(y) ? T{0} : wrap<T>(widen(x) << widen(y));
}
template <typename T>
T right_shift(T x, T y) {
  if (shifts_out(y)) return static_cast<T>(std::is_signed_v<T> && x < T{0} ? -1 : 0);
  return static_cast<T>(x >> y);
}

template <typename T>
T sigmoid(T x) {
  return 1 / (1 + std::exp(-x));
}

template <typename T>
T logaddexp(T x, T y) {
  if (x != x || y != y) return x + y;
  const T high = x < y ? y : x, low = x < y ? x : y;
  if (std::isinf(high) || std::isinf(low)) return high;
  return high + std::log1p(std::exp(low - high));
}

// A closed-form guess, polished by Halley steps on erf, or on erfc where erf is flat.
inline double erfinv(double y) {
  const double a = std::abs(y);
  if (!(a < 1))
    return a == 1 ? std::copysign(std::numeric_limits<double>::infinity(), y) : std::nan("");
  if (a < 1e-100) return y * 0.88622692545275801;                 // sqrt(pi) / 2
  const double l = std::log1p(-a * a), b = 4.3307467508 + l / 2;  // Winitzki, 2 / (pi * 0.147)
  double x = std::sqrt(std::sqrt(b * b - l / 0.147) - b);
  for (int i = 0; i < 3; ++i) {
    const double error = a < 0.5 ? std::erf(x) - a : (1 - a) - std::erfc(x);
    const double slope = 1.1283791670955126 * std::exp(-x * x);  // 2 / sqrt(pi)
    x -= error / (slope + x * error);
  }
  return std::copysign(x, y);
}

// Conversions between compute types: float to integer by float_to_int, integers wrap, bool tests.
template <typename To, typename From>
To convert(From x) {
  if constexpr (std::is_same_v<To, bool>)
    return x != From{0};
  else if constexpr (is_fp<From> && std::is_integral_v<To>)
    return float_to_int<To>(x);
  else
    return static_cast<To>(x);
}

}  // namespace quern::naive::scalar
