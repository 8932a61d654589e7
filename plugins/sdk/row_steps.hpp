// The loops of a row program's steps, over GCC vectors.
// Templates only, so that a file compiled for another target may include this under its target
// pragma; include row_program.hpp before the pragma.
#pragma once
#include "plugins/sdk/row_program.hpp"

namespace quern::sdk {

namespace detail {

// x num(x^2) / den(x^2), as in the simd plugin: within a few units in the last place.
template <class V>
inline V row_erf(V x) {
  const V lim = 4.0f - V{};
  x = x > lim ? lim : x;
  x = x < -lim ? -lim : x;
  const V s = x * x;
  V p = s * -2.72614225801306e-10f + 2.77068142495902e-08f;
  p = p * s + -2.10102402082508e-06f;
  p = p * s + -5.69250639462346e-05f;
  p = p * s + -7.34990630326855e-04f;
  p = p * s + -2.95459980854025e-03f;
  p = (p * s + -1.60960333262415e-02f) * x;
  V q = s * -1.45660718464996e-05f + -2.13374055278905e-04f;
  q = q * s + -1.68282697438203e-03f;
  q = q * s + -7.37332916720468e-03f;
  q = q * s + -1.42647390514189e-02f;
  return p / q;
}

template <class V>
inline V row_abs(V x) {
  using Bits = decltype(x < x);
  return reinterpret_cast<V>(reinterpret_cast<Bits>(x) & 0x7fffffff);
}

template <class V>
inline V row_tanh(V x0) {
  using Bits = decltype(x0 < x0);
  const V one = 1.0f - V{}, lim = 9.02f - V{};
  V x = row_abs(x0);
  x = x > lim ? lim : x;
  const V s = x * x;
  V p = s * 1.338406415e-8f + 2.063565367e-5f;
  p = p * s + 3.497447319e-3f;
  p = p * s + 1.338267855e-1f;
  p = (p * s + one) * x;
  V q = s * 7.790154677e-7f + 3.288500456e-4f;
  q = q * s + 2.588432153e-2f;
  q = q * s + 4.67159998e-1f;
  V y = p / (q * s + one);
  y = y > one ? one : y;
  const Bits sign = reinterpret_cast<Bits>(x0) & static_cast<int>(0x80000000u);
  return reinterpret_cast<V>(reinterpret_cast<Bits>(y) | sign);
}

// exp(x) for x <= 0 and NaN; 0 may stand for what would be denormal. The rounded exponent sits in
// the low bits of a float near 1.5 * 2^23, from where a shift brings it to its place.
template <class V>
inline V row_exp_non_positive(V x) {
  using Bits = decltype(x < x);
  const V magic = 12582912.0f + 127.0f - V{}, least = -87.0f - V{};
  const V t = x * 1.44269504088896341f + magic;
  const V whole = t - magic;
  V r = x - whole * 0.693359375f;
  r = r - whole * -2.12194440e-4f;
  V p = r * 1.393368364e-3f + 8.363203347e-3f;
  p = p * r + 4.166646461e-2f;
  p = p * r + 1.666657684e-1f;
  p = p * r + 5.000000013e-1f;
  const V y = p * (r * r) + r + 1.0f;
  const V scaled = y * reinterpret_cast<V>(reinterpret_cast<Bits>(t) << 23);
  return x < least ? V{} : scaled;
}

template <class V>
inline V row_sigmoid(V x) {
  const V one = 1.0f - V{};
  const V e = row_exp_non_positive(-row_abs(x));
  return (x < V{} ? e : one) / (one + e);
}

// What a step does to vectors. No lambdas: these would not be compiled for the pragma's target.
struct RowAdd {
  template <class V>
  static V of(V x, V y) {
    return x + y;
  }
};
struct RowSubtract {
  template <class V>
  static V of(V x, V y) {
    return x - y;
  }
};
struct RowMultiply {
  template <class V>
  static V of(V x, V y) {
    return x * y;
  }
};
struct RowDivide {
  template <class V>
  static V of(V x, V y) {
    return x / y;
  }
};
struct RowMaximum {  // NaN if either is
  template <class V>
  static V of(V x, V y) {
    const V most = x > y ? x : y;
    return x != x ? x : most;
  }
};
struct RowMinimum {
  template <class V>
  static V of(V x, V y) {
    const V least = x < y ? x : y;
    return x != x ? x : least;
  }
};
struct RowRelu {
  template <class V>
  static V of(V x, V) {
    return x < V{} ? V{} : x;
  }
};
struct RowSquare {
  template <class V>
  static V of(V x, V) {
    return x * x;
  }
};
struct RowNegative {
  template <class V>
  static V of(V x, V) {
    return -x;
  }
};
struct RowAbs {
  template <class V>
  static V of(V x, V) {
    return x <= V{} ? V{} - x : x;  // of -0 too
  }
};
struct RowTanh {
  template <class V>
  static V of(V x, V) {
    return row_tanh(x);
  }
};
struct RowSigmoid {
  template <class V>
  static V of(V x, V) {
    return row_sigmoid(x);
  }
};
struct RowErf {
  template <class V>
  static V of(V x, V) {
    return row_erf(x);
  }
};

template <class T, int VectorBytes>
struct RowVectors {
  typedef T Vec __attribute__((vector_size(VectorBytes)));
  typedef T Mem __attribute__((vector_size(VectorBytes), aligned(sizeof(T)), may_alias));
  static constexpr std::int64_t lanes = VectorBytes / static_cast<int>(sizeof(T));
};

// `some` numbers beginning at j, s apart.
template <class T, int VectorBytes, class Tag>
inline void row_load(const T* p, std::int64_t s, std::int64_t j, std::int64_t some,
                     typename RowVectors<T, VectorBytes>::Vec& v) {
  using Vectors = RowVectors<T, VectorBytes>;
  if (s == 0) {
    v = *p - typename Vectors::Vec{};
  } else if (s == 1 && some == Vectors::lanes) {
    v = *reinterpret_cast<const typename Vectors::Mem*>(p + j);
  } else {
    v = typename Vectors::Vec{};
    for (std::int64_t l = 0; l < some; ++l) v[l] = p[(j + l) * s];
  }
}

template <class F, class T, int VectorBytes, class Tag>
inline void row_loop(T* to, std::int64_t n, const T* a, std::int64_t sa, const T* b,
                     std::int64_t sb) {
  using Vectors = RowVectors<T, VectorBytes>;
  using Mem = typename Vectors::Mem;
  constexpr std::int64_t lanes = Vectors::lanes;
  typename Vectors::Vec x{}, y{};
  std::int64_t j = 0;
  if (sa == 1 && sb == 1) {
    for (; j + lanes <= n; j += lanes) {
      x = *reinterpret_cast<const Mem*>(a + j);
      y = *reinterpret_cast<const Mem*>(b + j);
      *reinterpret_cast<Mem*>(to + j) = F::of(x, y);
    }
  } else if (sa == 1 && sb == 0) {
    y = *b - y;
    for (; j + lanes <= n; j += lanes) {
      x = *reinterpret_cast<const Mem*>(a + j);
      *reinterpret_cast<Mem*>(to + j) = F::of(x, y);
    }
  } else if (sa == 0 && sb == 1) {
    x = *a - x;
    for (; j + lanes <= n; j += lanes) {
      y = *reinterpret_cast<const Mem*>(b + j);
      *reinterpret_cast<Mem*>(to + j) = F::of(x, y);
    }
  }
  for (; j < n; j += lanes) {
    const std::int64_t some = std::min(lanes, n - j);
    row_load<T, VectorBytes, Tag>(a, sa, j, some, x);
    row_load<T, VectorBytes, Tag>(b, sb, j, some, y);
    x = F::of(x, y);
    for (std::int64_t l = 0; l < some; ++l) to[j + l] = x[l];
  }
}

}  // namespace detail

// to[j] = kind(a[j * sa], b[j * sb]) for j < n. a and b may be the same as to. Tag keeps instances
// of different targets apart: give a type of an anonymous namespace.
template <class T, int VectorBytes, class Tag>
void row_step(RowStep::Kind kind, T* to, std::int64_t n, const T* a, std::int64_t sa, const T* b,
              std::int64_t sb) {
  using namespace detail;
  switch (kind) {
    case RowStep::add:
      return row_loop<RowAdd, T, VectorBytes, Tag>(to, n, a, sa, b, sb);
    case RowStep::subtract:
      return row_loop<RowSubtract, T, VectorBytes, Tag>(to, n, a, sa, b, sb);
    case RowStep::multiply:
      return row_loop<RowMultiply, T, VectorBytes, Tag>(to, n, a, sa, b, sb);
    case RowStep::divide:
      // By one number: within a unit in the last place.
      if (const T size = sb == 0 && *b < 0 ? -*b : *b;
          sb == 0 && size > T(1e-30) && size < T(1e30)) {
        const T by = T(1) / *b;
        return row_loop<RowMultiply, T, VectorBytes, Tag>(to, n, a, sa, &by, 0);
      }
      return row_loop<RowDivide, T, VectorBytes, Tag>(to, n, a, sa, b, sb);
    case RowStep::maximum:
      return row_loop<RowMaximum, T, VectorBytes, Tag>(to, n, a, sa, b, sb);
    case RowStep::minimum:
      return row_loop<RowMinimum, T, VectorBytes, Tag>(to, n, a, sa, b, sb);
    case RowStep::relu:
      return row_loop<RowRelu, T, VectorBytes, Tag>(to, n, a, sa, a, sa);
    case RowStep::square:
      return row_loop<RowSquare, T, VectorBytes, Tag>(to, n, a, sa, a, sa);
    case RowStep::negative:
      return row_loop<RowNegative, T, VectorBytes, Tag>(to, n, a, sa, a, sa);
    case RowStep::abs:
      return row_loop<RowAbs, T, VectorBytes, Tag>(to, n, a, sa, a, sa);
    default:
      break;
  }
  if constexpr (sizeof(T) == 4) {
    if (kind == RowStep::tanh) row_loop<RowTanh, T, VectorBytes, Tag>(to, n, a, sa, a, sa);
    if (kind == RowStep::sigmoid) row_loop<RowSigmoid, T, VectorBytes, Tag>(to, n, a, sa, a, sa);
    if (kind == RowStep::erf) row_loop<RowErf, T, VectorBytes, Tag>(to, n, a, sa, a, sa);
  }
}

}  // namespace quern::sdk
