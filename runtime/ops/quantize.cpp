// Shape and gradient rules of quantize and dequantize, and the composed quantized_matmul.
// How the numbers are packed is said in ops.def and done by the kernels.
#include "runtime/ops/convert.h"

namespace quern {
namespace {

// Attributes 0 and 1 are group_size and bits.
void check_packing(const Call& c) {
  const std::int64_t group = c.attrs.i(0), bits = c.attrs.i(1);
  if (group != 32 && group != 64 && group != 128)
    fail_invalid("[", c.name, "] group_size ", group, "; expected 32, 64 or 128");
  if (bits < 1 || bits > 8 || bits == 7)
    fail_invalid("[", c.name, "] bits ", bits, "; expected 1, 2, 3, 4, 5, 6 or 8");
}

// The shape that packed weights unpack to, checked against scales and biases.
Shape unpacked_shape(const Call& c, const Array& w, const Array& scales, const Array& biases) {
  check_packing(c);
  const std::int64_t group = c.attrs.i(0), bits = c.attrs.i(1);
  Shape groups = w.shape();
  bool good = w.dtype() == DType::u32 && w.ndim() >= 2;
  if (good) {
    std::int64_t total = 0;
    good = !__builtin_mul_overflow(groups.back(), std::int64_t{32}, &total) && total % bits == 0 &&
           total / bits % group == 0;
    groups.back() = total / bits / group;
  }
  good = good && scales.shape() == groups && biases.shape() == groups && is_float(scales.dtype()) &&
         is_float(biases.dtype());
  if (!good)
    fail_invalid("[", c.name, "] w ", name(w.dtype()), to_string(w.shape()), ", scales ",
                 name(scales.dtype()), to_string(scales.shape()), ", biases ", name(biases.dtype()),
                 to_string(biases.shape()),
                 "; expected u32 with at least two axes, and a floating scale and bias for each "
                 "group of ",
                 group, " numbers of ", bits, " bits");
  groups.back() *= group;
  element_count(groups);
  return groups;
}

// g (.., n) summed over groups: (.., n / size).
Array group_sums(const Array& g, std::int64_t size) {
  Ints split = ints(g.shape());
  split.back() /= size;
  split.push_back(size);
  return ops::sum(ops::reshape(g, std::move(split)), Ints{-1});
}

}  // namespace

namespace shape {

void quantize(Call& c) {
  check_packing(c);
  const Array& w = c.in[0];
  const std::int64_t group = c.attrs.i(0), bits = c.attrs.i(1);
  if (!is_float(w.dtype()) || w.ndim() < 2 || w.dim(-1) % group != 0)
    fail_invalid("[quantize] w ", name(w.dtype()), to_string(w.shape()),
                 "; expected a floating dtype, at least two axes, and a last one that is a "
                 "multiple of ",
                 group);
  Shape packed = w.shape(), groups = packed;
  packed.back() = packed.back() / 32 * bits;
  groups.back() /= group;
  element_count(packed);
  c.out.push_back({std::move(packed), DType::u32});
  c.out.push_back({groups, w.dtype()});
  c.out.push_back({groups, w.dtype()});
}

void dequantize(Call& c) {
  Shape out = unpacked_shape(c, c.in[0], c.in[1], c.in[2]);
  const DType t = promote(c.in[1].dtype(), c.in[2].dtype());
  c.in[1] = cast(c.in[1], t);
  c.in[2] = cast(c.in[2], t);
  c.out.push_back({std::move(out), t});
}

}  // namespace shape

namespace grad {

void dequantize(Vjp& v) {
  const std::int64_t group = v.attrs.i(0), bits = v.attrs.i(1);
  const Array& g = v.cot();
  if (v.needs(2)) v.set(2, group_sums(g, group));
  if (!v.needs(1)) return;
  const Array numbers =
      ops::dequantize(v.in(0), ones_like(v.in(1)), zeros_like(v.in(2)), group, bits);
  v.set(1, group_sums(ops::multiply(g, numbers), group));
}

}  // namespace grad

namespace composed {

void quantized_matmul(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  if (!is_float(x.dtype()))
    fail_invalid("[quantized_matmul] x of dtype ", name(x.dtype()), "; expected a floating one");
  unpacked_shape(c, c.in[1], c.in[2], c.in[3]);
  Array w = ops::dequantize(c.in[1], c.in[2], c.in[3], c.attrs.i(0), c.attrs.i(1));
  if (c.attrs.b(2)) {
    Ints axes;
    for (std::size_t i = 0; i < w.ndim(); ++i) axes.push_back(static_cast<std::int64_t>(i));
    std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
    w = ops::transpose(w, std::move(axes));
  }
  out.push_back(ops::matmul(x, w));
}

}  // namespace composed
}  // namespace quern
