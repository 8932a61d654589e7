// put_along_axis: a copy of x with elements along an axis replaced where indices point; the last
// one wins. Moves bytes: every dtype, no arithmetic. The shape rule has broadcast the operands.
#include "plugins/naive/indexing.h"

namespace quern::naive {
namespace {

bool accepts(const qn_opdesc& op, std::string* why) {
  if (!accept_indices(op, why)) return false;
  if (op.in[2].dtype != op.in[0].dtype) *why = "x and values differ in dtype";
  return why->empty();
}

qn_status run_put_along_axis(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &indices = p.in[1], &values = p.in[2], &y = p.out[0];
  const std::size_t axis = normal_axis(p.integer(0), x.ndim());
  copy_strided(run.out[0].data, strides_of(y), run.in[0].data, strides_of(x), y.shape, y.itemsize);
  if (x.count == 0) return QN_OK;
  Strides to = strides_of(y);
  to[axis] = 0;
  dispatch_integer(indices.dtype, [&](auto tag) {
    using I = typename decltype(tag)::type;
    for_each<3>(indices.shape, {to, strides_of(indices), strides_of(values)}, [&](const auto& at) {
      const std::int64_t i = clamp_index(to_index(load<I>(run.in[1].data, at[1])), x.shape[axis]);
      copy_item(advance(run.out[0].data, at[0] + i * y.strides[axis], y.itemsize),
                advance(run.in[2].data, at[2], y.itemsize), y.itemsize);
    });
  });
  return QN_OK;
}

const Kernel kTable[] = {{QN_OP_PUT_ALONG_AXIS, "put_along_axis", accepts, run_put_along_axis}};

}  // namespace

const KernelList put_along_axis_kernels = kernel_list(kTable);

}  // namespace quern::naive
