// Composed contractions: conv1d to conv3d, conv_transpose, addmm.
// No kernels and no gradients of their own: they follow from conv, conv_input_grad and matmul.
#include "runtime/ops/spatial.h"

namespace quern {
namespace {

// Attributes stride, padding, dilation, groups, layout; `ndim` axes in x.
Array plain_conv(const Call& call, std::size_t ndim, const Ints& stride, const Ints& padding,
                 const Ints& dilation) {
  const Array &x = call.in[0], &w = call.in[1];
  if (x.ndim() != ndim || w.ndim() != ndim)
    fail_invalid("[", call.name, "] x of shape ", to_string(x.shape()), " and w of shape ",
                 to_string(w.shape()), "; expected ", ndim, " axes in both");
  return ops::conv(x, w, stride, padding, padding, dilation, Ints{1}, call.attrs.i(3), false,
                   std::string(call.attrs.s(4)));
}

// w (O, .., C/groups, ..) as the weight (C, .., O/groups, ..) of the convolution that maps back.
Array swap_channels(const Array& w, std::int64_t groups, std::size_t channel) {
  Ints split = ints(w.shape()), axes, merged = split;
  merged[0] = groups * split[channel];
  merged[channel] = split[0] / groups;
  split[0] /= groups;
  split.insert(split.begin(), groups);
  for (std::size_t i = 0; i < split.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  std::swap(axes[1], axes[channel + 1]);
  return reshaped(ops::transpose(reshaped(w, split), std::move(axes)), merged);
}

Array scaled(const Array& x, double by) {
  return by == 1 ? x : ops::multiply(x, scalar(x.runtime(), by, x.dtype()));
}

}  // namespace

namespace composed {

void conv1d(Call& call, ArrayList& out) {
  const AttrList& a = call.attrs;
  out.push_back(plain_conv(call, 3, Ints{a.i(0)}, Ints{a.i(1)}, Ints{a.i(2)}));
}

void conv2d(Call& call, ArrayList& out) {
  out.push_back(plain_conv(call, 4, call.attrs.is(0), call.attrs.is(1), call.attrs.is(2)));
}

void conv3d(Call& call, ArrayList& out) {
  out.push_back(plain_conv(call, 5, call.attrs.is(0), call.attrs.is(1), call.attrs.is(2)));
}

// The gradient, with respect to its input, of a convolution from O channels to the C of x.
void conv_transpose(Call& call, ArrayList& out) {
  const Array &x = call.in[0], &w = call.in[1];
  const AttrList& a = call.attrs;
  const std::string layout(a.s(5));
  const SpatialAxes s = spatial_axes(call, "x", x.shape(), layout);
  spread(call, 0, "stride", s.count, 1);
  spread(call, 1, "padding", s.count, 0);
  spread(call, 2, "dilation", s.count, 1);
  spread(call, 3, "output_padding", s.count, 0);
  const std::int64_t groups = a.i(4);
  const Shape &xs = x.shape(), &ws = w.shape();
  if (ws.size() != xs.size() || groups < 1 || ws[0] % groups != 0 || xs[s.channel] % groups != 0 ||
      ws[s.channel] != xs[s.channel] / groups)
    fail_invalid("[conv_transpose] x of shape ", to_string(xs), " and w of shape ", to_string(ws),
                 " with groups ", groups, " in layout ", layout,
                 "; expected as many axes in both, groups to divide the channels, and "
                 "w to have input channels / groups on axis ",
                 s.channel);
  Ints size = ints(xs), low(s.count, 0), high(s.count, 0), rest(xs.size(), 0);
  size[s.channel] = ws[0];
  bool beyond = false;
  for (std::size_t i = 0; i < s.count; ++i) {
    const std::size_t axis = s.first + i;
    const std::int64_t stride = a.is(0)[i], padding = a.is(1)[i], extra = a.is(3)[i];
    // Output padding reveals what the padding had cut off, then up to stride - 1 positions no
    // window reaches; what goes beyond that is zeros put behind.
    std::int64_t near = 0, full = 0, window = 0;
    bool fits = !__builtin_add_overflow(padding, stride - 1, &near) && xs[axis] > 0 && ws[axis] > 0;
    near = std::min(extra, near);
    rest[axis] = extra - near;
    beyond = beyond || rest[axis] > 0;
    low[i] = padding;
    high[i] = std::max<std::int64_t>(0, padding - near);
    fits = fits && !__builtin_mul_overflow(xs[axis] - 1, stride, &full) &&
           !__builtin_mul_overflow(ws[axis] - 1, a.is(2)[i], &window) &&
           !__builtin_add_overflow(full, window, &full) &&
           !__builtin_add_overflow(full, near + 1, &full) &&
           !__builtin_sub_overflow(full, padding, &full) &&
           !__builtin_sub_overflow(full, padding, &full) && full > 0;
    if (!fits)
      fail_invalid("[conv_transpose] x of shape ", to_string(xs), ", w of shape ", to_string(ws),
                   ", padding ", to_string(a.is(1)),
                   "; expected spatial axes, and a result, of at least one element");
    size[axis] = full;
  }
  Array y = ops::conv_input_grad(x, swap_channels(w, groups, s.channel), std::move(size), a.is(0),
                                 std::move(low), std::move(high), a.is(2), Ints{1}, groups, false,
                                 layout);
  if (beyond)
    y = ops::pad(y, scalar(y.runtime(), 0, y.dtype()), Ints(y.ndim(), 0), std::move(rest));
  out.push_back(std::move(y));
}

// The product comes first in the sum, so that kernels can take the rest as their epilogue.
void addmm(Call& call, ArrayList& out) {
  const Array product = ops::matmul(call.in[1], call.in[2]);
  const Array c = cast(call.in[0], promote(call.in[0].dtype(), product.dtype()));
  out.push_back(ops::add(scaled(product, call.attrs.f(0)), scaled(c, call.attrs.f(1))));
}

}  // namespace composed
}  // namespace quern
