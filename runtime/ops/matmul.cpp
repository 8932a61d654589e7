// Shape and gradient rule of the matrix product.
// addmm, which adds a third array, is in composed_conv.cpp.
#include "runtime/ops/convert.h"

namespace quern {
namespace {

Array swap_last(const Array& x) {
  Ints axes;
  for (std::size_t i = 0; i < x.ndim(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  std::swap(axes[x.ndim() - 2], axes[x.ndim() - 1]);
  return ops::transpose(x, std::move(axes));
}

Shape batch_of(const Array& x) { return Shape(x.shape().begin(), x.shape().end() - 2); }

// All leading axes merged into the rows.
Array as_matrix(const Array& x) {
  Shape rows(x.shape().begin(), x.shape().end() - 1);
  return ops::reshape(x, Ints{element_count(rows), x.dim(-1)});
}

}  // namespace

namespace shape {

// Kernels see operands of two axes or more: a vector x becomes one row, a vector y one column. The
// result is reported without that axis; its elements lie as if it were there.
void matmul(Call& call) {
  const Shape xs = call.in[0].shape(), ys = call.in[1].shape();
  if (xs.empty() || ys.empty())
    fail_invalid("[matmul] shapes ", to_string(xs), " and ", to_string(ys),
                 "; expected at least one axis in both");
  const std::int64_t inner = ys.size() == 1 ? ys[0] : ys[ys.size() - 2];
  if (xs.back() != inner)
    fail_invalid(
        "[matmul] shapes ", to_string(xs), " and ", to_string(ys),
        "; expected the last axis of x to equal the last but one of y (the only one of a vector)");
  const DType t = float_of(promote(call.in[0].dtype(), call.in[1].dtype()));
  for (std::size_t i = 0; i < 2; ++i) call.in[i] = cast(call.in[i], t);
  if (xs.size() == 1) call.in[0] = ops::reshape(call.in[0], Ints{1, inner});
  if (ys.size() == 1) call.in[1] = ops::reshape(call.in[1], Ints{inner, 1});
  Shape out = broadcast_shapes(call.name, batch_of(call.in[0]), batch_of(call.in[1]));
  if (xs.size() > 1) out.push_back(xs[xs.size() - 2]);
  if (ys.size() > 1) out.push_back(ys.back());
  element_count(out);
  call.out.push_back({std::move(out), t});
}

}  // namespace shape

namespace grad {

void matmul(Vjp& v) {
  const Array &a = v.in(0), &b = v.in(1);
  Shape full = broadcast_shapes("matmul", batch_of(a), batch_of(b));
  full.push_back(a.dim(-2));
  full.push_back(b.dim(-1));
  const Array g = reshaped(v.cot(), full);
  if (v.needs(0)) v.set(0, sum_to(ops::matmul(g, conj(swap_last(b))), a.shape()));
  if (!v.needs(1)) return;
  // One large product instead of a batch of them that is then summed.
  if (b.ndim() == 2 && a.ndim() > 2)
    v.set(1, ops::matmul(conj(swap_last(as_matrix(a))), as_matrix(g)));
  else
    v.set(1, sum_to(ops::matmul(conj(swap_last(a)), g), b.shape()));
}

}  // namespace grad
}  // namespace quern
