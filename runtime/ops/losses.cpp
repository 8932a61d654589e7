// Composed losses against integer targets: one loss an item, no reduction.
// The ops they use have the kernels and the gradients.
#include "runtime/ops/convert.h"

namespace quern {
namespace {

// x at the targets along `axis`, without that axis.
Array at_targets(const Call& call, const Array& x, const Array& targets, int axis) {
  Shape rest = x.shape();
  rest.erase(rest.begin() + axis);
  if (targets.shape() != rest || !is_integer(targets.dtype()))
    fail_invalid("[", call.name, "] x of shape ", to_string(x.shape()), " and targets of shape ",
                 to_string(targets.shape()), " and dtype ", name(targets.dtype()),
                 "; expected integer targets of shape ", to_string(rest), " (x without axis ", axis,
                 ")");
  Shape one = x.shape();
  one[static_cast<std::size_t>(axis)] = 1;
  return reshaped(ops::take_along_axis(x, reshaped(targets, one), axis), rest);
}

}  // namespace

namespace composed {

void nll_loss(Call& call, ArrayList& out) {
  const Array x = cast(call.in[0], common_float(call, 1));
  const int axis = normalize_axis(call.name, call.attrs.i(0), x.ndim());
  out.push_back(ops::negative(at_targets(call, x, call.in[1], axis)));
}

void cross_entropy(Call& call, ArrayList& out) {
  const Array x = cast(call.in[0], common_float(call, 1));
  const int axis = normalize_axis(call.name, call.attrs.i(0), x.ndim());
  const Array score = at_targets(call, x, call.in[1], axis);
  out.push_back(ops::subtract(ops::logsumexp(x, Ints{axis}), score));
}

}  // namespace composed
}  // namespace quern
