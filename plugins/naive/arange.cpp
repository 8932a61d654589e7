// arange: evenly spaced values, each computed from its index in f64, so that errors do not add up.
// The number of values is the shape rule's.
#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

bool accepts(const qn_opdesc& op, std::string* why) {
  if (is_real(static_cast<qn_dtype>(op.attr[3].v.i))) return true;
  *why = "does not make complex numbers";
  return false;
}

qn_status run_arange(const Problem& p, const qn_run& run) {
  const Operand& y = p.out[0];
  const double start = p.number(0), step = p.number(2);
  dispatch(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::int64_t i = 0; i < y.count; ++i) {
      const double value = start + static_cast<double>(i) * step;
      if constexpr (std::is_integral_v<T>)
        store<T>(run.out[0].data, i * y.strides[0], float_to_int<T>(value));
      else
        store<T>(run.out[0].data, i * y.strides[0], value);
    }
  });
  return QN_OK;
}

const Kernel kTable[] = {{QN_OP_ARANGE, "arange", accepts, run_arange}};

}  // namespace

const KernelList arange_kernels = kernel_list(kTable);

}  // namespace quern::naive
