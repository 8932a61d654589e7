// Plain loops over lines of updates; rows that lie together become vectors by the compiler.
// Integers wrap around; max and min pass NaN on.
#include "plugins/simd/scatter_ops.h"

#include <cstring>
#include <type_traits>

namespace quern::simd {
namespace {

struct Complex {
  float re, im;
};

// An integer type in which sums and products of T wrap without overflow.
template <class T>
using Wrapping = std::conditional_t<sizeof(T) <= 4, std::uint32_t, std::uint64_t>;

template <Combine kMode, class T>
T combined(T old, T update) {
  if constexpr (kMode == Combine::set) {
    return update;
  } else if constexpr (std::is_same_v<T, Complex>) {
    return {old.re + update.re, old.im + update.im};
  } else if constexpr (kMode == Combine::max) {
    return old < update || update != update ? update : old;
  } else if constexpr (kMode == Combine::min) {
    return update < old || update != update ? update : old;
  } else if constexpr (std::is_integral_v<T>) {
    using W = Wrapping<T>;
    const W a = static_cast<W>(old), b = static_cast<W>(update);
    return static_cast<T>(kMode == Combine::add ? a + b : a * b);
  } else {
    return kMode == Combine::add ? old + update : old * update;
  }
}

// Combines n lines; at(k) is the number of the k-th. Places lie anywhere. Stores that miss the
// cache wait for each other, unlike loads: those that set ask for their lines early, and so do
// rows.
template <Combine kMode, class T, class At>
inline void combine_lines(T* y, const std::int64_t* off, std::int64_t n, const T* u,
                          std::int64_t step, const UpdateLine& line, At at) {
  constexpr std::int64_t kAhead = 16, kRowsAhead = 4, kNear = 512;
  const std::int64_t m = line.m, s = line.array, t = line.list;
  if (m == 1) {
    const std::int64_t ahead = kMode == Combine::set ? std::max<std::int64_t>(n - kAhead, 0) : 0;
    const auto one = [&](std::int64_t j) { y[off[j]] = combined<kMode>(y[off[j]], u[j * step]); };
    for (std::int64_t k = 0; k < ahead; ++k) {
      __builtin_prefetch(y + off[at(k + kAhead)], 1);
      one(at(k));
    }
    for (std::int64_t k = ahead; k < n; ++k) one(at(k));
    return;
  }
  if (s != 1 || t != 1) {
    for (std::int64_t k = 0; k < n; ++k) {
      T* a = y + off[at(k)];
      const T* b = u + at(k) * step;
      for (std::int64_t i = 0; i < m; ++i) a[i * s] = combined<kMode>(a[i * s], b[i * t]);
    }
    return;
  }
  const std::int64_t bytes = m * std::int64_t{sizeof(T)}, near = std::min(bytes, kNear);
  for (std::int64_t k = 0; k < n; ++k) {
    T* a = y + off[at(k)];
    const T* b = u + at(k) * step;
    if (k + kRowsAhead < n)
      for (std::int64_t i = 0; i < near; i += 64)
        __builtin_prefetch(reinterpret_cast<char*>(y + off[at(k + kRowsAhead)]) + i, 1);
    if (kMode == Combine::set && bytes >= 64)
      std::memcpy(a, b, static_cast<std::size_t>(bytes));
    else
      for (std::int64_t i = 0; i < m; ++i) a[i] = combined<kMode>(a[i], b[i]);
  }
}

template <Combine kMode, class T>
void lines(void* y, const std::int64_t* off, std::int64_t n, const void* u, std::int64_t step,
           const UpdateLine& line) {
  combine_lines<kMode>(static_cast<T*>(y), off, n, static_cast<const T*>(u), step, line,
                       [](std::int64_t k) { return k; });
}

template <Combine kMode, class T>
void within(void* y, const std::int64_t* off, std::int64_t n, const void* u, std::int64_t step,
            const UpdateLine& line, std::int64_t lo, std::int64_t hi) {
  constexpr std::int64_t kPart = 256;
  std::int64_t found[kPart];
  const auto reach = static_cast<std::uint64_t>(hi - lo);
  for (std::int64_t from = 0; from < n; from += kPart) {
    // A list of those that lie within, without a branch that can't be foreseen.
    std::int64_t count = 0;
    for (std::int64_t j = from; j < std::min(n, from + kPart); ++j) {
      found[count] = j;
      count += static_cast<std::uint64_t>(off[j] - lo) < reach;
    }
    combine_lines<kMode>(static_cast<T*>(y), off, count, static_cast<const T*>(u), step, line,
                         [&](std::int64_t k) { return found[k]; });
  }
}

template <Combine kMode, class T>
CombineFns fns() {
  return {lines<kMode, T>, within<kMode, T>};
}

template <class T>
CombineFns numbers(Combine mode) {
  switch (mode) {
    case Combine::add:
      return fns<Combine::add, T>();
    case Combine::prod:
      return fns<Combine::prod, T>();
    case Combine::max:
      return fns<Combine::max, T>();
    case Combine::min:
      return fns<Combine::min, T>();
    default:
      return {};
  }
}

CombineFns setters(unsigned itemsize) {
  switch (itemsize) {
    case 1:
      return fns<Combine::set, std::uint8_t>();
    case 2:
      return fns<Combine::set, std::uint16_t>();
    case 4:
      return fns<Combine::set, std::uint32_t>();
    default:
      return fns<Combine::set, std::uint64_t>();
  }
}

}  // namespace

CombineFns combine_fns(Combine mode, qn_dtype dtype) {
  if (mode == Combine::set) return setters(sdk::itemsize(dtype));
  switch (dtype) {
    case QN_BOOL:
      return mode == Combine::max || mode == Combine::min ? numbers<std::uint8_t>(mode)
                                                          : CombineFns{};
    case QN_U8:
      return numbers<std::uint8_t>(mode);
    case QN_U16:
      return numbers<std::uint16_t>(mode);
    case QN_U32:
      return numbers<std::uint32_t>(mode);
    case QN_U64:
      return numbers<std::uint64_t>(mode);
    case QN_I8:
      return numbers<std::int8_t>(mode);
    case QN_I16:
      return numbers<std::int16_t>(mode);
    case QN_I32:
      return numbers<std::int32_t>(mode);
    case QN_I64:
      return numbers<std::int64_t>(mode);
    case QN_F32:
      return numbers<float>(mode);
    case QN_F64:
      return numbers<double>(mode);
    case QN_C64:
      return mode == Combine::add ? fns<Combine::add, Complex>() : CombineFns{};
    default:
      return {};
  }
}

}  // namespace quern::simd
