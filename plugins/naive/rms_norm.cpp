// Reference rms_norm over the last axis: the mean square in f64.
#include <cmath>

#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

template <typename T>
void rms_norm(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &w = p.in[1];
  const std::int64_t w_step = w.count == 1 ? 0 : w.strides.back();  // 0: one weight for all
  const std::array<Strides, 2> strides = {strides_of(x), strides_of(p.out[0])};
  for_each_run<2>(x.shape, strides, [&](const auto& at, std::int64_t n, const auto& step) {
    double squares = 0;
    for (std::int64_t k = 0; k < n; ++k) {
      const double v = load<T>(run.in[0].data, at[0] + k * step[0]);
      squares += v * v;
    }
    const double scale = 1 / std::sqrt(squares / static_cast<double>(n) + p.number(0));
    for (std::int64_t k = 0; k < n; ++k) {
      const double v = load<T>(run.in[0].data, at[0] + k * step[0]);
      store<T>(run.out[0].data, at[1] + k * step[1],
               v * scale * static_cast<double>(load<T>(run.in[1].data, k * w_step)));
    }
  });
}

qn_status run_rms_norm(const Problem& p, const qn_run& run) {
  dispatch_float(p.in[0].dtype, [&](auto tag) { rms_norm<typename decltype(tag)::type>(p, run); });
  return QN_OK;
}

bool accepts(const qn_opdesc& op, std::string* why) {
  if (!accept_float(op, why)) return false;
  if (op.in[1].dtype != op.in[0].dtype || op.in[0].ndim == 0)
    *why = "takes x with axes, and w of its dtype";
  return why->empty();
}

double estimate(const qn_opdesc& op) {
  return 100 + 4 * static_cast<double>(element_count(op.in[0]));
}

const Kernel kTable[] = {{QN_OP_RMS_NORM, "rms_norm", accepts, run_rms_norm, estimate}};

}  // namespace

const KernelList rms_norm_kernels = kernel_list(kTable);

}  // namespace quern::naive
