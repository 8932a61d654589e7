// Which places the operands of an op mean, and the loops that turn indices into offsets.
// Indices out of range are clamped, as the ops promise.
#include "plugins/simd/places.h"

#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/places.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

// The compiler makes vectors of these loops. Narrow: a size times a step has 31 bits.
template <class I, bool kNarrow, bool kFirst>
void Fill(const I* HWY_RESTRICT p, std::int64_t stride, std::int64_t n, const IndexArray& a,
          std::int64_t base, std::int64_t along, std::int64_t* HWY_RESTRICT off) {
  // Indices of 32 bits stay such: twice as many in a vector.
  using W = std::conditional_t<kNarrow && sizeof(I) == 4, std::int32_t, std::int64_t>;
  const auto size = static_cast<W>(a.size), last = static_cast<W>(a.last);
  const std::int64_t step = a.step;
  const auto start = [=](I raw) -> W {
    if constexpr (std::is_unsigned_v<I>) {
      const auto most = static_cast<std::make_unsigned_t<W>>(last);
      const auto i = static_cast<std::make_unsigned_t<W>>(raw);
      return static_cast<W>(i < most ? i : most);
    } else {
      W i = static_cast<W>(raw);
      i += i < 0 ? size : 0;
      i = i < 0 ? 0 : i;
      return i > last ? last : i;
    }
  };
  const auto offset = [=](I raw) -> std::int64_t {
    if constexpr (kNarrow)
      return static_cast<std::int32_t>(start(raw)) * static_cast<std::int32_t>(step);
    else
      return std::int64_t{start(raw)} * step;
  };
  const auto put = [=](std::int64_t j, std::int64_t o) {
    off[j] = (kFirst ? base + j * along : off[j]) + o;
  };
  if (stride == 1) {
    for (std::int64_t j = 0; j < n; ++j) put(j, offset(p[j]));
  } else if (stride == 0) {
    const std::int64_t same = offset(*p);
    for (std::int64_t j = 0; j < n; ++j) put(j, same);
  } else {
    for (std::int64_t j = 0; j < n; ++j) put(j, offset(p[j * stride]));
  }
}

template <class I, bool kNarrow>
void Offsets(const void* index, std::int64_t stride, std::int64_t n, const IndexArray& a,
             std::int64_t base, std::int64_t along, bool first, std::int64_t* off) {
  const I* p = static_cast<const I*>(index);
  if (!first)
    Fill<I, kNarrow, false>(p, stride, n, a, 0, 0, off);
  else if (along == 0)
    Fill<I, kNarrow, true>(p, stride, n, a, base, 0, off);
  else
    Fill<I, kNarrow, true>(p, stride, n, a, base, along, off);
}

template <class I>
OffsetsFn Choose(bool narrow) {
  return narrow ? Offsets<I, true> : Offsets<I, false>;
}

