// reshape, transpose, broadcast_to, slice, identity, depends as real copies, for when the planner
// can't alias the input. Never makes an alias itself.
#include "plugins/naive/slices.h"

namespace quern::naive {
namespace {

// Copies x, walked from element `start` (an offset) by `strides`, to all of the output.
qn_status copy_to_out(const Problem& p, const qn_run& run, std::int64_t start,
                      const Strides& strides) {
  const Operand& y = p.out[0];
  copy_strided(run.out[0].data, strides_of(y), advance(run.in[0].data, start, y.itemsize), strides,
               y.shape, y.itemsize);
  return QN_OK;
}

qn_status run_identity(const Problem& p, const qn_run& run) {
  return copy_to_out(p, run, 0, strides_of(p.in[0]));
}

qn_status run_broadcast(const Problem& p, const qn_run& run) {
  return copy_to_out(p, run, 0, broadcast_strides(p.in[0], p.out[0].ndim()));
}

qn_status run_transpose(const Problem& p, const qn_run& run) {
  const Operand& x = p.in[0];
  const auto axes = p.ints(0);
  Strides s{};
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const std::int64_t axis = axes.empty() ? x.ndim() - 1 - static_cast<std::int64_t>(i) : axes[i];
    s[i] = x.strides[static_cast<std::size_t>(axis < 0 ? axis + x.ndim() : axis)];
  }
  return copy_to_out(p, run, 0, s);
}

qn_status run_slice(const Problem& p, const qn_run& run) {
  const Operand& x = p.in[0];
  if (p.out[0].count == 0) return QN_OK;
  Strides s{};
  std::int64_t start = 0;
  for (std::size_t i = 0; i < x.ndim(); ++i) {
    const AxisSlice a = axis_slice(p, i, x.shape[i]);
    start += a.start * x.strides[i];
    s[i] = a.step * x.strides[i];
  }
  return copy_to_out(p, run, start, s);
}

// Elements keep their row-major number; only the output's strides may break its order.
qn_status run_reshape(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  if (y.count == 0) return QN_OK;
  bool dense = true;
  const Strides want = dense_strides(y.shape);
  for (std::size_t i = 0; i < y.shape.size(); ++i)
    dense = dense && (y.shape[i] == 1 || y.strides[i] == want[i]);
  const Strides by_number = dense_strides(x.shape);
  if (dense) {
    copy_strided(run.out[0].data, by_number, run.in[0].data, strides_of(x), x.shape, x.itemsize);
    return QN_OK;
  }
  for_each<2>(x.shape, {strides_of(x), by_number}, [&](const auto& at) {
    copy_item(advance(run.out[0].data, element_offset(y, at[1]), y.itemsize),
              advance(run.in[0].data, at[0], x.itemsize), x.itemsize);
  });
  return QN_OK;
}

const Kernel kTable[] = {
    {QN_OP_RESHAPE, "reshape", accept_any, run_reshape},
    {QN_OP_TRANSPOSE, "transpose", accept_any, run_transpose},
    {QN_OP_BROADCAST_TO, "broadcast_to", accept_any, run_broadcast},
    {QN_OP_SLICE, "slice", accept_any, run_slice},
    {QN_OP_IDENTITY, "identity", accept_any, run_identity},
    {QN_OP_DEPENDS, "depends", accept_any, run_identity},
};

}  // namespace

const KernelList view_kernels = kernel_list(kTable);

}  // namespace quern::naive
