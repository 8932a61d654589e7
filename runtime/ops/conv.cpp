// Shape and gradient rules of the general convolution and its two transposes.
// The named convolutions (conv2d, conv_transpose, ...) are in composed_conv.cpp.
#include "runtime/ops/spatial.h"

namespace quern {
namespace {

// Checks and completes the attributes from number `at` on (stride, padding_low, padding_high,
// dilation, input_dilation, groups, flip, layout) and returns the shape of conv(x, w).
Shape conv_shape(Call& call, std::size_t at, IntSpan x, IntSpan w) {
  AttrList& attrs = call.attrs;
  const SpatialAxes s = spatial_axes(call, "x", x, attrs.s(at + 7));
  if (w.size() != x.size())
    fail_invalid("[", call.name, "] x of shape ", to_string(x), " and w of shape ", to_string(w),
                 "; expected as many axes in both");
  spread(call, at, "stride", s.count, 1);
  spread(call, at + 1, "padding_low", s.count, 0);
  spread(call, at + 2, "padding_high", s.count, 0);
  spread(call, at + 3, "dilation", s.count, 1);
  spread(call, at + 4, "input_dilation", s.count, 1);
  const std::int64_t groups = attrs.i(at + 5), channels = x[s.channel];
  if (groups < 1 || channels % groups != 0 || w[0] % groups != 0 ||
      w[s.channel] != channels / groups)
    fail_invalid("[", call.name, "] x of shape ", to_string(x), " and w of shape ", to_string(w),
                 " with groups ", groups, " in layout ", attrs.s(at + 7),
                 "; expected groups to divide ", channels, " input and ", w[0],
                 " output channels, and w to have input channels / groups on axis ", s.channel);
  Shape out(x.begin(), x.end());
  out[s.channel] = w[0];
  for (std::size_t i = 0; i < s.count; ++i)
    out[s.first + i] = window_count(call.name, i,
                                    {.size = x[s.first + i],
                                     .window = w[s.first + i],
                                     .stride = attrs.is(at)[i],
                                     .low = attrs.is(at + 1)[i],
                                     .high = attrs.is(at + 2)[i],
                                     .dilation = attrs.is(at + 3)[i],
                                     .input_dilation = attrs.is(at + 4)[i]});
  element_count(out);
  return out;
}

DType promote_operands(Call& call) {
  const DType t = common_float(call, 2);
  for (std::size_t i = 0; i < 2; ++i) call.in[i] = cast(call.in[i], t);
  return t;
}

void check_dy(const Call& call, const Array& dy, const Shape& want, IntSpan x, IntSpan w) {
  if (dy.shape() != want)
    fail_invalid("[", call.name, "] dy of shape ", to_string(dy.shape()), "; expected ",
                 to_string(want), ", that of the convolution of x ", to_string(x), " with w ",
                 to_string(w));
}

// The attributes from number `at` on, applied to one of the three ops.
struct Geometry {
  const AttrList& a;
  std::size_t at;
  Array conv(const Array& x, const Array& w) const {
    return ops::conv(x, w, is(0), is(1), is(2), is(3), is(4), a.i(at + 5), a.b(at + 6), layout());
  }
  Array input_grad(const Array& dy, const Array& w, const Shape& x) const {
    return ops::conv_input_grad(dy, w, ints(x), is(0), is(1), is(2), is(3), is(4), a.i(at + 5),
                                a.b(at + 6), layout());
  }
  Array weight_grad(const Array& x, const Array& dy, const Shape& w) const {
    return ops::conv_weight_grad(x, dy, ints(w), is(0), is(1), is(2), is(3), is(4), a.i(at + 5),
                                 a.b(at + 6), layout());
  }

 private:
  const Ints& is(std::size_t k) const { return a.is(at + k); }
  std::string layout() const { return std::string(a.s(at + 7)); }
};

}  // namespace

namespace shape {

void conv(Call& call) {
  const DType t = promote_operands(call);
  call.out.push_back({conv_shape(call, 0, call.in[0].shape(), call.in[1].shape()), t});
}

void conv_input_grad(Call& call) {
  const DType t = promote_operands(call);
  Shape x(call.attrs.is(0).begin(), call.attrs.is(0).end());
  element_count(x);
  const Shape& w = call.in[1].shape();
  check_dy(call, call.in[0], conv_shape(call, 1, x, w), x, w);
  call.out.push_back({std::move(x), t});
}

void conv_weight_grad(Call& call) {
  const DType t = promote_operands(call);
  Shape w(call.attrs.is(0).begin(), call.attrs.is(0).end());
  element_count(w);
  const Shape& x = call.in[0].shape();
  check_dy(call, call.in[1], conv_shape(call, 1, x, w), x, w);
  call.out.push_back({std::move(w), t});
}

}  // namespace shape

namespace grad {

void conv(Vjp& v) {
  const Geometry geometry{v.attrs, 0};
  if (v.needs(0)) v.set(0, geometry.input_grad(v.cot(), v.in(1), v.in(0).shape()));
  if (v.needs(1)) v.set(1, geometry.weight_grad(v.in(0), v.cot(), v.in(1).shape()));
}

// conv is linear in x and in w, so its transposes' gradients are conv and the transposes
// themselves.
void conv_input_grad(Vjp& v) {
  const Geometry geometry{v.attrs, 1};
  if (v.needs(0)) v.set(0, geometry.conv(v.cot(), v.in(1)));
  if (v.needs(1)) v.set(1, geometry.weight_grad(v.cot(), v.in(0), v.in(1).shape()));
}

void conv_weight_grad(Vjp& v) {
  const Geometry geometry{v.attrs, 1};
  if (v.needs(0)) v.set(0, geometry.input_grad(v.in(1), v.cot(), v.in(0).shape()));
  if (v.needs(1)) v.set(1, geometry.conv(v.in(0), v.cot()));
}

}  // namespace grad
}  // namespace quern
