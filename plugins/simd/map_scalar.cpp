// Plain loops for element-wise ops that have no vector code here, and for narrow dtypes in memory.
// Not here: anything hot; a program is refused when it meets an op that is in neither table.
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "plugins/simd/map.h"

namespace quern::simd {
namespace {

template <class In, class Out, auto F>
void unary(const void* const* src, void* dst, std::size_t n) {
  const In* a = static_cast<const In*>(src[0]);
  Out* out = static_cast<Out*>(dst);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<Out>(F(a[i]));
}

template <class In, class Out, auto F>
void binary(const void* const* src, void* dst, std::size_t n) {
  const In* a = static_cast<const In*>(src[0]);
  const In* b = static_cast<const In*>(src[1]);
  Out* out = static_cast<Out*>(dst);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<Out>(F(a[i], b[i]));
}

template <auto F>
constexpr MapFn f1 = unary<float, float, F>;
template <auto F>
constexpr MapFn f2 = binary<float, float, F>;

constexpr auto k_sign = [](auto x) {
  return x > 0 ? decltype(x)(1) : x < 0 ? decltype(x)(-1) : decltype(x)(0);
};
constexpr auto k_float_remainder = [](float x, float y) {
  const float r = std::fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
};
constexpr auto k_logaddexp = [](float x, float y) {
  const float m = x > y ? x : y;
  if (x == y || std::isinf(m)) return x == y ? x + 0.693147180559945f : m;
  return std::isnan(x) || std::isnan(y) ? x + y : m + std::log1p(std::exp(-std::fabs(x - y)));
};
// The low bits of x as an i64, which saturates; 0 for NaN.
constexpr auto k_to_unsigned = [](float x) {
  if (!(x >= -0x1p63f)) return x != x ? 0u : static_cast<std::uint32_t>(INT64_MIN);
  return static_cast<std::uint32_t>(x < 0x1p63f ? static_cast<std::int64_t>(x) : INT64_MAX);
};
constexpr auto k_right_shift = [](auto x, auto y) {
  const auto bits = std::uint32_t(y) < 32 ? std::uint32_t(y) : 31u;
  return bits == std::uint32_t(y) || x < 0 ? decltype(x)(x >> bits) : decltype(x)(0);
};

MapFn float_op(std::uint32_t op) {
  switch (op) {
    case QN_OP_SIGN:
      return f1<k_sign>;
    case QN_OP_EXPM1:
      return f1<[](float x) { return std::expm1(x); }>;
    case QN_OP_LOG2:
      return f1<[](float x) { return std::log2(x); }>;
    case QN_OP_LOG10:
      return f1<[](float x) { return std::log10(x); }>;
    case QN_OP_TAN:
      return f1<[](float x) { return std::tan(x); }>;
    case QN_OP_ARCSIN:
      return f1<[](float x) { return std::asin(x); }>;
    case QN_OP_ARCCOS:
      return f1<[](float x) { return std::acos(x); }>;
    case QN_OP_ARCTAN:
      return f1<[](float x) { return std::atan(x); }>;
    case QN_OP_SINH:
      return f1<[](float x) { return std::sinh(x); }>;
    case QN_OP_COSH:
      return f1<[](float x) { return std::cosh(x); }>;
    case QN_OP_ARCSINH:
      return f1<[](float x) { return std::asinh(x); }>;
    case QN_OP_ARCCOSH:
      return f1<[](float x) { return std::acosh(x); }>;
    case QN_OP_ARCTANH:
      return f1<[](float x) { return std::atanh(x); }>;
    case QN_OP_POWER:
      return f2<[](float x, float y) { return std::pow(x, y); }>;
    case QN_OP_ARCTAN2:
      return f2<[](float x, float y) { return std::atan2(x, y); }>;
    case QN_OP_LOGADDEXP:
      return f2<k_logaddexp>;
    case QN_OP_FLOOR_DIVIDE:
      return f2<[](float x, float y) { return std::floor(x / y); }>;
    case QN_OP_REMAINDER:
      return f2<k_float_remainder>;
    case QN_OP_ISINF:
      return unary<float, std::int32_t, [](float x) { return std::isinf(x); }>;
    default:
      return nullptr;
  }
}

// Wide intermediates keep signed overflow and division by zero defined.
template <class T>
MapFn int_op(std::uint32_t op) {
  switch (op) {
    case QN_OP_NEGATIVE:
      return unary<T, T, [](T x) { return T(0u - std::uint32_t(x)); }>;
    case QN_OP_ABS:
      return unary<T, T, [](T x) { return x; }>;  // unsigned only: i32 has vector code
    case QN_OP_SIGN:
      return unary<T, T, k_sign>;
    case QN_OP_FLOOR:
    case QN_OP_CEIL:
    case QN_OP_ROUND:
    case QN_OP_TRUNC:
      return unary<T, T, [](T x) { return x; }>;
    case QN_OP_RELU:
      return unary<T, T, [](T x) { return 0 < x ? x : T(0); }>;
    case QN_OP_FLOOR_DIVIDE:
      return binary<T, T, [](T x, T y) {
        if (y == 0) return T(0);
        const std::int64_t a = x, b = y, q = a / b;
        return T(q * b != a && (a < 0) != (b < 0) ? q - 1 : q);
      }>;
    case QN_OP_REMAINDER:
      return binary<T, T, [](T x, T y) {
        if (y == 0) return T(0);
        const std::int64_t r = std::int64_t(x) % std::int64_t(y);
        return T(r != 0 && (r < 0) != (std::int64_t(y) < 0) ? r + std::int64_t(y) : r);
      }>;
    case QN_OP_LEFT_SHIFT:
      return binary<T, T, [](T x, T y) {
        return std::uint32_t(y) < 32 ? T(std::uint32_t(x) << y) : T(0);
      }>;
    case QN_OP_RIGHT_SHIFT:
      return binary<T, T, k_right_shift>;
    default:
      return nullptr;
  }
}

MapFn bool_op(std::uint32_t op) {
  using I = std::int32_t;
  switch (op) {
    case QN_OP_EQUAL:
      return binary<I, I, [](I x, I y) { return x == y; }>;
    case QN_OP_NOT_EQUAL:
    case QN_OP_BITWISE_XOR:
      return binary<I, I, [](I x, I y) { return x != y; }>;
    case QN_OP_LOGICAL_AND:
    case QN_OP_BITWISE_AND:
      return binary<I, I, [](I x, I y) { return x & y; }>;
    case QN_OP_LOGICAL_OR:
    case QN_OP_BITWISE_OR:
      return binary<I, I, [](I x, I y) { return x | y; }>;
    case QN_OP_LOGICAL_NOT:
    case QN_OP_BITWISE_INVERT:
      return unary<I, I, [](I x) { return x ^ 1; }>;
    default:
      return nullptr;
  }
}

template <class T>
void widen(const void* src, void* dst, std::size_t n) {
  const T* a = static_cast<const T*>(src);
  auto* out = static_cast<std::int32_t*>(dst);
  for (std::size_t i = 0; i < n; ++i) out[i] = a[i];
}

template <class T>
void narrow(const void* src, void* dst, std::size_t n) {
  const auto* a = static_cast<const std::int32_t*>(src);
  T* out = static_cast<T*>(dst);
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<T>(a[i]);
}

void widen8(const void* src, void* dst, std::size_t n) {
  static const MapFn fn = map_fn(kInstWiden8, Lane::kInt, Lane::kInt, 0);
  fn(&src, dst, n);
}

void narrow8(const void* src, void* dst, std::size_t n) {
  static const MapFn fn = map_fn(kInstNarrow8, Lane::kInt, Lane::kInt, 0);
  fn(&src, dst, n);
}

}  // namespace

double step_cost(std::uint32_t op, bool scalar) {
  if (scalar) return op >= QN_OP_SQRT && op <= QN_OP_ARCTANH ? 6.0 : op == QN_OP_POWER ? 10.0 : 1.0;
  switch (op) {
    case QN_OP_EXP:
    case QN_OP_SIGMOID:
    case QN_OP_LOG:
      return 0.4;
    case QN_OP_TANH:
    case QN_OP_ERF:
      return 0.25;
    case QN_OP_LOG1P:
    case QN_OP_ERFINV:
    case QN_OP_SIN:
    case QN_OP_COS:
      return 0.8;
    case QN_OP_DIVIDE:
    case QN_OP_SQRT:
    case QN_OP_RECIPROCAL:
      return 0.2;
    case QN_OP_RSQRT:
      return 0.4;
    case QN_OP_POWER:  // one of the simple exponents, or not
      return 1.0;
    default:
      return 0.05;
  }
}

MapFn map_fn_scalar(std::uint32_t op, Lane in, Lane out) {
  if (op == QN_OP_ASTYPE && in == Lane::kFloat && out == Lane::kUint)
    return unary<float, std::uint32_t, k_to_unsigned>;
  switch (in) {
    case Lane::kFloat:
      return float_op(op);
    case Lane::kInt:
      return op == QN_OP_ABS ? nullptr : int_op<std::int32_t>(op);
    case Lane::kUint:
      return int_op<std::uint32_t>(op);
    case Lane::kBool:
      return bool_op(op);
  }
  return nullptr;
}

ConvertFn widen_fn(qn_dtype dtype) {
  switch (dtype) {
    case QN_BOOL:
    case QN_U8:
      return widen8;
    case QN_I8:
      return widen<std::int8_t>;
    case QN_I16:
      return widen<std::int16_t>;
    case QN_U16:
      return widen<std::uint16_t>;
    case QN_F16:
    case QN_BF16:
      return half_fns(dtype).widen;
    default:
      return nullptr;
  }
}

ConvertFn narrow_fn(qn_dtype dtype) {
  switch (dtype) {
    case QN_BOOL:
    case QN_U8:
    case QN_I8:
      return narrow8;
    case QN_I16:
    case QN_U16:
      return narrow<std::int16_t>;
    case QN_F16:
    case QN_BF16:
      return half_fns(dtype).narrow;
    default:
      return nullptr;
  }
}

}  // namespace quern::simd