OffsetsFn OffsetsFor(qn_dtype dtype, bool narrow) {
  switch (dtype) {
    case QN_I32:
      return Choose<std::int32_t>(narrow);
    case QN_U32:
      return Choose<std::uint32_t>(narrow);
    case QN_I64:
      return Choose<std::int64_t>(narrow);
    default:
      return Choose<std::uint64_t>(narrow);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(OffsetsFor);

OffsetsFn offsets_fn(const IndexArray& a) {
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  const std::int64_t reach = sdk::saturating_product(a.size, a.step < 0 ? -a.step : a.step);
  return HWY_DYNAMIC_DISPATCH(OffsetsFor)(a.dtype, a.size <= most && reach <= most);
}

void PlaceAxes::merge() {
  std::uint32_t kept = 0;
  for (std::uint32_t k = 0; k < n; ++k) {
    const PlaceAxis a = axis[k];
    if (a.n == 1) continue;
    if (kept) {
      PlaceAxis& b = axis[kept - 1];
      bool one = b.array == a.array * a.n && b.list == a.list * a.n;
      for (std::uint32_t i = 0; i < kMaxIndices; ++i) one = one && b.index[i] == a.index[i] * a.n;
      if (one) {
        const std::int64_t both = a.n * b.n;
        b = a;
        b.n = both;
        continue;
      }
    }
    axis[kept++] = a;
  }
  n = kept;
}

void Places::merge() {
  outer.merge();
  places.merge();
  inner.merge();
}

void Places::slow_axes_outward() {
  std::uint32_t k = 0;
  while (k < inner.n && inner.axis[k].of >= 0) ++k;
  if (k == inner.n) return;
  std::copy(inner.axis, inner.axis + k, outer.axis);
  std::copy(inner.axis + k, inner.axis + inner.n, inner.axis);
  outer.n = k;
  inner.n -= k;
}

bool Places::add_index(const qn_opdesc& op, std::uint32_t operand, std::int64_t size,
                       std::int64_t last, std::int64_t step) {
  const qn_dtype t = op.in[operand].dtype;
  if (n_index == kMaxIndices || (t != QN_I32 && t != QN_U32 && t != QN_I64 && t != QN_U64))
    return false;
  index[n_index] = {operand, t, size, last, step, 0};
  offsets[n_index] = offsets_fn(index[n_index]);
  ++n_index;
  return true;
}

namespace {

bool axis_of(const qn_opdesc& op, std::uint32_t ndim, std::uint32_t& axis) {
  std::int64_t a = sdk::attr_int(op, 0);
  if (a < 0) a += ndim;
  axis = static_cast<std::uint32_t>(a);
  return a >= 0 && a < ndim;
}

}  // namespace

bool Places::by_take(const qn_opdesc& op, const std::int64_t* array, const qn_array_desc& list) {
  const qn_array_desc &x = op.in[0], &indices = op.in[1];
  std::uint32_t axis;
  if (!axis_of(op, x.ndim, axis) || list.ndim + 1 != x.ndim + indices.ndim) return false;
  const std::vector<std::int64_t> out = element_strides(list), at = element_strides(indices);
  for (std::uint32_t k = 0, l = 0; k < x.ndim; ++k) {
    if (k != axis) {
      if (x.shape[k] != list.shape[l]) return false;
      PlaceAxis a{x.shape[k], array[k], out[l++], {}, static_cast<std::int32_t>(k)};
      if (!(k < axis ? outer : inner).push(a)) return false;
      continue;
    }
    for (std::uint32_t i = 0; i < indices.ndim; ++i, ++l) {
      if (indices.shape[i] != list.shape[l]) return false;
      if (!places.push({indices.shape[i], 0, out[l], {at[i]}, -1})) return false;
    }
  }
  return add_index(op, 1, x.shape[axis], x.shape[axis] - 1, array[axis]);
}

bool Places::by_axis(const qn_opdesc& op, const std::int64_t* array, const qn_array_desc& list) {
  const qn_array_desc &x = op.in[0], &indices = op.in[1];
  std::uint32_t axis;
  if (!axis_of(op, x.ndim, axis) || indices.ndim != x.ndim || list.ndim != x.ndim) return false;
  const std::vector<std::int64_t> out = element_strides(list), at = element_strides(indices);
  for (std::uint32_t k = 0; k < x.ndim; ++k) {
    const bool along = k == axis;
    if (indices.shape[k] != list.shape[k] || (!along && x.shape[k] != list.shape[k])) return false;
    if (!places.push({list.shape[k],
                      along ? 0 : array[k],
                      out[k],
                      {at[k]},
                      along ? -1 : static_cast<std::int32_t>(k)}))
      return false;
  }
  return add_index(op, 1, x.shape[axis], x.shape[axis] - 1, array[axis]);
}

bool Places::by_blocks(const qn_opdesc& op, std::uint32_t first, const std::int64_t* array,
                       const qn_array_desc& list) {
  const qn_array_desc& x = op.in[0];
  const std::uint32_t count = op.n_op_in - first;
  if (op.n_op_in < first || sdk::attr_count(op, 0) != count || list.ndim < x.ndim) return false;
  const std::uint32_t lead = list.ndim - x.ndim;
  const std::vector<std::int64_t> out = element_strides(list);
  std::uint64_t indexed = 0;
  for (std::uint32_t k = 0; k < lead; ++k)
    if (!places.push({list.shape[k], 0, out[k], {}, -1})) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    const qn_array_desc& indices = op.in[first + i];
    const std::int64_t axis = sdk::attr_ints(op, 0)[i];
    if (axis < 0 || axis >= x.ndim || indices.ndim != lead || axis >= 64) return false;
    const std::int64_t last = x.shape[axis] - list.shape[lead + axis];
    if (last < 0 || (indexed >> axis & 1)) return false;
    indexed |= std::uint64_t{1} << axis;
    if (!add_index(op, first + i, x.shape[axis], last, array[axis])) return false;
    const std::vector<std::int64_t> at = element_strides(indices);
    for (std::uint32_t k = 0; k < lead; ++k) {
      if (indices.shape[k] != list.shape[k]) return false;
      places.axis[k].index[i] = at[k];
    }
  }
  for (std::uint32_t k = 0; k < x.ndim; ++k) {
    const std::int64_t n = list.shape[lead + k];
    const bool free = k >= 64 || !(indexed >> k & 1);
    if (n > x.shape[k]) return false;
    if (!inner.push({n, array[k], out[lead + k], {}, free ? static_cast<std::int32_t>(k) : -1}))
      return false;
  }
  return true;
}

}  // namespace quern::simd
#endif
