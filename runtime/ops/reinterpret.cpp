// Shape and gradient rules of view (bits under another dtype) and as_strided.
// Views that keep the dtype and the bounds by construction are in shape_ops.cpp.
#include "runtime/ops/convert.h"

namespace quern {
namespace shape {

void bit_view(Call& c) {
  const Array& x = c.in[0];
  const DType to = c.attrs.dtype(0);
  const std::int64_t have = itemsize(x.dtype()), want = itemsize(to);
  Shape out = x.shape();
  if (have != want) {
    if (out.empty())
      fail_invalid("[view] a 0-d array of dtype ", name(x.dtype()), " as ", name(to),
                   "; expected a dtype of the same size");
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(out.back(), have, &bytes) || bytes % want != 0)
      fail_invalid("[view] shape ", to_string(out), " of dtype ", name(x.dtype()), " as ", name(to),
                   "; expected a last axis whose bytes are a multiple of ", want);
    out.back() = bytes / want;
    element_count(out);
  }
  c.out.push_back({std::move(out), to});
}

void as_strided(Call& c) {
  const Array& x = c.in[0];
  const Ints& given = c.attrs.is(0);
  const Shape to(given.begin(), given.end());
  Ints strides = c.attrs.is(1);
  if (strides.empty()) strides = ints(dense_strides(to));
  if (strides.size() != to.size())
    fail_invalid("[as_strided] strides ", to_string(strides), " for the shape ", to_string(to),
                 "; expected as many");
  // The lowest and the highest element read.
  std::int64_t low = c.attrs.i(2), high = low;
  bool inside = true;
  if (element_count(to) > 0) {
    for (std::size_t i = 0; inside && i < to.size(); ++i) {
      std::int64_t reach = 0;
      std::int64_t& end = strides[i] < 0 ? low : high;
      inside = !__builtin_mul_overflow(to[i] - 1, strides[i], &reach) &&
               !__builtin_add_overflow(end, reach, &end);
    }
    inside = inside && low >= 0 && high < x.size();
  }
  if (!inside)
    fail_invalid("[as_strided] shape ", to_string(to), ", strides ", to_string(strides),
                 ", offset ", c.attrs.i(2), " reach outside of the ", x.size(),
                 " elements of an array of shape ", to_string(x.shape()),
                 "; expected all elements inside");
  c.attrs[1] = std::move(strides);
  c.out.push_back({to, x.dtype()});
}

}  // namespace shape

namespace grad {

void view(Vjp& v) {
  if (!wants(v, 0)) return;
  const DType from = v.in(0).dtype(), to = v.out().dtype();
  if (from != to)
    fail_invalid("[view] no gradient flows through the bits of ", name(from), " read as ", name(to),
                 "; expected stop_gradient around it");
  v.set(0, v.cot());
}

// Every element read gives its cotangent back to the place it was read from.
void as_strided(Vjp& v) {
  if (!wants(v, 0)) return;
  const Array &x = v.in(0), &g = v.cot();
  const Array place = ops::arange(x.runtime(), 0, static_cast<double>(x.size()), 1, DType::i64);
  const Array read = ops::as_strided(place, v.attrs.is(0), v.attrs.is(1), v.attrs.i(2));
  const Array flat = ops::full(constant(x, 0), Ints{x.size()});
  const Array sum =
      ops::scatter_add(flat, reshaped(read, Ints{g.size()}), reshaped(g, Ints{g.size()}), 0);
  v.set(0, reshaped(sum, x.shape()));
}

}  // namespace grad
}  // namespace quern
