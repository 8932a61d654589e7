// Reference group_norm: mean, then the mean squared deviation, of each item and group, in f64.
#include <cmath>

#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

template <typename T>
void group_norm(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  if (x.count == 0) return;
  const std::size_t last = x.shape.size() - 1;
  const std::int64_t channels = x.shape[last], groups = p.integer(0), size = channels / groups;
  const std::int64_t positions = x.count / x.shape[0] / channels;
  const bool interleaved = p.integer(1) != 0;
  // Element k of a group of an item.
  const auto place = [&](const Operand& a, std::int64_t item, std::int64_t group, std::int64_t k) {
    const std::int64_t c = interleaved ? k % size * groups + group : group * size + k % size;
    std::int64_t at = item * a.strides[0] + c * a.strides[last], position = k / size;
    for (std::size_t i = last; i-- > 1; position /= a.shape[i])
      at += position % a.shape[i] * a.strides[i];
    return at;
  };
  const std::int64_t n = positions * size;
  for (std::int64_t item = 0; item < x.shape[0]; ++item) {
    for (std::int64_t group = 0; group < groups; ++group) {
      const auto value = [&](std::int64_t k) -> double {
        return load<T>(run.in[0].data, place(x, item, group, k));
      };
      double mean = 0, variance = 0;
      for (std::int64_t k = 0; k < n; ++k) mean += value(k);
      mean /= static_cast<double>(n);
      for (std::int64_t k = 0; k < n; ++k) variance += (value(k) - mean) * (value(k) - mean);
      const double scale = 1 / std::sqrt(variance / static_cast<double>(n) + p.number(2));
      for (std::int64_t k = 0; k < n; ++k)
        store<T>(run.out[0].data, place(y, item, group, k), (value(k) - mean) * scale);
    }
  }
}

qn_status run_group_norm(const Problem& p, const qn_run& run) {
  dispatch_float(p.in[0].dtype,
                 [&](auto tag) { group_norm<typename decltype(tag)::type>(p, run); });
  return QN_OK;
}

bool accepts_group_norm(const qn_opdesc& op, std::string* why) {
  if (!accept_float(op, why)) return false;
  const qn_array_desc& x = op.in[0];
  const std::int64_t groups = sdk::attr_int(op, 0);
  if (x.ndim >= 2 && groups >= 1 && x.shape[x.ndim - 1] % groups == 0) return true;
  *why = "takes channels that the groups divide";
  return false;
}

double estimate(const qn_opdesc& op) {
  return 100 + 12 * static_cast<double>(element_count(op.in[0]));
}

const Kernel kTable[] = {
    {QN_OP_GROUP_NORM, "group_norm", accepts_group_norm, run_group_norm, estimate},
};

}  // namespace

const KernelList group_norm_kernels = kernel_list(kTable);

}  // namespace quern::naive
