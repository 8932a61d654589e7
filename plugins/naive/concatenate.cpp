// concatenate: arrays joined along an existing axis.
// Converts no dtypes: the inputs come promoted.
#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

bool accepts(const qn_opdesc& op, std::string* why) {
  for (std::uint32_t i = 1; i < op.n_op_in; ++i) {
    if (op.in[i].dtype == op.in[0].dtype) continue;
    *why = "inputs differ in dtype";
    return false;
  }
  return true;
}

qn_status run_concatenate(const Problem& p, const qn_run& run) {
  const Operand& y = p.out[0];
  const auto axis =
      static_cast<std::size_t>(p.integer(0) < 0 ? p.integer(0) + y.ndim() : p.integer(0));
  std::int64_t at = 0;
  for (std::uint32_t i = 0; i < p.n_op_in; ++i) {
    const Operand& x = p.in[i];
    copy_strided(advance(run.out[0].data, at * y.strides[axis], y.itemsize), strides_of(y),
                 run.in[i].data, strides_of(x), x.shape, y.itemsize);
    at += x.shape[axis];
  }
  return QN_OK;
}

const Kernel kTable[] = {{QN_OP_CONCATENATE, "concatenate", accepts, run_concatenate}};

}  // namespace

const KernelList concatenate_kernels = kernel_list(kTable);

}  // namespace quern::naive
