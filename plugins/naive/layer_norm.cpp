// Reference layer_norm over the last axis: mean, then the mean squared deviation, both in f64.
#include <cmath>

#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

// Step along the normalised axis of a weight or bias: 0 for a single value.
std::int64_t step_of(const Operand& a) { return a.count == 1 ? 0 : a.strides.back(); }

template <typename T>
void layer_norm(const Problem& p, const qn_run& run) {
  const Operand& x = p.in[0];
  const double eps = p.number(0);
  const std::int64_t w_step = step_of(p.in[1]), b_step = step_of(p.in[2]);
  const std::array<Strides, 2> strides = {strides_of(x), strides_of(p.out[0])};
  for_each_run<2>(x.shape, strides, [&](const auto& at, std::int64_t n, const auto& step) {
    const auto value = [&](std::int64_t k) -> double {
      return load<T>(run.in[0].data, at[0] + k * step[0]);
    };
    double mean = 0, variance = 0;
    for (std::int64_t k = 0; k < n; ++k) mean += value(k);
    mean /= static_cast<double>(n);
    for (std::int64_t k = 0; k < n; ++k) variance += (value(k) - mean) * (value(k) - mean);
    variance /= static_cast<double>(n);
    const double scale = 1 / std::sqrt(variance + eps);
    for (std::int64_t k = 0; k < n; ++k) {
      const double w = load<T>(run.in[1].data, k * w_step), b = load<T>(run.in[2].data, k * b_step);
      store<T>(run.out[0].data, at[1] + k * step[1], (value(k) - mean) * scale * w + b);
    }
  });
}

qn_status run_layer_norm(const Problem& p, const qn_run& run) {
  dispatch_float(p.in[0].dtype,
                 [&](auto tag) { layer_norm<typename decltype(tag)::type>(p, run); });
  return QN_OK;
}

bool accepts_layer_norm(const qn_opdesc& op, std::string* why) {
  if (!accept_float(op, why)) return false;
  if (op.n_op_in != 3 || op.in[1].dtype != op.in[0].dtype || op.in[2].dtype != op.in[0].dtype) {
    *why = "takes x, w and b of one dtype";
  } else if (op.in[0].ndim == 0) {
    *why = "takes no 0-d x";
  } else {
    return true;
  }
  return false;
}

double estimate(const qn_opdesc& op) {
  return 100 + 6 * static_cast<double>(element_count(op.in[0]));
}

const Kernel kTable[] = {
    {QN_OP_LAYER_NORM, "layer_norm", accepts_layer_norm, run_layer_norm, estimate},
};

}  // namespace

const KernelList layer_norm_kernels = kernel_list(kTable);

}  // namespace quern::naive
