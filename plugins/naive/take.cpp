// take and take_along_axis: elements of x picked by indices along an axis; indices are clamped into
// it. Moves bytes: every dtype, no arithmetic.
#include "plugins/naive/indexing.h"

namespace quern::naive {
namespace {

// Every output element lies at x[base + index * step]; `base` comes from an operand with a zero
// stride for the index.
qn_status pick(const Problem& p, const qn_run& run, std::size_t axis, const Strides& x_base,
               const Strides& indices, std::span<const std::int64_t> shape) {
  const Operand &x = p.in[0], &y = p.out[0];
  if (x.count == 0 && y.count) std::memset(run.workspace, 0, y.itemsize);
  dispatch_integer(p.in[1].dtype, [&](auto tag) {
    using I = typename decltype(tag)::type;
    for_each<3>(shape, {x_base, indices, strides_of(y)}, [&](const auto& at) {
      const void* from = run.workspace;
      if (x.count) {
        const std::int64_t i = clamp_index(to_index(load<I>(run.in[1].data, at[1])), x.shape[axis]);
        from = advance(run.in[0].data, at[0] + i * x.strides[axis], x.itemsize);
      }
      copy_item(advance(run.out[0].data, at[2], y.itemsize), from, y.itemsize);
    });
  });
  return QN_OK;
}

qn_status run_take(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &indices = p.in[1];
  const std::size_t axis = normal_axis(p.integer(0), x.ndim());
  const TakeAxes t(x, indices, axis);
  return pick(p, run, axis, t.x, t.indices, p.out[0].shape);
}

qn_status run_take_along_axis(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  const std::size_t axis = normal_axis(p.integer(0), y.ndim());
  Strides base = broadcast_strides(x, y.ndim());
  base[axis] = 0;
  return pick(p, run, axis - (y.ndim() - x.ndim()), base, broadcast_strides(p.in[1], y.ndim()),
              y.shape);
}

std::uint64_t workspace(const Problem&) { return 8; }  // the zero that an empty x gives

const Kernel kTable[] = {
    {QN_OP_TAKE, "take", accept_indices, run_take, nullptr, workspace},
    {QN_OP_TAKE_ALONG_AXIS, "take_along_axis", accept_indices, run_take_along_axis, nullptr,
     workspace},
};

}  // namespace

const KernelList take_kernels = kernel_list(kTable);

}  // namespace quern::naive
