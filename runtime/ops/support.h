// What several files of this folder share: casts, constants and reduced axes.
// Not for use outside runtime/ops; rules.h is the face of this folder.
#pragma once
#include "runtime/ops/api.gen.h"

namespace quern {

inline Ints ints(IntSpan v) { return Ints(v.begin(), v.end()); }

// x in `dtype`, without a node when it is that already.
inline Array cast(const Array& x, DType dtype) {
  return x.dtype() == dtype ? x : ops::astype(x, dtype);
}

// A 0-d constant of x's dtype.
inline Array constant(const Array& x, double value) {
  return scalar(x.runtime(), value, x.dtype());
}

// The complex conjugate of x, without a node when x is real. Gradients here are those of MLX and
// JAX for complex arrays: dL/dRe + i dL/dIm of a real loss, so a holomorphic f gives g *
// conj(f'(x)).
inline Array conj(const Array& x) { return is_complex(x.dtype()) ? ops::conjugate(x) : x; }

inline bool differentiable(DType t) { return is_float(t) || is_complex(t); }

// True when the rule must set the gradient of input i. Whether integers have one is up to the
// transform.
inline bool wants(const Vjp& v, std::size_t i) { return v.needs(i); }

// Axes from 0, ascending, all of them for an empty list. Throws on one out of range or given twice.
Ints reduce_axes(const char* op, IntSpan axes, std::size_t ndim);
// The shape after reducing over axes that reduce_axes has made.
Shape reduced_shape(IntSpan shape, IntSpan axes, bool keepdims);

}  // namespace quern
