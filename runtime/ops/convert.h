// Conversions the shape, index and contraction rules share; each records nothing when nothing
// changes. No op semantics here.
#pragma once
#include <algorithm>

#include "runtime/ops/support.h"

namespace quern {

inline Array broadcast(const Array& x, IntSpan to) {
  return std::equal(x.shape().begin(), x.shape().end(), to.begin(), to.end())
             ? x
             : ops::broadcast_to(x, ints(to));
}

inline Array reshaped(const Array& x, IntSpan to) {
  return std::equal(x.shape().begin(), x.shape().end(), to.begin(), to.end())
             ? x
             : ops::reshape(x, ints(to));
}

// The real floating dtype that holds all of `in` (integers become f32); complex is refused.
inline DType common_float(const Call& call, std::size_t n_in) {
  DType t = call.in[0].dtype();
  for (std::size_t i = 1; i < n_in; ++i) t = promote(t, call.in[i].dtype());
  if (is_complex(t))
    fail_invalid("[", call.name, "] complex input of dtype ", name(t), "; expected real numbers");
  return float_of(t);
}

}  // namespace quern
