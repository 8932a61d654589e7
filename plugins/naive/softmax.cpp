// Reference softmax and log_softmax over any set of axes, in f64 for every dtype.
#include <algorithm>
#include <cmath>
#include <limits>

#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

// Some axes of the operands, with their strides: [0] of the input, [1] of the output.
struct Axes {
  std::array<std::int64_t, kMaxDims> shape{};
  std::array<Strides, 2> strides{};
  std::size_t count = 0;

  void add(const Problem& p, std::size_t axis) {
    shape[count] = p.in[0].shape[axis];
    strides[0][count] = p.in[0].strides[axis];
    strides[1][count] = p.out[0].strides[axis];
    ++count;
  }
  template <typename F>
  void each(F&& f) const {
    for_each<2>({shape.data(), count}, strides, f);
  }
};

template <typename T>
void softmax(const Problem& p, const qn_run& run, bool logarithm) {
  const auto axes = p.ints(0);
  Axes kept, normalized;
  for (std::size_t i = 0; i < p.in[0].shape.size(); ++i) {
    const bool inside =
        std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(i)) != axes.end();
    (inside ? normalized : kept).add(p, i);
  }
  kept.each([&](const auto& base) {
    const auto value = [&](const auto& at) -> double {
      return load<T>(run.in[0].data, base[0] + at[0]);
    };
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    normalized.each([&](const auto& at) { largest = std::max(largest, value(at)); });
    normalized.each([&](const auto& at) { total += std::exp(value(at) - largest); });
    const double log_total = std::log(total);
    normalized.each([&](const auto& at) {
      const double v = value(at) - largest;
      store<T>(run.out[0].data, base[1] + at[1], logarithm ? v - log_total : std::exp(v) / total);
    });
  });
}

qn_status run_softmax(const Problem& p, const qn_run& run) {
  dispatch_float(p.in[0].dtype, [&](auto tag) {
    softmax<typename decltype(tag)::type>(p, run, p.op == QN_OP_LOG_SOFTMAX);
  });
  return QN_OK;
}

double estimate(const qn_opdesc& op) {
  return 100 + 20 * static_cast<double>(element_count(op.in[0]));
}

const Kernel kTable[] = {
    {QN_OP_SOFTMAX, "softmax", accept_float, run_softmax, estimate},
    {QN_OP_LOG_SOFTMAX, "log_softmax", accept_float, run_softmax, estimate},
};

}  // namespace

const KernelList softmax_kernels = kernel_list(kTable);

}  // namespace quern::naive
