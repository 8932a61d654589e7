// The places of an array that index arrays point at, and the element or block at each: what take,
// gather, scatter and their kin share. Not here: moving what is found (gather.cpp, scatter.cpp).
#pragma once
#include "plugins/simd/common.h"

namespace quern::simd {

constexpr std::uint32_t kMaxIndices = 8, kMaxPlaceAxes = 16;

// An axis of the list, in which the blocks lie: the result of a gather, the updates of a scatter.
// Steps count elements.
struct PlaceAxis {
  std::int64_t n = 1;
  std::int64_t array = 0, list = 0;
  std::int64_t index[kMaxIndices] = {};
  std::int32_t of = -1;  // the axis of the array that it runs along, if it does
};

struct PlaceAxes {
  std::uint32_t n = 0;
  PlaceAxis axis[kMaxPlaceAxes];

  bool push(const PlaceAxis& a) {
    if (n == kMaxPlaceAxes) return false;
    axis[n++] = a;
    return true;
  }
  std::int64_t count() const {
    std::int64_t c = 1;
    for (std::uint32_t k = 0; k < n; ++k) c *= axis[k].n;
    return c;
  }
  void merge();  // drops axes of size 1, joins neighbours that lie as one
};

struct IndexArray {
  std::uint32_t operand = 0;
  qn_dtype dtype = QN_I32;
  std::int64_t size = 1, last = 0;  // negative ones count from size; the greatest start of a block
  std::int64_t step = 0;            // elements of the array from one index to the next
  std::int64_t from = 0;            // where in the index array the places begin
};

// off[j] (=, or += if not `first`) base + j * along + (start that index[j * stride] means) * a.step
// for j < n.
using OffsetsFn = void (*)(const void* index, std::int64_t stride, std::int64_t n,
                           const IndexArray& a, std::int64_t base, std::int64_t along, bool first,
                           std::int64_t* off);
OffsetsFn offsets_fn(const IndexArray& a);

// List element (o, p, i) belongs to the array element outer(o) + start(p) + inner(i).
struct Places {
  PlaceAxes outer, places, inner;
  std::uint32_t n_index = 0;
  IndexArray index[kMaxIndices];
  OffsetsFn offsets[kMaxIndices] = {};

  // The parts of the ops by operands: `array` as it lies (its strides are given), and the list.
  // False when the shapes do not fit together or are beyond the limits above.
  bool by_take(const qn_opdesc& op, const std::int64_t* array, const qn_array_desc& list);
  bool by_axis(const qn_opdesc& op, const std::int64_t* array, const qn_array_desc& list);
  bool by_blocks(const qn_opdesc& op, std::uint32_t first, const std::int64_t* array,
                 const qn_array_desc& list);
  // Blocks: axes slower than every indexed one are outer ones, along which places do not matter.
  void slow_axes_outward();
  void merge();

 private:
  bool add_index(const qn_opdesc& op, std::uint32_t operand, std::int64_t size, std::int64_t last,
                 std::int64_t step);
};

// Offsets of several axes, last one fastest.
struct PlaceWalk {
  const PlaceAxis* axes;
  std::uint32_t n;
  std::int64_t at[kMaxPlaceAxes] = {};
  std::int64_t array = 0, list = 0;

  PlaceWalk(const PlaceAxes& a, std::uint32_t count, std::int64_t from) : axes(a.axis), n(count) {
    for (std::uint32_t k = n; from > 0 && k-- > 0;) {
      at[k] = from % axes[k].n;
      from /= axes[k].n;
      array += at[k] * axes[k].array;
      list += at[k] * axes[k].list;
    }
  }
  void next() {
    for (std::uint32_t k = n; k-- > 0;) {
      array += axes[k].array;
      list += axes[k].list;
      if (++at[k] < axes[k].n) return;
      array -= at[k] * axes[k].array;
      list -= at[k] * axes[k].list;
      at[k] = 0;
    }
  }
};

constexpr std::int64_t kRun = 1024;  // places whose offsets are made at once

// f(off, n, list, step) for the places lo .. hi in row-major order, in runs of at most kRun: where
// in the array they begin; the first one's block lies `list` elements into the list, each next one
// `step` behind.
template <class F>
void each_run(const Places& p, const qn_buffer* in, std::int64_t lo, std::int64_t hi, F&& f) {
  std::int64_t off[kRun];
  const PlaceAxes& axes = p.places;
  const std::uint32_t slow = axes.n ? axes.n - 1 : 0;
  const PlaceAxis last = axes.n ? axes.axis[slow] : PlaceAxis{};
  std::int64_t at[kMaxPlaceAxes] = {}, j = lo % last.n;
  std::int64_t rest = lo / last.n;
  for (std::uint32_t k = slow; k-- > 0; rest /= axes.axis[k].n) at[k] = rest % axes.axis[k].n;
  while (lo < hi) {
    std::int64_t array = j * last.array, list = j * last.list;
    for (std::uint32_t k = 0; k < slow; ++k) {
      array += at[k] * axes.axis[k].array;
      list += at[k] * axes.axis[k].list;
    }
    const std::int64_t n = std::min({kRun, hi - lo, last.n - j});
    if (p.n_index == 0)
      for (std::int64_t i = 0; i < n; ++i) off[i] = array + i * last.array;
    for (std::uint32_t a = 0; a < p.n_index; ++a) {
      std::int64_t from = p.index[a].from + j * last.index[a];
      for (std::uint32_t k = 0; k < slow; ++k) from += at[k] * axes.axis[k].index[a];
      const IndexArray& x = p.index[a];
      const auto* data = static_cast<const char*>(in[x.operand].data);
      p.offsets[a](data + from * static_cast<std::int64_t>(sdk::itemsize(x.dtype)), last.index[a],
                   n, x, a ? 0 : array, a ? 0 : last.array, a == 0, off);
    }
    f(static_cast<const std::int64_t*>(off), n, list, last.list);
    lo += n;
    j += n;
    if (j < last.n) continue;
    j = 0;
    for (std::uint32_t k = slow; k-- > 0;) {
      if (++at[k] < axes.axis[k].n) break;
      at[k] = 0;
    }
  }
}

}  // namespace quern::simd
