// Strides of views. Attributes are as the shape rules left them: complete and non-negative.
#include "runtime/graph/view.h"

#include "quern/op_ids.h"

namespace quern {
namespace {

// Splits both shapes into groups of equal size; within a group the old axes must be mergeable.
bool reshape_strides(IntSpan shape, IntSpan strides, IntSpan to, Strides& out) {
  out.clear();
  out.resize(to.size(), 0);
  if (element_count(to) == 0) {
    out = dense_strides(to);
    return true;
  }
  SmallVector<std::int64_t, 6> dims, steps;  // without axes of size 1
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1) {
      dims.push_back(shape[i]);
      steps.push_back(strides[i]);
    }
  std::size_t i = 0, j = 0;
  while (i < dims.size() || j < to.size()) {
    if (i == dims.size()) {  // only ones are left
      for (; j < to.size(); ++j) out[j] = 1;
      break;
    }
    std::int64_t have = dims[i], want = 1;
    const std::size_t i0 = i, j0 = j;
    ++i;
    while (want < have || have < dims[i0] || want != have) {
      if (want < have) {
        if (j == to.size()) return false;
        want *= to[j++];
      } else if (want > have) {
        if (i == dims.size()) return false;
        have *= dims[i++];
      } else {
        break;
      }
    }
    for (std::size_t k = i0; k + 1 < i; ++k)
      if (steps[k] != steps[k + 1] * dims[k + 1]) return false;
    std::int64_t step = steps[i - 1];
    for (std::size_t k = j; k-- > j0;) {
      out[k] = step;
      step *= to[k];
    }
  }
  return true;
}

}  // namespace

bool view_strides(std::uint32_t op, const AttrList& attrs, IntSpan shape, IntSpan strides,
                  IntSpan out_shape, ViewOf& out) {
  out.offset = 0;
  switch (op) {
    case QN_OP_IDENTITY:
    case QN_OP_DEPENDS:
      out.strides = Strides(strides.begin(), strides.end());
      return true;
    case QN_OP_RESHAPE:
      return reshape_strides(shape, strides, out_shape, out.strides);
    case QN_OP_TRANSPOSE:
      out.strides.clear();
      for (std::int64_t a : attrs.is(0))
        out.strides.push_back(strides[static_cast<std::size_t>(a)]);
      return true;
    case QN_OP_BROADCAST_TO:
      out.strides = broadcast_strides(shape, strides, out_shape);
      return true;
    case QN_OP_SLICE: {
      out.strides.clear();
      const bool empty = element_count(out_shape) == 0;
      for (std::size_t i = 0; i < shape.size(); ++i) {
        out.strides.push_back(strides[i] * attrs.is(2)[i]);
        if (!empty) out.offset += strides[i] * attrs.is(0)[i];
      }
      return true;
    }
    case QN_OP_AS_STRIDED: {  // counts elements of row-major order
      const Strides dense = dense_strides(shape);
      for (std::size_t i = 0; i < shape.size(); ++i)
        if (shape[i] > 1 && strides[i] != dense[i]) return false;
      out.strides = Strides(attrs.is(1).begin(), attrs.is(1).end());
      if (element_count(out_shape) > 0) out.offset = attrs.i(2);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace quern
