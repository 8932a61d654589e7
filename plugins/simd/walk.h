// Steps through the offsets of a set of axes in two arrays at once, last axis fastest.
#pragma once
#include <cstdint>
#include <vector>

namespace quern::simd {

constexpr std::size_t kMaxWalkAxes = 16;

struct Axis {
  std::int64_t n, in, out;
};

struct Walk {
  const std::vector<Axis>& axes;
  std::int64_t index[kMaxWalkAxes] = {};
  std::int64_t in = 0, out = 0;
  Walk(const std::vector<Axis>& a, std::int64_t at) : axes(a) {
    for (std::size_t k = a.size(); k-- > 0;) {
      index[k] = at % a[k].n;
      at /= a[k].n;
      in += index[k] * a[k].in;
      out += index[k] * a[k].out;
    }
  }
  void next() {
    for (std::size_t k = axes.size(); k-- > 0;) {
      in += axes[k].in;
      out += axes[k].out;
      if (++index[k] < axes[k].n) return;
      in -= index[k] * axes[k].in;
      out -= index[k] * axes[k].out;
      index[k] = 0;
    }
  }
};

inline std::int64_t count(const std::vector<Axis>& axes) {
  std::int64_t n = 1;
  for (const auto& a : axes) n *= a.n;
  return n;
}

}  // namespace quern::simd
