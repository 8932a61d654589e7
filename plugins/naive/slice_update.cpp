// slice_update: a copy of x with x[start:stop:step] replaced by update, broadcast.
// Never writes into x: in-place updates are the planner's affair.
#include "plugins/naive/slices.h"

namespace quern::naive {
namespace {

bool accepts(const qn_opdesc& op, std::string* why) {
  if (op.in[0].dtype == op.in[1].dtype) return true;
  *why = "x and update differ in dtype";
  return false;
}

qn_status run_slice_update(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &update = p.in[1], &y = p.out[0];
  copy_strided(run.out[0].data, strides_of(y), run.in[0].data, strides_of(x), y.shape, y.itemsize);
  std::array<std::int64_t, kMaxDims> region{};
  Strides s{};
  std::int64_t start = 0;
  for (std::size_t i = 0; i < y.ndim(); ++i) {
    const AxisSlice a = axis_slice(p, i, y.shape[i]);
    if (a.count == 0) return QN_OK;
    region[i] = a.count;
    start += a.start * y.strides[i];
    s[i] = a.step * y.strides[i];
  }
  copy_strided(advance(run.out[0].data, start, y.itemsize), s, run.in[1].data,
               broadcast_strides(update, y.ndim()), {region.data(), y.ndim()}, y.itemsize);
  return QN_OK;
}

const Kernel kTable[] = {{QN_OP_SLICE_UPDATE, "slice_update", accepts, run_slice_update}};

}  // namespace

const KernelList slice_update_kernels = kernel_list(kTable);

}  // namespace quern::naive
