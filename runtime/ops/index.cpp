// Shape and gradient rules of the ops that read or add at positions given by an array.
// The values of indices are not checked here: kernels count negative ones from the end and clamp.
#include "runtime/ops/convert.h"

namespace quern {
namespace {

// Narrow indices are widened: kernels see 32 and 64 bits only.
Array index_array(const Call& call, const Array& indices) {
  const DType t = indices.dtype();
  if (!is_integer(t))
    fail_invalid("[", call.name, "] indices of dtype ", name(t), "; expected integers");
  return itemsize(t) < 4 ? ops::astype(indices, DType::i32) : indices;
}

std::size_t set_axis(Call& call) {
  const int axis = normalize_axis(call.name, call.attrs.i(0), call.in[0].ndim());
  call.attrs[0] = std::int64_t{axis};
  return static_cast<std::size_t>(axis);
}

void check_not_empty(const Call& call, std::size_t axis) {
  if (call.in[0].shape()[axis] == 0 && call.in[1].size() != 0)
    fail_invalid("[", call.name, "] axis ", axis, " of ", to_string(call.in[0].shape()),
                 " is empty; expected no indices, but they have shape ",
                 to_string(call.in[1].shape()));
}

// The shape of x with `axis` replaced by the axes of indices.
Shape taken_shape(const Call& call, std::size_t axis) {
  const Shape &x = call.in[0].shape(), &idx = call.in[1].shape();
  Shape out(x.begin(), x.begin() + axis);
  out.append(idx.begin(), idx.end());
  out.append(x.begin() + axis + 1, x.end());
  element_count(out);
  return out;
}

void check_same_ndim(const Call& call) {
  if (call.in[0].ndim() != call.in[1].ndim())
    fail_invalid("[", call.name, "] x of shape ", to_string(call.in[0].shape()),
                 " and indices of shape ", to_string(call.in[1].shape()),
                 "; expected as many axes in both");
}

void set_updates(Call& call, const Shape& want) {
  const Array& u = call.in[2];
  if (broadcast_shapes(call.name, u.shape(), want) != want)
    fail_invalid("[", call.name, "] updates of shape ", to_string(u.shape()),
                 "; expected one that broadcasts to ", to_string(want));
  call.in[2] = broadcast(cast(u, call.in[0].dtype()), want);
}

}  // namespace

namespace shape {

void take(Call& call) {
  const std::size_t axis = set_axis(call);
  call.in[1] = index_array(call, call.in[1]);
  check_not_empty(call, axis);
  call.out.push_back({taken_shape(call, axis), call.in[0].dtype()});
}

void take_along_axis(Call& call) {
  check_same_ndim(call);
  const std::size_t axis = set_axis(call);
  call.in[1] = index_array(call, call.in[1]);
  check_not_empty(call, axis);
  Shape x = call.in[0].shape(), idx = call.in[1].shape();
  const std::int64_t n_x = x[axis], n_idx = idx[axis];
  x[axis] = idx[axis] = 1;
  Shape all = broadcast_shapes(call.name, x, idx);
  all[axis] = n_x;
  call.in[0] = broadcast(call.in[0], all);
  all[axis] = n_idx;
  element_count(all);
  call.in[1] = broadcast(call.in[1], all);
  call.out.push_back({std::move(all), call.in[0].dtype()});
}

void scatter_add(Call& call) {
  const std::size_t axis = set_axis(call);
  call.in[1] = index_array(call, call.in[1]);
  check_not_empty(call, axis);
  set_updates(call, taken_shape(call, axis));
  call.out.push_back({call.in[0].shape(), call.in[0].dtype()});
}

void scatter_add_along_axis(Call& call) {
  check_same_ndim(call);
  const std::size_t axis = set_axis(call);
  call.in[1] = index_array(call, call.in[1]);
  check_not_empty(call, axis);
  const Shape& idx = call.in[1].shape();
  Shape want = call.in[0].shape();
  want[axis] = idx[axis];
  if (broadcast_shapes(call.name, idx, want) != want)
    fail_invalid("[", call.name, "] indices of shape ", to_string(idx),
                 "; expected one that broadcasts to ", to_string(want), " (x but for axis ", axis,
                 ")");
  element_count(want);
  call.in[1] = broadcast(call.in[1], want);
  set_updates(call, want);
  call.out.push_back({call.in[0].shape(), call.in[0].dtype()});
}

}  // namespace shape

namespace grad {

void take(Vjp& v) {
  if (v.needs(0)) v.set(0, ops::scatter_add(zeros_like(v.in(0)), v.in(1), v.cot(), v.attrs.i(0)));
}

void take_along_axis(Vjp& v) {
  if (!v.needs(0)) return;
  v.set(0, ops::scatter_add_along_axis(zeros_like(v.in(0)), v.in(1), v.cot(), v.attrs.i(0)));
}

void scatter_add(Vjp& v) {
  if (v.needs(0)) v.set(0, v.cot());
  if (v.needs(2)) v.set(2, ops::take(v.cot(), v.in(1), v.attrs.i(0)));
}

void scatter_add_along_axis(Vjp& v) {
  if (v.needs(0)) v.set(0, v.cot());
  if (v.needs(2)) v.set(2, ops::take_along_axis(v.cot(), v.in(1), v.attrs.i(0)));
}

}  // namespace grad
}  // namespace quern
